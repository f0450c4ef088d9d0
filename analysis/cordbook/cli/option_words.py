"""Messages of the library in the words of the command line."""

from __future__ import annotations

import argparse
import re

# Arguments of the library that are options here, where a command has them; columns of counts are named otherwise.
CHOICES = frozenset({"measure", "model", "ci", "level", "hksj_floor", "double_zero", "average", "rho"})
# An argument as the library writes it: model='mh', ci = 'hksj', hksj_floor=True, level = 95.
ARGUMENT = re.compile(r"\b(?P<name>[a-z]\w*) ?= ?(?:'(?P<word>[^']*)'|(?P<bare>True|False|-?\d+(?:\.\d+)?))")


def as_options(text: str, args: argparse.Namespace) -> str:
    """A message of the library in the words of the command line: ``model='mh'`` is ``--model mh`` there.

    >>> as_options("use measure='RD', or hksj_floor=True", argparse.Namespace(measure="OR", hksj_floor=False))
    'use --measure RD, or --hksj-floor'
    """

    def option(found: re.Match[str]) -> str:
        name, value = found["name"], found["word"] or found["bare"]
        if name not in CHOICES or name not in vars(args):
            return found[0]
        flag = name.replace("_", "-")
        return {"True": f"--{flag}", "False": f"--no-{flag}"}.get(value, f"--{flag} {value}")

    return ARGUMENT.sub(option, text)
