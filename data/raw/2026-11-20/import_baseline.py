"""The documented import step: the baseline extraction becomes the tables of ``data/``.

Run it from anywhere, in the environment of the review::

    python data/raw/2026-11-20/import_baseline.py [--rules] [--force]

This folder holds the extraction as it was received and is never edited. :func:`import_baseline` turns it into tidy tables.
Every rule that moves or reshapes something is one function here and one line in :data:`RULES`; no count is changed.

The step is for this baseline alone, so it stands beside it and not in the package. Later evidence enters by hand or through
the intake commands; the importer refuses to overwrite tables that have grown beyond it unless told to.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cordbook.core import csv_files
from cordbook.core.csv_files import to_csv
from cordbook.errors import CordbookError, InputError

#: The baseline as received, and the tables of the review that it became.
RAW = Path(__file__).resolve().parent
DATA = RAW.parents[1]

Row = dict[str, str]
Table = list[Row]

RULES: Mapping[str, str] = {
    "R1": "Bibliographic columns of studies.csv and of every other source move to references.csv; "
    "the study id is the reference id.",
    "R2": "A second row of one paper points to the first with same_as and leaves doi, pmid and pmcid "
    "blank, so that an identifier appears once.",
    "R3": "n_treated and n_control become rows of arms.csv (treated, control) with the columns that describe "
    "the treatment. In natural-history studies that split patients by time of surgery they become the arms "
    "early_surgery and late_surgery, parts of standard_care, whose size is their sum; otherwise n_control "
    "is the size of standard_care.",
    "R4": "Other arms named by a count become rows of arms.csv; those that are a part of all treated or control "
    "patients say so in part_of.",
    "R5": "Both readings of a count move to extractions.csv, one row per reading; agreement, readers and the reason "
    "for a choice move to reconciliations.csv.",
    "R6": "overlap_group and overlap_primary move to overlap_members.csv, one row per study and group; the reason "
    "is read from DECISIONS.md into overlap_groups.csv.",
    "R7": "candidate_reference of mechanisms.csv is split at ' | ' into a row of references.csv; the same DOI, "
    "PubMed or PMC number or title is one reference, and what the "
    "first mention left blank is filled from the next. A title in brackets is a description: it goes to the note, "
    "and a PMC number is read from the address.",
    "R8": "study_id_or_citation of integrity_notices.csv becomes study_id where it is a known study, else citation; "
    "notices get ids N01, N02, ... in the order of the file.",
    "R9": "Rows of continuous, dose_response, published_pooled, natural_pooled and glossary get a key: "
    "the table's letter and the row's number.",
    "R10": "DOIs are in lower case.",
    "R11": "seed_file of seed_claims.csv becomes seed_id, its first three digits.",
    "R12": "stratum_repeats_total is dropped: it is yes exactly where stratum_relation is same_patients or "
    "part_of_total (checked).",
    "R13": "A bare word in a stratum (interim) becomes word=yes, so that every part is key=value.",
}

#: Arms other than treated, control and standard_care, with the part they play.
COMPARATORS = frozenset({"control_blank", "control_rehab", "control_passive", "no_anticoagulant", "natural_history"})
#: Arms which are subsets of a wider arm of the same study.
PART_OF = {
    "control_blank": "control",
    "control_rehab": "control",
    "control_passive": "control",
}
ARM_DETAILS = ("cell_type", "donor", "route", "dose_cells", "n_doses")


class ImportRefused(CordbookError):
    """The import would overwrite evidence that did not come from it."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The raw tables by file stem, and the text of DECISIONS.md."""

    tables: Mapping[str, Table]
    decisions: str

    @classmethod
    def read(cls, folder: Path) -> Baseline:
        """Read every CSV of ``folder``; raises ``FileNotFoundError`` when it is not a baseline."""
        tables = {}
        for path in sorted(folder.glob("*.csv")):
            tables[path.stem] = csv_files.read(path).rows
        if "outcomes" not in tables or "studies" not in tables:
            raise FileNotFoundError(f"{folder} holds no baseline: outcomes.csv and studies.csv are expected there")
        return cls(tables, (folder / "DECISIONS.md").read_text(encoding="utf-8"))


def import_baseline(raw: Path, data: Path, *, force: bool = False) -> dict[str, int]:
    """Write the tables that the baseline gives into ``data``; return rows by table.

    Refuses (:class:`ImportRefused`) when a table to be written holds rows that the baseline
    does not give, unless ``force``: nothing that a person added is lost by a re-run.
    """
    tables = build_tables(Baseline.read(raw))
    texts = {name: to_csv(rows, COLUMNS[name]) for name, rows in tables.items()}
    if not force:
        _refuse_if_grown(texts, data)
    for name, text in texts.items():
        (data / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return {name: len(rows) for name, rows in tables.items()}


def _refuse_if_grown(texts: Mapping[str, str], data: Path) -> None:
    for name, text in texts.items():
        path = data / f"{name}.csv"
        if path.exists() and path.read_text(encoding="utf-8-sig") != text:
            raise ImportRefused(
                f"{path} differs from what the baseline gives, so it has been edited since. "
                "Nothing was written. Use --force only to throw those edits away."
            )


def build_tables(baseline: Baseline) -> dict[str, Table]:
    """All tables of ``data/`` that the baseline gives, by name."""
    raw = baseline.tables
    references = References()
    for builder in (
        _study_references,
        _pooled_references,
        _mechanism_references,
    ):
        builder(raw, references)
    return {
        "references": references.rows(),
        "studies": _studies(raw),
        "arms": _arms(raw),
        "overlap_groups": _overlap_groups(raw, baseline.decisions),
        "overlap_members": _overlap_members(raw),
        "outcomes": _outcomes(raw),
        "extractions": _extractions(raw),
        "reconciliations": _reconciliations(raw),
        "continuous": _numbered(raw["continuous"], "continuous_id", "C", rename={"study_id": "reference_id"}),
        "dose_response": _numbered(
            raw["dose_response"], "dose_response_id", "D", rename={"source_id": "reference_id"}, drop=_BIBLIOGRAPHY
        ),
        "published_pooled": _numbered(
            raw["published_pooled"],
            "published_id",
            "P",
            rename={"review_id": "reference_id"},
            drop=(*_BIBLIOGRAPHY, "journal", "pmcid"),
        ),
        "natural_pooled": _numbered(
            raw["natural_pooled"], "natural_id", "H", rename={"source_id": "reference_id"}, drop=_BIBLIOGRAPHY
        ),
        "mechanisms": _mechanisms(raw, references),
        "claims": _claims(raw),
        "registered_trials": [dict(row) for row in raw["registered_trials"]],
        "integrity_notices": _notices(raw),
        "reporting_items": [dict(row) for row in raw["prisma_items"]],
        "glossary": _numbered(raw["glossary"], "term_id", "T"),
    }


_BIBLIOGRAPHY = ("first_author", "year", "doi")

# ---------------------------------------------------------------------------- references


class References:
    """References in the making: one row per source, found again by id, DOI, PubMed number or title."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._by_key: dict[tuple[str, str], str] = {}

    def rows(self) -> Table:
        return [self._rows[key] for key in sorted(self._rows)]

    def find(self, **keys: str) -> str | None:
        """Id of the reference that has one of these identifiers (doi, pmid, pmcid, title), if any."""
        for kind, value in keys.items():
            if value and (kind, _plain(value)) in self._by_key:
                return self._by_key[kind, _plain(value)]
        return None

    def add(self, reference_id: str, **fields: str) -> None:
        """Add a source; a second id of the same paper keeps only a pointer to the first (rule R2)."""
        if reference_id in self._rows:
            self.fill(reference_id, fields)
            return
        fields["doi"] = fields.get("doi", "").lower()
        first = self.find(doi=fields["doi"], pmid=fields.get("pmid", ""))
        if first:
            fields = {**fields, "doi": "", "pmid": "", "pmcid": "", "same_as": first}
        self._rows[reference_id] = {"reference_id": reference_id} | {
            column: fields.get(column, "") for column in COLUMNS["references"][1:]
        }
        row = self._rows[reference_id]
        for kind, value in (*((k, row[k]) for k in ("doi", "pmid", "pmcid")), ("title", row["title"] or row["note"])):
            if value:
                self._by_key.setdefault((kind, _plain(value)), reference_id)

    def fill(self, reference_id: str, fields: Row) -> None:
        """Add what a second mention of a source knows and the first left blank; nothing is overwritten."""
        row = self._rows[reference_id]
        if row["same_as"]:
            return
        for column in ("doi", "pmid", "journal", "title", "pmcid"):
            value = fields.get(column, "")
            if value and not row[column]:
                row[column] = value.lower() if column == "doi" else value
        if not row["title"] and not row["note"]:
            row["note"] = fields.get("note", "")

    def new_id(self, author: str, year: str, fallback: str) -> str:
        """A free id in the house's form, surname and year, with a letter where that is taken."""
        surname = re.sub(r" [A-Z]{1,3}$", "", author)
        stem = re.sub(r"[^a-z]", "", surname.lower())
        stem = f"{stem}{year}" if stem and year else fallback
        candidates = [stem, *(f"{stem}{letter}" for letter in "bcdefgh")]
        return next(c for c in candidates if c not in self._rows)


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _study_references(raw: Mapping[str, Table], references: References) -> None:
    columns = ("first_author", "year", "title", "journal", "doi", "pmid", "pmcid")
    for row in raw["studies"]:
        references.add(
            row["study_id"],
            kind="study",
            **{c: row[c] for c in columns},
            url=row["source_url"],
            identity_confidence=row["identity_confidence"],
        )


def _pooled_references(raw: Mapping[str, Table], references: References) -> None:
    for table, id_column, kind in (
        ("published_pooled", "review_id", "review"),
        ("natural_pooled", "source_id", "natural_history"),
        ("dose_response", "source_id", "dose_response"),
    ):
        for row in raw[table]:
            references.add(
                row[id_column],
                kind=kind,
                first_author=row["first_author"],
                year=row["year"],
                doi=row["doi"],
                journal=row.get("journal", ""),
                pmcid=row.get("pmcid", ""),
                url=row["source_url"],
            )
    for row in raw["continuous"]:
        base = re.sub(r"_(nma|ma)$", "", row["study_id"])
        if base != row["study_id"]:
            # A review under a second id: the rows of continuous.csv carry the suffix of their kind.
            references.add(
                row["study_id"],
                kind="review",
                same_as=base,
                url=row["source_url"],
            )


def _split_candidate(row: Row) -> Row:
    parts = [part.strip() for part in row["candidate_reference"].split("|")]
    parts += [""] * (6 - len(parts))
    author, year, title, journal, doi, pmid = parts[:6]
    described = re.fullmatch(r"\((.*)\)", title)
    pmcid = re.search(r"articles/(PMC\d+)/?$", row["source_url"])
    return {
        "first_author": author,
        "year": year,
        "title": "" if described else title,
        "journal": re.sub(r"^\((.*)\)$", r"\1", journal),
        "doi": doi.lower(),
        "pmid": pmid,
        "pmcid": pmcid.group(1) if pmcid and any(parts) else "",
        "note": described.group(1) if described else "",
    }


def _candidate_id(candidate: Row, references: References) -> str | None:
    return references.find(
        doi=candidate["doi"],
        pmid=candidate["pmid"],
        title=candidate["title"] or candidate["note"],
        pmcid=candidate["pmcid"],
    )


def _mechanism_references(raw: Mapping[str, Table], references: References) -> None:
    for row in raw["mechanisms"]:
        candidate = _split_candidate(row)
        if not any(candidate.values()):
            continue
        if known := _candidate_id(candidate, references):
            references.fill(known, candidate)
            continue
        reference_id = references.new_id(candidate["first_author"], candidate["year"], f"ref_{row['claim_id'].lower()}")
        references.add(
            reference_id,
            kind="mechanism",
            **candidate,
            url=row["source_url"],
        )


# ------------------------------------------------------------------------------- studies


def _studies(raw: Mapping[str, Table]) -> Table:
    return [{c: row[c] for c in COLUMNS["studies"]} for row in raw["studies"]]


def _arms(raw: Mapping[str, Table]) -> Table:
    named: dict[str, list[str]] = {}
    for cell in raw["outcomes"]:
        arms = named.setdefault(cell["study_id"], [])
        if cell["arm"] not in arms:
            arms.append(cell["arm"])
    return [arm for study in raw["studies"] for arm in _arms_of(study, named.get(study["study_id"], []))]


def _arms_of(study: Row, named: list[str]) -> Table:
    natural = study["topic"] == "natural_recovery"
    sizes = {"standard_care": study["n_control"]} if natural else {"treated": study["n_treated"], "control": study["n_control"]}
    parts = dict(PART_OF)
    if natural and study["n_treated"]:
        sizes = {
            "standard_care": str(int(study["n_treated"]) + int(study["n_control"])),
            "early_surgery": study["n_treated"],
            "late_surgery": study["n_control"],
        }
        parts |= {"early_surgery": "standard_care", "late_surgery": "standard_care"}
    details = {c: study[c] for c in ARM_DETAILS}
    described = "standard_care" if natural else "treated"
    arms = [arm for arm, n in sizes.items() if n or arm in named or (arm == described and any(details.values()))]
    arms += [arm for arm in named if arm not in arms]
    whole = {"treated"} & set(arms)
    rows = []
    for arm in arms:
        part_of = parts.get(arm, "")
        if not part_of and whole and arm not in sizes and arm not in COMPARATORS and arm != "cells_or_gmcsf":
            part_of = "treated"
        rows.append(
            {
                "arm_id": f"{study['study_id']}.{arm}",
                "study_id": study["study_id"],
                "arm": arm,
                "role": _role(arm),
                "n": sizes.get(arm, ""),
                "part_of": f"{study['study_id']}.{part_of}" if part_of and part_of in arms else "",
            }
            | (details if arm == described else dict.fromkeys(ARM_DETAILS, ""))
        )
    return rows


def _role(arm: str) -> str:
    if arm in ("standard_care", "early_surgery", "late_surgery"):
        return "natural_course"
    return "comparator" if arm == "control" or arm in COMPARATORS else "treated"


def _overlap_members(raw: Mapping[str, Table]) -> Table:
    return [
        {"study_id": row["study_id"], "overlap_group": group, "is_primary": row["overlap_primary"]}
        for row in raw["studies"]
        for group in row["overlap_group"].split(";")
        if group
    ]


def _overlap_groups(raw: Mapping[str, Table], decisions: str) -> Table:
    section = decisions.split("## Shared patients", 1)[1].split("\n## ", 1)[0]
    reasons = dict(re.findall(r"^- ([a-z0-9_]+): [^;]*; default [^:]*: (.*)$", section, flags=re.M))
    groups = sorted({m["overlap_group"] for m in _overlap_members(raw)})
    missing = [g for g in groups if g not in reasons]
    if missing:
        raise InputError(f"DECISIONS.md gives no reason for the overlap groups {', '.join(missing)}")
    return [{"overlap_group": g, "reason": reasons[g]} for g in groups]


# -------------------------------------------------------------------------------- cells


def _outcomes(raw: Mapping[str, Table]) -> Table:
    rows = []
    for cell in raw["outcomes"]:
        repeats = cell["stratum_relation"] in ("same_patients", "part_of_total")
        if repeats != (cell["stratum_repeats_total"] == "yes"):
            raise InputError(f"{cell['cell_id']}: stratum_repeats_total does not follow from stratum_relation")
        kept = {c: cell[c] for c in COLUMNS["outcomes"] if c != "arm_id"}
        kept["stratum"] = ";".join(p if "=" in p else f"{p}=yes" for p in cell["stratum"].split(";") if p)
        rows.append({"arm_id": f"{cell['study_id']}.{cell['arm']}"} | kept)
    return rows


def _extractions(raw: Mapping[str, Table]) -> Table:
    rows = []
    for cell in raw["outcomes"]:
        readers = cell["readers"].split("+")
        second = readers[1] if len(readers) == 2 else ""
        rows.append(_reading(cell, "1", readers[0], cell["events_1"], cell["n_1"]))
        if cell["events_2"] or cell["agreement"] == "second_not_seen":
            looked = readers[-1] if cell["agreement"] == "second_not_seen" else second
            rows.append(_reading(cell, "2", looked, cell["events_2"], cell["n_2"]))
    return rows


def _reading(cell: Row, reading: str, reader: str, events: str, n: str) -> Row:
    return {
        "cell_id": cell["cell_id"],
        "reading": reading,
        "reader": reader,
        "seen": "yes" if events else "no",
        "events": events,
        "n": n,
    }


def _reconciliations(raw: Mapping[str, Table]) -> Table:
    # Who reconciled and when is noted from the first study on that people read.
    return [{c: cell.get(c, "") for c in COLUMNS["reconciliations"]} for cell in raw["outcomes"]]


# --------------------------------------------------------------------------- other tables


def _numbered(rows: Table, key: str, letter: str, *, rename: Mapping[str, str] | None = None, drop: Iterable[str] = ()) -> Table:
    rename, dropped = rename or {}, set(drop)
    return [
        {key: f"{letter}{number:03d}"} | {rename.get(c, c): v for c, v in row.items() if c not in dropped}
        for number, row in enumerate(rows, start=1)
    ]


def _mechanisms(raw: Mapping[str, Table], references: References) -> Table:
    rows = []
    for row in raw["mechanisms"]:
        candidate = _split_candidate(row)
        reference = _candidate_id(candidate, references) if any(candidate.values()) else None
        kept = {c: row[c] for c in COLUMNS["mechanisms"] if c in row}
        rows.append(kept | {"reference_id": reference or ""})
    return rows


def _claims(raw: Mapping[str, Table]) -> Table:
    return [
        {"claim_id": row["claim_id"], "seed_id": row["seed_file"][:3]}
        | {c: v for c, v in row.items() if c not in ("claim_id", "seed_file")}
        for row in raw["seed_claims"]
    ]


def _notices(raw: Mapping[str, Table]) -> Table:
    known = {row["study_id"] for row in raw["studies"]}
    rows = []
    for number, row in enumerate(raw["integrity_notices"], start=1):
        about = row["study_id_or_citation"]
        rows.append(
            {
                "notice_id": f"N{number:02d}",
                "study_id": about if about in known else "",
                "citation": "" if about in known else about,
            }
            | {c: v for c, v in row.items() if c != "study_id_or_citation"}
        )
    return rows


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "references": (
        "reference_id",
        "kind",
        "first_author",
        "year",
        "title",
        "journal",
        "doi",
        "pmid",
        "pmcid",
        "url",
        "identity_confidence",
        "same_as",
        "note",
    ),
    "studies": (
        "study_id",
        "topic",
        "country",
        "population",
        "design",
        "registration",
        "intervention_class",
        "injury_phase",
        "time_since_injury_months",
        "level_cervical",
        "level_thoracic",
        "level_lumbar",
        "ais_a",
        "ais_b",
        "ais_c",
        "ais_d",
        "age_mean",
        "male_n",
        "followup_months",
        "read_as",
        "source_url",
        "note",
    ),
    "arms": ("arm_id", "study_id", "arm", "role", "n", "part_of", *ARM_DETAILS),
    "overlap_groups": ("overlap_group", "reason"),
    "overlap_members": ("study_id", "overlap_group", "is_primary"),
    "outcomes": (
        "cell_id",
        "study_id",
        "arm_id",
        "outcome",
        "stratum",
        "stratum_relation",
        "timepoint_months",
        "events",
        "n",
        "definition",
        "source_kind",
        "source_url",
        "locator",
        "confidence",
        "poolable",
        "not_poolable_reason",
        "note",
    ),
    "extractions": ("cell_id", "reading", "reader", "seen", "events", "n"),
    "reconciliations": ("cell_id", "agreement", "settled_by", "readers", "reconciled_by", "reconciled_on"),
    "continuous": (
        "continuous_id",
        "reference_id",
        "level",
        "arm",
        "comparison",
        "outcome",
        "timepoint_months",
        "measure",
        "value",
        "sd",
        "sem",
        "n",
        "ci_low",
        "ci_high",
        "p",
        "source_kind",
        "source_url",
        "locator",
        "confidence",
        "note",
    ),
    "dose_response": (
        "dose_response_id",
        "reference_id",
        "model",
        "endpoint",
        "region",
        "alpha_beta_gy",
        "d50_gy",
        "gamma50_or_slope",
        "ci",
        "dose_gy",
        "risk_percent",
        "source_url",
        "locator",
        "confidence",
        "note",
    ),
    "published_pooled": (
        "published_id",
        "reference_id",
        "scope",
        "outcome",
        "stratum",
        "measure",
        "k",
        "n",
        "estimate",
        "ci_low",
        "ci_high",
        "i2_percent",
        "tau2",
        "model",
        "software",
        "search_date",
        "source_url",
        "locator",
        "confidence",
        "note",
    ),
    "natural_pooled": (
        "natural_id",
        "reference_id",
        "stratum",
        "k",
        "n",
        "estimate_percent",
        "ci_low",
        "ci_high",
        "timepoint",
        "definition",
        "source_url",
        "locator",
        "confidence",
        "note",
    ),
    "mechanisms": (
        "claim_id",
        "section",
        "topic",
        "claim",
        "direction",
        "evidence_type",
        "seed_table",
        "seed_ref_numbers",
        "quantitative_value",
        "reference_id",
        "match_confidence",
        "source_url",
        "note",
    ),
    "claims": (
        "claim_id",
        "seed_id",
        "statement",
        "kind",
        "population",
        "quantity",
        "claimed_value",
        "claimed_low",
        "claimed_high",
        "n_claimed",
        "k_claimed",
        "direction_claimed",
        "how_to_test",
        "note",
    ),
    "registered_trials": (
        "registry_id",
        "title",
        "status",
        "phase",
        "intervention",
        "cell_type",
        "population",
        "enrollment",
        "start_year",
        "completion_year",
        "country",
        "sponsor",
        "results_posted",
        "linked_study_id",
        "source_url",
        "note",
    ),
    "integrity_notices": (
        "notice_id",
        "study_id",
        "citation",
        "kind",
        "year",
        "reference",
        "what_it_says",
        "source_url",
        "confidence",
        "found_by",
        "found_on",
    ),
    "reporting_items": ("item_id", "source", "section", "requirement"),
    "glossary": ("term_id", "term", "plain_definition"),
}


def main(arguments: list[str] | None = None) -> int:
    """Import the baseline of this folder; returns the exit code: 1 where the tables were edited since."""
    parser = argparse.ArgumentParser(
        description="Turn the baseline extraction beside this script into the tables of data/. "
        "Refuses to overwrite tables that have been edited since."
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder that the tables are written to (default: %(default)s)")
    parser.add_argument("--rules", action="store_true", help="print the rules of the import and stop")
    parser.add_argument("--force", action="store_true", help="overwrite edited tables; their edits are lost")
    options = parser.parse_args(arguments)
    if options.rules:
        print("\n".join(f"{rule}: {text}" for rule, text in RULES.items()))
        return 0
    try:
        counts = import_baseline(RAW, options.data, force=options.force)
    except ImportRefused as error:
        print(f"import_baseline: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"{name:20s} {rows:5d} rows" for name, rows in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
