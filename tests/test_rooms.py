"""The house keeps its shape: imports run one way, and the statistics stand alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cordbook
from cordbook import synthesis

PACKAGE = Path(cordbook.__file__).parent
#: What a room may import of the package; the order of the house, from the ground up.
MAY_IMPORT = {
    "core": {"core"},
    "evidence": {"evidence", "core"},
    "synthesis": {"synthesis"},
    "review": {"review", "evidence", "synthesis", "core"},
    "figures": {"figures", "review", "evidence", "synthesis", "core"},
    "notebook": {"figures", "review", "evidence", "synthesis", "core", "notebook"},
    "publish": {"publish", "notebook", "figures", "review", "evidence", "synthesis", "core"},
    "intake": {"intake", "review", "evidence", "synthesis", "core"},
}


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "cordbook":
                names = [f"cordbook.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("cordbook.")}
    return rooms


def files_of(room: str) -> list[Path]:
    single = PACKAGE / f"{room}.py"
    return [single] if single.is_file() else sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_run_one_way(room):
    for path in files_of(room):
        assert imported_rooms(path) <= MAY_IMPORT[room], path.name


def test_only_intake_may_reach_the_network():
    clients = {"requests", "httpx", "urllib.request", "aiohttp", "http.client"}
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] == "intake":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not clients & set(names), path


@pytest.mark.parametrize("name", synthesis.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name):
    thing = getattr(cordbook, name)
    assert callable(thing), f"{name} is hidden by a module of the same name"
    assert thing.__doc__
    assert len(thing.__doc__) > 40, name


def test_no_module_hides_a_public_name():
    """Importing a module sets it as an attribute of its package, where it would hide a function of that name."""
    modules = {path.stem for path in (PACKAGE / "synthesis").iterdir()}
    assert modules & set(synthesis.__all__) == set()


def test_importing_the_package_loads_no_statistics():
    code = "import sys, cordbook; sys.exit(any(m in sys.modules for m in ('numpy', 'pandas', 'scipy', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="pool_everything"):
        cordbook.pool_everything  # noqa: B018


def test_everything_public_comes_with_a_star():
    """The public names are loaded lazily; ``import *`` and completion know them none the less."""
    names = {}
    exec("from cordbook import *", names)
    assert "pool_proportions" in names
    assert set(cordbook.__all__) <= set(names) & set(dir(cordbook))
