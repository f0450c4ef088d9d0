"""One tree of errors, caught once: every error that people see derives from it, and no command catches one to print it."""

from __future__ import annotations

import argparse
import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cordbook
from cordbook import cli, errors
from cordbook.core.csv_files import NotCsv
from cordbook.core.project import NoProject
from cordbook.errors import CordbookError, InputError, NotWritten, UnknownName, UsageError
from cordbook.evidence import Unreadable
from cordbook.intake.records.store import Busy

PACKAGE = Path(cordbook.__file__).parent
TABLE = Path(__file__).parents[1] / "docs" / "commands.md"
#: Exceptions that nobody sees, with the reason.
NOT_SEEN = {
    "Ended": "the person has ended the questions, which is not an error",
    "_Malformed": "caught in its own module, which tells it as Unreadable",
    "UnknownRead": "a record of an older version; caught in its own module, and the chapter is stale",
    "Reopened": "the reader goes back to an answer; the questions are asked on from there",
    "_Back": "the person goes back to the choice for a count; caught in its own module",
    "Expired": "caught in its own module, which begins the search anew",
    "BadPattern": "caught by the schema and the rules, which name the column and the pattern",
    "NotRegular": "an OSError, caught wherever files are read and told as the file that cannot be read",
}
#: Where a command catches an error of the tree, because it goes on: the reason.
GOES_ON = {
    ("shared", "CordbookError"): "raised again: what the statistics raise beside it is told in the words of the options",
    ("validate", "Unreadable"): "who asked for JSON gets the problems as JSON",
    ("verify", "NoProject"): "an archive can be verified outside a project",
    ("import_records", "CannotImport"): "the other files are still taken in",
    ("import_records", "Busy"): "the other files are still taken in",
    ("extract_session", "Unreadable"): "a table that is being written just now leaves the closed lists as they were",
    ("extract_terms", "NotReadable"): "the term is told as refused, and the question is asked again",
    ("reconcile", "NotReadable"): "the study is not ready, the next one may be; or the answer is asked again",
    ("screen", "NotAllowed"): "the answer is asked again",
    ("verify_counts", "NotVerified"): "the count is asked again",
    ("dedupe", "CannotMerge"): "the next pair is asked",
}


def classes() -> dict[str, tuple[Path, list[str]]]:
    """Every class of the package: where it is, and the names of its bases."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name] = (path, [ast.unparse(base).rpartition(".")[2] for base in node.bases])
    return found


CLASSES = classes()


def ancestors(name: str) -> set[str]:
    bases = CLASSES[name][1] if name in CLASSES else []
    return {name}.union(*(ancestors(base) for base in bases))


def is_exception(name: str) -> bool:
    thing = getattr(builtins, name, None)
    return isinstance(thing, type) and issubclass(thing, BaseException)


EXCEPTIONS = sorted(name for name in CLASSES if any(map(is_exception, ancestors(name))))


def test_the_walk_finds_the_errors_of_all_rooms():
    rooms = {CLASSES[name][0].relative_to(PACKAGE).parts[0] for name in EXCEPTIONS}
    assert {"core", "evidence", "review", "publish", "intake", "cli"} <= rooms
    assert {"Unreadable", "DeclarationError", "Short", "NoNetwork"} <= set(EXCEPTIONS)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_every_error_derives_from_the_tree_or_nobody_sees_it(name):
    assert ("CordbookError" in ancestors(name)) != (name in NOT_SEEN), CLASSES[name][0]


def test_what_is_called_an_error_is_one():
    called = re.compile(r"(Error|Failed|Refused)$")
    assert [name for name in CLASSES if called.search(name) and name not in EXCEPTIONS] == []


def handlers(path: Path) -> Iterator[tuple[ast.ExceptHandler, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
            yield node, [ast.unparse(kind) for kind in kinds]


COMMANDS = sorted(p for p in (PACKAGE / "cli").glob("*.py") if p.name != "__init__.py")


def test_commands_catch_errors_of_the_tree_only_to_go_on():
    caught = {
        (path.stem, kind)
        for path in COMMANDS
        for _, kinds in handlers(path)
        for kind in kinds
        if kind in EXCEPTIONS and kind not in NOT_SEEN
    }
    assert caught == set(GOES_ON)


def test_no_command_catches_everything():
    for path in COMMANDS:
        for node, kinds in handlers(path):
            assert kinds and not {"Exception", "BaseException"} & set(kinds), f"{path.name}:{node.lineno}"


def test_no_command_catches_to_print_and_end():
    """An ``except`` of a command raises, goes on or asks again; messages on standard error with an exit code are ``main``'s."""
    for path in COMMANDS:
        for node, _ in handlers(path):
            ends = any(isinstance(n, ast.Return) and isinstance(n.value, ast.Constant | ast.Name) for n in node.body)
            tells = "file=sys.stderr" in ast.unparse(node)
            assert not (ends and tells), f"{path.name}:{node.lineno}"


def test_an_error_has_the_code_of_its_class_and_python_s_base_where_callers_expect_it():
    assert (CordbookError.exit_code, UsageError.exit_code, InputError.exit_code, UnknownName.exit_code) == (1, 2, 2, 1)
    assert (NoProject.exit_code, Unreadable.exit_code, Busy.exit_code) == (2, 2, 1)
    assert issubclass(InputError, ValueError) and issubclass(UnknownName, KeyError) and issubclass(NoProject, FileNotFoundError)
    assert str(UnknownName("no estimate 'x'")) == "no estimate 'x'"
    assert all(thing.__doc__ for thing in vars(errors).values() if isinstance(thing, type))


def command(monkeypatch, error: BaseException, name: str = "diff", **settings: object) -> int:
    """The exit code of a command that raises an error."""

    def run(options: argparse.Namespace) -> int:
        raise error

    found = argparse.Namespace(command=name, run=run, **settings)
    monkeypatch.setattr(cli, "parser", lambda word: argparse.Namespace(parse_args=lambda arguments: found))
    return cli.main([name])


@pytest.mark.parametrize(
    ("error", "settings", "code", "told"),
    [
        (UsageError("name a file"), {}, 2, "cordbook diff: name a file\n"),
        (Busy("busy"), {}, 1, "cordbook diff: busy\n"),
        (NotCsv("a", "b"), {"exit_codes": {CordbookError: 1}}, 1, "cordbook diff: a b\n"),
        (UsageError("x"), {"exit_codes": {CordbookError: 1, UsageError: 2}}, 2, "cordbook diff: x\n"),
        (UnknownName("no x"), {}, 1, "cordbook diff: no x\n"),
        (InputError("red \x1b[31mtext\x1b[0m"), {}, 2, "cordbook diff: red text\n"),
        (
            PermissionError(13, "Permission denied", "a.csv"),
            {},
            1,
            "cordbook diff: a.csv cannot be read or written: Permission denied. Get the right to write there, or work in a copy that may be changed.\n",
        ),
        (
            OSError(28, "No space left on device"),
            {},
            1,
            "cordbook diff: No space left on device. Make room on the disk, then run the same command again.\n",
        ),
        (
            NotWritten(30, "Read-only file system", "a.csv"),
            {},
            1,
            "cordbook diff: a.csv cannot be written: Read-only file system. Get the right to write there, or work in a copy that may be changed.\n",
        ),
        (
            KeyboardInterrupt(),
            {},
            130,
            "\ncordbook diff: stopped; nothing was left half written. The same command does it again.\n",
        ),
        (OSError("no space"), {"exit_codes": {OSError: 2}}, 2, "cordbook diff: no space\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_main_tells_an_error_once_and_ends_with_its_code(monkeypatch, capsys, error, settings, code, told):
    assert command(monkeypatch, error, **settings) == code
    assert capsys.readouterr() == ("", told)


def test_ctrl_c_while_a_command_is_loaded_is_told_like_any_other(monkeypatch, capsys):
    """What commands import takes a second or more."""

    def stopped(word: str) -> argparse.ArgumentParser:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "parser", stopped)
    assert cli.main(["screen"]) == 130
    assert (
        capsys.readouterr().err.strip()
        == "cordbook screen: stopped; nothing was left half written. The same command does it again."
    )


@pytest.mark.parametrize("fault", [ValueError("a fault of the program"), KeyError("k"), ZeroDivisionError()])
def test_a_fault_of_the_program_shows_where_it_is(monkeypatch, fault):
    with pytest.raises(type(fault)):
        command(monkeypatch, fault)


def documented() -> dict[str, tuple[str, str, str]]:
    """Command -> what exit codes 0, 1 and 2 mean, from the table of the docs."""
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in TABLE.read_text(encoding="utf-8").splitlines()]
    return {row[0].strip("`"): (row[1], row[2], row[3]) for row in rows if len(row) == 4 and row[0].startswith("`")}


def test_the_docs_have_the_exit_codes_of_every_command():
    names = [{"import_records": "import"}.get(name, name.replace("_", "-")) for name in cli.COMMANDS]
    assert list(documented()) == names


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_an_error_outside_a_project_ends_as_the_docs_say(name):
    """The table says ``no project`` in the column of the code with which the command ends there."""
    word = {"import_records": "import"}.get(name, name.replace("_", "-"))
    options = argparse.Namespace(exit_codes={})
    sub = argparse.ArgumentParser()
    module = __import__(f"cordbook.cli.{name}", fromlist=["register"])
    module.register(sub.add_subparsers())
    parser = next(a for a in sub._actions if isinstance(a, argparse._SubParsersAction)).choices[word]
    options.exit_codes = parser.get_default("exit_codes") or {}
    ends = Unreadable() if name in ("validate", "references") else NoProject("none")
    said = documented()[word]
    if "no project" in " ".join(said):
        assert "no project" in said[cli._exit_code(ends, options.exit_codes)], word
