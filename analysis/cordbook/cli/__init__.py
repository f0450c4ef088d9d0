"""The command line: thin. Each command is a module here with ``register`` (its arguments) and ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import cordbook
from cordbook.cli.extras import missing
from cordbook.errors import CordbookError, UsageError, refused

#: Commands in the order of the help.
COMMANDS = (
    "new", "validate", "estimates", "multiverse", "build", "status", "check", "release", "archive", "host", "pdf", "diff", "history", "cite", "verify",
    "pool", "compare", "references",
    "search", "import_records", "dedupe", "screen", "extract", "reconcile", "verify_counts", "check_references",
)  # fmt: skip


#: Names up to version 0.2, which guides and notes of older versions give; the help knows today's alone.
FORMER = {"verify-cells": "verify-counts"}


def parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of all commands, or of one: what the others import takes a second that nobody should wait for."""
    top = argparse.ArgumentParser(
        prog="cordbook",
        description="A living systematic review that runs: validate the evidence, pool it, build the book.",
        epilog="Each command has its own help: cordbook COMMAND --help",
    )
    top.add_argument("--version", action="version", version=f"cordbook {cordbook.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    module = {"import": "import_records"}.get(command, command.replace("-", "_"))
    needed = [module] if module in COMMANDS else () if command == "--version" else COMMANDS
    for name in needed:
        import_module(f"cordbook.cli.{name}").register(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. Usage errors exit with 2, as argparse does.

    What goes wrong in a way that the package knows, or the system reports, is told in one message on standard error; commands
    let such errors pass. Any other exception is an error of the program and shows where it is.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    arguments[:1] = [FORMER.get(name, name) for name in arguments[:1]]
    options = argparse.Namespace(command=arguments[0] if arguments else "")
    try:
        # What a command imports takes a second, in which a person may think better of it.
        options = parser(options.command).parse_args(arguments)
        return options.run(options)
    except KeyboardInterrupt:
        command = "" if options.command.startswith("-") else options.command
        print(
            f"\ncordbook {command}".rstrip() + ": stopped; nothing was left half written. The same command does it again.",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (CordbookError, OSError) as error:
        print(f"cordbook {options.command}: {_message(error)}", file=sys.stderr)
        return _exit_code(error, getattr(options, "exit_codes", {}))
    except ModuleNotFoundError as error:
        if (told := missing(error)) is None:
            raise
        print(f"cordbook {options.command}: {told}", file=sys.stderr)
        return UsageError.exit_code


def _message(error: CordbookError | OSError) -> str:
    """The message as a terminal may show it: files and answers of strangers are quoted in some."""
    from cordbook.intake.records.untrusted_text import harmless

    return harmless(str(error) if isinstance(error, CordbookError) else refused(error))


def _exit_code(error: CordbookError | OSError, codes: Mapping[type[Exception], int]) -> int:
    """What a command ends with: the code that it documents for the nearest class of the error, else that of the error's own class.

    >>> from cordbook.errors import CordbookError, UsageError
    >>> [_exit_code(UsageError(), {}), _exit_code(UsageError(), {CordbookError: 1})]
    [2, 1]
    """
    documented = (codes[kind] for kind in type(error).__mro__ if kind in codes)
    return next(documented, getattr(error, "exit_code", 1))


if __name__ == "__main__":
    sys.exit(main())
