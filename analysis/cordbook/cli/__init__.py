"""The command line: thin. Each command is a module here with ``register`` (its arguments) and ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import cordbook
from cordbook.core.csv_files import NotCsv

#: Commands in the order of the help.
COMMANDS = (
    "new", "validate", "estimates", "build", "status", "check", "release", "archive", "host", "pdf", "diff", "history", "cite", "verify",
    "pool", "compare", "references",
    "search", "import_records", "dedupe", "screen", "extract", "reconcile", "verify_cells", "check_references",
)  # fmt: skip


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
    for name in [module] if module in COMMANDS else COMMANDS:
        import_module(f"cordbook.cli.{name}").register(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code. Usage errors exit with 2, as argparse does."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser(arguments[0] if arguments else "").parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\ncordbook: stopped; nothing was left half written", file=sys.stderr)
        return 130
    except NotCsv as error:
        print(f"cordbook {options.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
