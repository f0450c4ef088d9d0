"""data/README.md tells what the schema and the code say.

``python -m tests.evidence.test_codebook`` rewrites its second half.
"""

from __future__ import annotations

from pathlib import Path

from cordbook.evidence import find_data_dir, load_package, rule_list
from cordbook.evidence.codebook import MARK, codebook_text
from tests.intake.baseline import baseline

README = find_data_dir(Path(__file__).parent) / "README.md"


def wanted() -> str:
    by_hand, _, _ = README.read_text(encoding="utf-8").partition(MARK)
    return by_hand + codebook_text(load_package(README.parent), rule_list(), baseline.RULES)


def test_the_codebook_is_up_to_date():
    assert README.read_text(encoding="utf-8") == wanted(), "run `python -m tests.evidence.test_codebook`"


def test_every_table_and_column_is_told():
    text = README.read_text(encoding="utf-8")
    package = load_package(README.parent)
    missing = [f"{t.name}.{f.name}" for t in package.tables for f in t.fields if f"| `{f.name}` |" not in text]
    missing += [t.path for t in package.tables if f"### {t.path}" not in text]
    assert missing == []


if __name__ == "__main__":
    README.write_text(wanted(), encoding="utf-8")
