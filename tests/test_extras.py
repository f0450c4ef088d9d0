"""What a command needs of other packages comes with an extra: the core pools without any, and who lacks one is told which."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import cordbook
from cordbook.cli.extras import EXTRA_OF, PURPOSES, missing

PACKAGE = Path(cordbook.__file__).parent
#: Modules of the core's own packages, as they are imported.
CORE = {"numpy": "numpy", "scipy": "scipy", "pandas": "pandas", "statsmodels": "statsmodels", "yaml": "PyYAML"}
#: Packages of an extra that no line imports, and why they are there.
NOT_IMPORTED = {"ipykernel": "the kernel of the chapters", "dask": "what distributed works with"}
#: What comes with a package of the extra: the name in pyproject.toml is another.
BROUGHT_BY = {
    "bs4": "beautifulsoup4",
    "charset_normalizer": "charset-normalizer",
    "prompt_toolkit": "prompt-toolkit",
    **dict.fromkeys(
        ("docutils", "jupyter_book", "jupyter_client", "myst_nb", "nbformat", "pybtex", "sphinx", "sphinxcontrib", "traitlets"),
        "jupyter-book",
    ),
}
#: Runs a command of the package as where nothing of the extras is installed.
BLOCKED = """
import sys
from cordbook.cli.extras import EXTRA_OF

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRA_OF:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from cordbook.cli import main
sys.exit(main(sys.argv[1:]))
"""


def imported() -> Iterator[tuple[str, Path]]:
    """Each module of another package that some line of ours imports, and where; not what is for the types alone."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for_types = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if id(node) in for_types:
                continue
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in ("cordbook", "__future__"):
                    yield top, path


def packages(extra: str = "") -> set[str]:
    """Names of the packages that pyproject.toml lists for an extra, those of the extras that it names with them; of the core for none."""
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    found: set[str] = set()
    for line in listed:
        if own := re.fullmatch(r"cordbook\[(.+)\]", line):
            found |= {name for other in own[1].split(",") for name in packages(other)}
        else:
            found.add(re.split(r"[<>=;\[ ]", line)[0])
    return found


def test_every_import_is_of_the_core_or_of_an_extra():
    """A new package is named in both places, or a stranger meets a traceback."""
    assert {(name, path.name) for name, path in imported() if name not in CORE.keys() | EXTRA_OF.keys()} == set()
    assert set(EXTRA_OF) - {name for name, _ in imported()} == set(NOT_IMPORTED)
    assert set(EXTRA_OF.values()) == set(PURPOSES)


def test_the_core_is_what_pooling_needs():
    assert packages() == set(CORE.values())


@pytest.mark.parametrize(("module", "extra"), EXTRA_OF.items())
def test_the_extra_that_is_named_brings_the_module(module, extra):
    names = {name.lower() for name in packages(extra)}
    assert BROUGHT_BY.get(module, module) in names


def test_a_module_of_no_extra_is_an_error_of_the_program():
    assert missing(ModuleNotFoundError(name="cordbook.nothing")) is None


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The package as pip unpacks it, far from a checkout."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-CC-BY-4.0.md"):
        shutil.copy(root / name, source)
    shutil.copytree(PACKAGE, source / "analysis" / "cordbook", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(made), str(source)], check=True)
    with zipfile.ZipFile(next(made.glob("*.whl"))) as archive:
        archive.extractall(made / "site")
    return made / "site"


def test_the_wheel_pools_outside_a_checkout_and_begins_a_review(wheel, tmp_path):
    (tmp_path / "t.csv").write_text("study,events,n\na,3,12\nb,5,20\nc,0,9\n")
    here = {**os.environ, "PYTHONPATH": str(wheel)}

    def done(code: str, *words: str) -> str:
        command = [sys.executable, "-c", f"import cordbook; print(cordbook.__file__)\n{code}", *words]
        ended = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stdout.startswith(str(wheel))
        return ended.stdout

    assert "95% CI" in done(BLOCKED, "pool", "t.csv", "--events", "events", "--n", "n")
    whole = "import sys; from cordbook.cli import main; sys.exit(main(sys.argv[1:]))"
    done(whole, "pool", "t.csv", "--events", "events", "--n", "n", "--plot", "forest.svg")
    assert (tmp_path / "forest.svg").read_text(encoding="utf-8").startswith(("<?xml", "<svg"))
    done(whole, "new", "falls", "--title", "Falls", "--question", "Does exercise prevent falls?", "--author", "Example, Ada")
    assert (tmp_path / "falls" / "data" / "datapackage.json").is_file()


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKED, *words], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ("--help",), ("--version",), ("validate",), ("estimates", "tumour-cell-therapy"), ("cite", "ais-improved-cell-therapy"),
        ("history", "ais-improved-cell-therapy"), ("multiverse", "--help"), ("verify-counts", "--list"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_the_core_alone_reads_checks_and_pools_the_data(root, words):
    done = run(root, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_alone_pools_the_table_of_a_stranger(tmp_path):
    (tmp_path / "t.csv").write_text("study,events,n\na,3,12\nb,5,20\nc,0,9\n")
    pool = ("pool", "t.csv", "--events", "events", "--n", "n", "--leave-one-out", "--bias", "--bayes")
    done = run(tmp_path, *pool)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "95% CI" in done.stdout
    figure = run(tmp_path, *pool, "--plot", "forest.png")
    assert (figure.returncode, "Traceback" in figure.stderr) == (2, False)
    assert 'pip install "cordbook[figures]"' in figure.stderr
    assert not (tmp_path / "forest.png").exists()


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("check",), "book"), (("pdf",), "book"), (("host", "public"), "book"),
        (("check-references", "--online"), "intake"),
    ],
    ids=str,
)  # fmt: skip
def test_who_lacks_an_extra_is_told_which(root, words, extra):
    done = run(root, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f'pip install "cordbook[{extra}]"' in done.stderr.splitlines()[-1]


def test_who_asks_for_several_cores_without_joblib_is_told_which_extra(tmp_path):
    """One core needs none."""
    code = BLOCKED.split("from cordbook.cli import main")[0] + (
        "from cordbook.cli.extras import missing\n"
        "from cordbook.core.work.runner import run_all\n"
        "assert run_all(abs, range(60), name='one') == list(range(60))\n"
        "try:\n    run_all(abs, range(60), name='two', jobs=2)\nexcept ModuleNotFoundError as error:\n    print(missing(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert 'pip install "cordbook[cluster]"' in done.stdout
