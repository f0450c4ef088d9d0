"""What of other packages comes with which extra of this one, and the sentence for whoever lacks it.

The core pools: numpy, scipy, pandas, statsmodels and PyYAML. All else is imported where it is used, so that who pools in a script installs no
builder of books. ``pyproject.toml`` lists the packages of each extra; a test keeps this table to what the modules import.
"""

from __future__ import annotations

#: What a module on the path belongs to: its extra, and the name of the package that brings it.
EXTRA_OF = {
    "jinja2": "figures",
    "markupsafe": "figures",
    "matplotlib": "figures",
    "bs4": "book",
    "docutils": "book",
    "ipykernel": "book",
    "jupyter_book": "book",
    "jupyter_client": "book",
    "myst_nb": "book",
    "nbclient": "book",
    "nbformat": "book",
    "pybtex": "book",
    "sphinx": "book",
    "sphinxcontrib": "book",
    "traitlets": "book",
    "bibtexparser": "intake",
    "charset_normalizer": "intake",
    "defusedxml": "intake",
    "httpx": "intake",
    "prompt_toolkit": "intake",
    "rapidfuzz": "intake",
    "pypdf": "pdf",
    "dask": "cluster",
    "distributed": "cluster",
    "joblib": "cluster",
}
#: What each extra is for, as the sentence says it.
PURPOSES = {
    "figures": "draws figures",
    "book": "makes the book",
    "intake": "takes in searches, exports and references",
    "pdf": "numbers the sheets of the PDF",
    "cluster": "computes on several cores or machines",
}


def missing(error: ModuleNotFoundError) -> str | None:
    """The sentence for whoever lacks an extra: which one, what for, how to get it; None where the module is none of an extra.

    >>> print(missing(ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")))
    this needs matplotlib, which is not installed. It comes with what draws figures: pip install "cordbook[figures]"
    >>> missing(ModuleNotFoundError("No module named 'cordbok'", name="cordbok")) is None
    True
    """
    module = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(module)
    if extra is None:
        return None
    return f'this needs {module}, which is not installed. It comes with what {PURPOSES[extra]}: pip install "cordbook[{extra}]"'
