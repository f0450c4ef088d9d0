"""What a chapter may know of the machine that runs it, and what of that machine may not stand in a book.

A chapter is code that anybody may have written. It gets a short list of variables, those that programs and libraries need to run, so that
a token of the builder is not at hand; and what it shows is searched for the project's own path, the home folder and values of variables
before it is stored. This keeps from telling by mistake and is no wall: code can read what the user who runs it can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Variables that a kernel gets and whose values may stand in a book: what finds programs and folders, says language and time, and keeps
#: libraries to their cores.
KNOWN = frozenset({
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "PYTHONPATH",
    "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "SOURCE_DATE_EPOCH", "MPLBACKEND", "MPLCONFIGDIR", "LD_LIBRARY_PATH",
})  # fmt: skip
_KNOWN_PREFIXES = (
    "LC_", "XDG_", "OMP_", "OPENBLAS_", "MKL_", "JUPYTER_PATH", "JUPYTER_CONFIG", "JUPYTER_DATA", "IPYTHONDIR", "COV_",
)  # fmt: skip
#: What a kernel gets beside them: how Python and numerical libraries run, the size of a terminal, and how Windows finds its own.
_PASSED = frozenset({
    "DYLD_LIBRARY_PATH", "CONDA_PREFIX", "TERM", "COLUMNS", "LINES", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "APPDATA",
    "LOCALAPPDATA", "PROGRAMDATA",
})  # fmt: skip
_PASSED_PREFIXES = ("PYTHON", "NUMEXPR_", "VECLIB_", "JUPYTER_RUNTIME", "JUPYTER_PLATFORM", "COVERAGE_")
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH", re.I)
#: A value shorter than this may stand in any text by chance; one of a variable whose name tells that it is secret, than the second.
_LONG, _SECRET_LONG = 16, 6


def kernel_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a kernel gets, of those of this process: the short list, of it none whose name tells that it is secret.

    >>> kernel_environment({"PATH": "/bin", "LC_ALL": "C", "API_KEY": "x", "DATABASE": "y", "PYTHON_TOKEN": "z"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {name: value for name, value in variables.items() if _is_passed(name)}


def _is_known(name: str) -> bool:
    upper = name.upper()  # Windows writes SystemRoot
    return (upper in KNOWN or upper.startswith(_KNOWN_PREFIXES)) and not _SECRET.search(name)


def _is_passed(name: str) -> bool:
    upper = name.upper()
    return _is_known(name) or ((upper in _PASSED or upper.startswith(_PASSED_PREFIXES)) and not _SECRET.search(name))


def private_in(text: str, root: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """What of this machine stands in a text, in words: the folder of the project, the home folder, values of variables.

    >>> list(private_in("read /srv/book/data/x.csv", Path("/srv/book"), {}))
    ["the project's folder on this machine (/srv/book)"]
    """
    if _stands(str(root), text):
        yield f"the project's folder on this machine ({root})"
    home = variables.get("HOME", "")
    if len(home) > 1 and _stands(home, text) and not str(root).startswith(home):
        yield f"the home folder ({home})"
    for name, value in variables.items():
        least = _SECRET_LONG if _SECRET.search(name) else _LONG
        if not _is_known(name) and len(value) >= least and not value.startswith("/") and value in text:
            yield f"the value of the variable {name}"


def _stands(folder: str, text: str) -> bool:
    """Whether a path stands in a text as a path of its own, not as the end of another or of an address."""
    return re.search(rf"(?<![\w./:-]){re.escape(folder)}(?![\w-])", text) is not None
