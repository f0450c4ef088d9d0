"""The evidence: reads the tables of ``data/`` and says what is wrong with them. Knows nothing of statistics."""

from cordbook.evidence.problems import Problem
from cordbook.evidence.reading import RawTable, find_data_dir, read_all, read_rows
from cordbook.evidence.references.bibliography import Bibliography, citations, load_bibliography, resolve_key
from cordbook.evidence.rules.validation import Report, rule_list, validate
from cordbook.evidence.schema import Field, ForeignKey, Package, Table, Unreadable, load_package

__all__ = [
    "Bibliography",
    "Field",
    "ForeignKey",
    "Package",
    "Problem",
    "RawTable",
    "Report",
    "Table",
    "Unreadable",
    "citations",
    "find_data_dir",
    "load_bibliography",
    "load_package",
    "read_all",
    "read_rows",
    "resolve_key",
    "rule_list",
    "validate",
]
