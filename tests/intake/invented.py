"""A project in which the invented example stands included, and two readings of it: for tests of extraction and what follows."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cordbook.core.project import Project
from cordbook.intake.imports.importing import import_file
from cordbook.intake.records.decisions import Decisions

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "docs" / "example" / "invented-trial.ris"
STUDY = "exemplar2026"
#: Answers of the first reader, line by line as typed; what stands behind # is not.
ADA = """
cell_therapy
Nowhere
1                   # population, by number
rct
.                   # registration: not reported
cell_therapy
chronic
..                  # nothing more of the study but what is needed
full text
treated             # the first arm
1
20
.                   # what was given, in the report's words: no more than the cells say
bm_mnc
autologous
intrathecal
..
control             # the second
treated
<                   # a slip: back
comparator
10
..                  # nothing on what it got
                    # no more arms
ais improved
1                   # arm
                    # all patients
12
20
40.1%               # fits no count: refused
45%
y
at least one grade up
1
.
Table 2
1
y
.
ais_improved
2
                    # all patients
                    # the months as before
10
11                  # more events than patients: refused
2
                    # the rest as for the count before
tumour
1


20
0
.
e                   # not all as before
                    # source as before
                    # address as before
Table 3
                    # confidence as before
                    # pooled as before
                    # no note, as before
                    # no more counts
y
"""


def typed(answers: str) -> str:
    """Lines as they are typed, without the remarks."""
    return "".join(line.partition("#")[0].rstrip() + "\n" for line in answers.strip("\n").split("\n"))


def make_included(folder: Path) -> Path:
    """A project with the review's own data and the invented example, included by two people."""
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("raw", "readings"))
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, folder / name)
    for section in rows(folder, "vocabulary/sections"):  # the pages that sections name, without their text
        if section["page"]:
            page = folder / f"{section['page']}.md"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"# {section['label']}\n", encoding="utf-8")
    project = Project(folder)
    import_file(project, EXPORT, "2026-11-21", "Ada", strategy="", searched_on="", form="", encoding="", source="")
    record = rows(folder, "records")[-1]["record_id"]
    decisions = Decisions(project.data, project.kept)
    for stage, study in (("title_abstract", ""), ("full_text", STUDY)):
        for person in ("Ada", "Ben"):
            decisions.add(
                {
                    "record_id": record,
                    "stage": stage,
                    "reviewer": person,
                    "role": "reviewer",
                    "decision": "include",
                    "study_id": study,
                }
            )
    return folder


def rows(project: Path, table: str) -> list[dict[str, str]]:
    """The rows of a table of a project."""
    with open(project / "data" / f"{table}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cordbook(
    project: Path, *arguments: str, keys: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command as a person gives it."""
    return subprocess.run(
        [sys.executable, "-m", "cordbook", *arguments], cwd=project, input=keys, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | (environment or {}),
    )  # fmt: skip


def fill(text: str, answers: dict[tuple[str, str, str], str]) -> str:
    """A form with answers in its column ``value``."""
    lines = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    for line in lines:
        line["value"] = answers.get((line["table"], line["row"], line["column"]), line["value"])
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


#: What the second reader writes into the form; he differs in two counts of the first cell and one place of the study.
BEN = {
    ("studies", STUDY, "topic"): "cell_therapy", ("studies", STUDY, "country"): "nowhere ", ("studies", STUDY, "population"): "traumatic_sci",
    ("studies", STUDY, "design"): "rct", ("studies", STUDY, "intervention_class"): "cell_therapy", ("studies", STUDY, "injury_phase"): "subacute",
    ("studies", STUDY, "read_as"): "full text", ("arms", "treated", "role"): "treated", ("arms", "treated", "n"): "020",
    ("arms", "treated", "cell_type"): "bm_mnc", ("arms", "treated", "donor"): "autologous", ("arms", "treated", "route"): "intrathecal",
    ("arms", "control", "role"): "comparator", ("arms", "control", "n"): "10",
}  # fmt: skip
for _row, _n, _events, _place, _what in (
    ("treated.ais_improved.all.12", "20", "8", "Table 2", "at least one grade up"),
    ("control.ais_improved.all.12", "10", "20%", "Table 2", "at least one grade up"),
    ("treated.tumour.all.12", "20", "0", "Table 3", ""),
):
    for _column, _value in (
        ("n", _n), ("events", _events), ("definition", _what), ("source_kind", "primary_fulltext"), ("locator", _place),
        ("confidence", "high"), ("poolable", "yes"),
    ):  # fmt: skip
        BEN["outcomes", _row, _column] = _value


class PowerCut(BaseException):
    """What ends a command between two moves of files."""


@contextlib.contextmanager
def power_gone_after(monkeypatch: pytest.MonkeyPatch, moves: int, *, of: int) -> Iterator[None]:
    """What runs inside is cut when ``moves`` of its ``of`` files were put in place; it ends by itself where these are all."""
    real, done = os.replace, []

    def replace(source, target):
        if len(done) == moves:
            raise PowerCut
        real(source, target)
        done.append(target)

    with monkeypatch.context() as patch, pytest.raises(PowerCut) if moves < of else contextlib.nullcontext():
        patch.setattr("cordbook.core.files.os.replace", replace)
        yield
