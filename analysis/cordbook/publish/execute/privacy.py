"""What a chapter may know of the machine that runs it, and what of that machine may not stand in a book.

A chapter is code that anybody may have written. It gets no variable whose name tells that it is secret, so that a token of the builder is
not at hand; and what it shows is searched for the project's own path, the home folder and values of variables before it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Variables whose values may stand in a book: what finds programs and folders, says language and time, and keeps libraries to their cores.
KNOWN = frozenset({
    "PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV", "PYTHONPATH",
    "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "SOURCE_DATE_EPOCH", "MPLBACKEND", "MPLCONFIGDIR", "LD_LIBRARY_PATH",
})  # fmt: skip
_KNOWN_PREFIXES = (
    "LC_",
    "XDG_",
    "OMP_",
    "OPENBLAS_",
    "MKL_",
    "JUPYTER_PATH",
    "JUPYTER_CONFIG",
    "JUPYTER_DATA",
    "IPYTHONDIR",
    "COV_",
)
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH", re.I)
#: A value shorter than this may stand in any text by chance; one of a variable whose name tells that it is secret, than the second.
_LONG, _SECRET_LONG = 16, 6


def kernel_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a kernel gets, of those of this process: all but those whose name tells that they are secret.

    >>> kernel_environment({"PATH": "/bin", "LC_ALL": "C", "API_KEY": "x"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {name: value for name, value in variables.items() if not _SECRET.search(name)}


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
        if (
            name not in KNOWN
            and not name.startswith(_KNOWN_PREFIXES)
            and len(value) >= least
            and not value.startswith("/")
            and value in text
        ):
            yield f"the value of the variable {name}"


def _stands(folder: str, text: str) -> bool:
    """Whether a path stands in a text as a path of its own, not as the end of another or of an address."""
    return re.search(rf"(?<![\w./:-]){re.escape(folder)}(?![\w-])", text) is not None
