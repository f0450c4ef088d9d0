"""What a chapter may know of the machine that runs it, and what of that machine may not stand in a book.

A chapter is code that anybody may have written. It gets a short list of variables, those that programs and libraries need to run, so that
a token of the builder is not at hand; and what it shows is searched for the project's own path, the home folder and values of variables
before it is stored. This keeps from telling by mistake and is no wall: code can read what the user who runs it can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: What a kernel gets of the variables of the builder: what finds programs, folders and certificates of the system, says language, time and
#: how Python runs, and keeps libraries to their cores. None holds what one would not tell, so their values may stand in a book.
KNOWN = frozenset({
    "PATH", "HOME", "TEMP", "TMP", "TMPDIR", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV", "CONDA_PREFIX", "SOURCE_DATE_EPOCH", "MPLBACKEND", "MPLCONFIGDIR", "IPYTHONDIR", "TERM", "COLUMNS", "LINES",
    # Windows finds its own libraries by these.
    "USERPROFILE", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
})  # fmt: skip
_KNOWN_PREFIXES = (
    "LC_", "XDG_", "PYTHON", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "VECLIB_", "JUPYTER_PATH", "JUPYTER_CONFIG", "JUPYTER_DATA",
    "JUPYTER_RUNTIME", "JUPYTER_PLATFORM", "COV_CORE_", "COVERAGE_", "CORDBOOK_",
)  # fmt: skip
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH", re.I)
#: A value shorter than this may stand in any text by chance; one of a variable whose name tells that it is secret, than the second.
_LONG, _SECRET_LONG = 16, 6


def kernel_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a kernel gets, of those of this process: the short list, of it none whose name tells that it is secret.

    >>> kernel_environment({"PATH": "/bin", "LC_ALL": "C", "API_KEY": "x", "DATABASE": "y", "PYTHON_TOKEN": "z"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {name: value for name, value in variables.items() if _is_known(name)}


def _is_known(name: str) -> bool:
    upper = name.upper()  # Windows writes SystemRoot
    return (upper in KNOWN or upper.startswith(_KNOWN_PREFIXES)) and not _SECRET.search(name)


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
