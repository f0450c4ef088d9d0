"""The house keeps its shape: imports run one way, and the statistics stand alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cordbook
from cordbook import synthesis

PACKAGE = Path(cordbook.__file__).parent
#: The rooms from the ground up. A file may import its own room and those named before it; a face (``__init__``) only lists
#: names of its own house, so it may import all that stands inside.
FLOORS = (
    "errors",
    "core.trust", "core", "core.work",
    "evidence", "evidence.promises", "evidence.references", "evidence.queries", "evidence.rules",
    "synthesis", "synthesis.between_studies", "synthesis.glmm", "synthesis.pooling", "synthesis.means",
    "synthesis.regression", "synthesis.multilevel", "synthesis.sensitivity",
    "synthesis.expected", "synthesis.bias", "synthesis.dose", "synthesis.sequential", "synthesis.bayes",
    "review.estimates", "review.scores", "review.expected", "review.multiverse", "review.studies", "review.appraisal", "review.explorer",
    "review.versions", "review.citation",
    "review.claims", "review.reporting",
    "display.html", "display.tables", "display.figures", "display.figures.curves", "display.figures.diagnostics", "display.chapters",
    "subject", "notebook",
    "publish.freshness", "publish.execute", "publish.sources", "publish.pages", "publish.sphinx.made_pages", "publish.sphinx", "publish.build",
    "publish.release", "publish.hosting", "publish.starting",
    "intake.records", "intake.imports.parsers", "intake.imports", "intake.sources", "intake.dedupe", "intake.recall", "intake.screening",
    "intake.extraction", "intake.references",
    "cli",
)  # fmt: skip
#: What stands by itself: the statistics know nothing of tables, what takes in nothing of how the book is built.
APART = {"synthesis": ("errors", "core", "evidence"), "intake": ("display", "notebook", "publish", "subject")}
#: The command line has one module per command; every other room is small enough to be seen at once.
MOST_FILES = 16


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path).removesuffix(".__init__"): path for path in PACKAGE.rglob("*.py")}


def room_of(module: str) -> str:
    """The room that a module stands in; a package's own name is its face."""
    return module if MODULES[module].name == "__init__.py" or "." not in module else module.rpartition(".")[0]


def imported(path: Path) -> set[str]:
    """Modules of this package that a file imports, those inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            base = node.module or ""
            for alias in node.names:
                whole = f"{base}.{alias.name}".removeprefix("cordbook.")
                found.add(whole if whole in MODULES and base.startswith("cordbook") else base.removeprefix("cordbook."))
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("cordbook.") for alias in node.names if alias.name.startswith("cordbook.")}
    return found & MODULES.keys()


ARROWS = {module: imported(path) for module, path in MODULES.items()}


def floor(room: str) -> int:
    """The floor of a room; of a face, the highest that its house reaches."""
    return (
        FLOORS.index(room)
        if room in FLOORS
        else max(n for n, name in enumerate(FLOORS) if f"{name}.".startswith(f"{room}.") or name == room)
    )


@pytest.mark.parametrize("room", [*FLOORS, "publish.assets"])
def test_a_room_is_small_enough_to_be_seen(room):
    place = PACKAGE.joinpath(*room.split("."))
    files = [p for p in place.glob("*") if p.is_file()] if place.is_dir() else []
    assert room == "cli" or len(files) <= MOST_FILES, sorted(p.name for p in files)


def test_every_file_stands_in_a_room():
    faces = {"", "__main__", "__init__", "review", "display", "publish", "intake"}
    assert {room_of(module) for module in MODULES} - faces <= set(FLOORS)


@pytest.mark.parametrize("room", FLOORS)
def test_imports_run_one_way(room):
    for module, targets in ARROWS.items():
        if room_of(module) != room or MODULES[module].name == "__init__.py":
            continue
        for target in targets:
            goal = room_of(target)
            own = goal == room or room.startswith(f"{goal}.")
            assert own or floor(goal) < floor(room), f"{module} imports {target}, which stands above it"


@pytest.mark.parametrize("house", sorted(APART))
def test_a_house_that_stands_by_itself_imports_nothing_of_the_others(house):
    for module, targets in ARROWS.items():
        if module.split(".")[0] == house:
            assert not [t for t in targets if t.split(".")[0] in APART[house]], module


def test_no_circle_of_imports():
    """Not even one that only type checkers would walk."""
    left = {module: {t for t in targets if t != module} for module, targets in ARROWS.items()}
    while free := {module for module, targets in left.items() if not targets & left.keys()}:
        left = {module: targets for module, targets in left.items() if module not in free}
    assert left == {}


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
