"""A review of another subject lacks columns of this one: its data is valid, its estimates are computed, its book is built."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from cordbook.core.csv_files import to_csv
from cordbook.core.project import Project
from cordbook.evidence.rules.validation import validate
from cordbook.publish.build.build import BuildFailed, build
from cordbook.review.estimates.declarations import DeclarationError
from cordbook.review.estimates.estimates import load_estimates
from tests.publish.conftest import edited, quiet

pytestmark = pytest.mark.book

#: What a review of another disease has no use for.
DROPPED = {
    "studies": {
        "ais_a", "ais_b", "ais_c", "ais_d", "level_cervical", "level_thoracic", "level_lumbar", "injury_phase",
        "time_since_injury_months",
    },
    "arms": {"cell_type", "donor", "dose_cells"},
}  # fmt: skip
DIVIDED = """\
  - id: ais-improved-divided
    title: AIS improved, by cell type
    question: Does it matter which cells are given?
    section: "3"
    outcome: ais_improved
    where: {cell_type: uc_msc, role: treated}
    by: cell_type
"""
SENTENCES = """
:::{guard}
:when: ais-improved-divided--uc-msc.k >= 2 and tumour.events == 0

Cells of the cord do best.
:::

:::{guard}
:when: ais-improved-divided.estimate > 0.5
:::

## What follows a guard

Of those with cells of the cord {est}`ais-improved-divided--uc-msc` improved.
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, small_built: Path) -> Project:
    """The small book without these columns; a declaration still asks for one of them."""
    root = tmp_path_factory.mktemp("other") / "project"
    shutil.copytree(small_built, root, ignore=shutil.ignore_patterns("_build", ".cordbook"))
    package = json.loads((root / "data" / "datapackage.json").read_text(encoding="utf-8"))
    for resource in package["resources"]:
        dropped = DROPPED.get(resource["name"], set())
        fields = resource["schema"]["fields"]
        resource["schema"]["fields"] = [field for field in fields if field["name"] not in dropped]
        if dropped:
            _without(root / "data" / resource["path"], dropped)
    (root / "data" / "datapackage.json").write_text(json.dumps(package, ensure_ascii=False), encoding="utf-8")
    with (root / "data" / "syntheses.yml").open("a", encoding="utf-8") as file:
        file.write(DIVIDED)
    with (root / "book" / "prose.md").open("a", encoding="utf-8") as file:
        file.write(SENTENCES)
    return Project(root)


def _without(path: Path, columns: set[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    kept = [column for column in rows[0] if column not in columns]
    path.write_text(to_csv([{column: row[column] for column in kept} for row in rows], kept), encoding="utf-8")


def test_its_data_is_valid_and_what_it_lacks_is_a_warning(other):
    report = validate(other.data)
    assert report.errors == 0, report.as_text()
    warned = {p.rule for p in report.problems if p.file in ("vocabulary/facts.csv", "vocabulary/dimensions.csv")}
    assert warned == {"fact-columns", "dimension-source"}


def test_its_book_is_built_and_what_it_lacks_is_not_stated(other, capsys):
    built = build(other, report=quiet)
    told = capsys.readouterr().err
    assert "a sentence is left out in book/prose, line 19, since the data have no columns on cell type (arms.cell_type)" in told
    assert told.count("a sentence is left out") == 2
    assert "the estimate ais-improved-divided--uc-msc is not stated, since the data have no columns on cell type" in told
    assert "ERROR" not in told
    assert built.index.is_file()
    page = (other.site / "book" / "studies" / "lima2010.html").read_text(encoding="utf-8")
    assert "AIS grade at the start" in page
    assert "not stated" in page
    assert "nan" not in page.split("<main")[1].split("</main")[0]
    prose = (other.site / "book" / "prose.html").read_text(encoding="utf-8")
    assert "Cells of the cord do best" not in prose
    assert "Nothing is said here: the data have no columns on cell type (arms.cell_type)." in prose
    assert "This is not checked: the data have no columns on cell type (arms.cell_type)." in prose
    assert "Of those with cells of the cord not stated improved." in re.sub(r"<[^>]*>", "", prose)
    assert "No tumour was seen." in prose
    assert "More than a third improved" in prose


def test_a_sentence_that_its_data_can_judge_is_broken_as_ever(other):
    with edited(other, "book/prose.md"):
        path = other.root / "book" / "prose.md"
        path.write_text(
            path.read_text(encoding="utf-8").replace("\n:when: tumour.events == 0", "\n:when: tumour.events == 7"),
            encoding="utf-8",
        )
        with pytest.raises(BuildFailed, match="One guard is broken") as failure:
            build(other, report=quiet)
    assert "No tumour was seen." in str(failure.value)
    assert "Cells of the cord" not in str(failure.value)


def test_what_an_estimate_lacks_is_known_before_there_is_one(other):
    estimates = load_estimates(other.root)
    lacks = {"Cell type": ("arms.cell_type",)}
    assert estimates.lacks("ais-improved-divided") == estimates.lacks("ais-improved-divided--uc-msc") == lacks
    assert estimates.lacks("ais-improved") == estimates.lacks("unheard-of") == {}


def test_an_estimate_that_asks_for_a_declared_column_that_it_lacks_holds_no_study(other):
    estimate = load_estimates(other.root)["ais-improved-divided"]
    assert (estimate.k, estimate.is_reported) == (0, False)


def test_an_estimate_that_asks_for_a_column_of_no_table_is_refused(other):
    path = other.data / "syntheses.yml"
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(text.replace("by: cell_type", "by: cell_typ"), encoding="utf-8")
        with pytest.raises(DeclarationError, match="ais-improved-divided: by names the column 'cell_typ'"):
            load_estimates(other.root)
    finally:
        path.write_text(text, encoding="utf-8")
