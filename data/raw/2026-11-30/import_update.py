"""The documented import step of the second reading: new studies, scores and corrections enter the tables of ``data/``.

Run it once, in the environment of the review, on tables that do not hold the update yet::

    python data/raw/2026-11-30/import_update.py

This folder holds the reading as it was received, and is never edited; the files ``decisions_*.csv`` beside it hold what was
decided of it. Every rule that moves or leaves out something is one line in :data:`RULES`. No count is changed on the way.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from cordbook.core import csv_files
from cordbook.core.csv_files import to_csv
from cordbook.errors import CordbookError
from cordbook.evidence.patients import Meanings, meanings_of, parse_stratum
from cordbook.evidence.references.hosts import host_of, is_listed
from cordbook.intake.extraction.readings import count_row

RAW = Path(__file__).resolve().parent
DATA = RAW.parents[1]
DAY = "2026-11-30"
SEARCH = f"look-ups-{DAY}"
SOURCE = "Targeted look-ups"
#: Who decided on the records: the readers of the reports, and the scope of the protocol as decisions_studies.csv applies it.
REVIEWERS = ("automated reader", "scope of the protocol, applied at import")

Row = dict[str, str]

RULES: Mapping[str, str] = {
    "U1": "Every report is a record of the search look-ups-2026-11-30, with the two decisions on it. Excluded reports enter no "
    "other table; a published pool that is excluded as a study stays a reference of its scores.",
    "U2": "The study id is the reference id. Identity is confirmed where author, year, title and a number were seen; partial where "
    "the title, a number or its own page was; else unidentified.",
    "U3": "An author whose name the notes call recalled, and not seen on a page, is left blank.",
    "U4": "n_treated and n_control become rows of arms.csv. In studies of usual care both are parts of standard_care (or of "
    "natural_history where the cord was hurt by radiation); early and late surgery are strata of it, as in the first import.",
    "U5": "Both arms of a trial that compares two kinds of stimulation are treated, and their sizes are added.",
    "U6": "Both arms of a part of a trial counted together, and patients counted again after they crossed over, are no arm: "
    "what the count says goes to the note of the study.",
    "U7": "The stratum of usual care after injury names the phase of the study; the key completeness becomes baseline_completeness, excluded becomes patients_without.",
    "U8": "Readings are named R2 to R2e by the wave of the reading, the second reader of a wave V2.",
    "U9": "Cells are poolable but where decisions_counts.csv says why not.",
    "U10": "Numbers of patients by level or sex that count more people than the arms hold are left blank.",
    "U11": "Words that the readers left for themselves (reread, already in data) are taken out of notes.",
    "U12": "Keys of scores and published estimates go on from the last of each table; natural_* arms of scores become "
    "standard_care, other names of groups go to the comparison.",
    "U13": "The thirty scores of shin2015 stand in the data already, with the same standard errors, and are not added twice.",
    "U14": "A score of an excluded report is not taken in.",
    "U15": "A correction changes the value that it names and is a row of corrections.csv with the old one.",
    "U16": "What a rule finds and a report means is a row of waivers.csv with its reason.",
    "U17": "The count of grade B of vanmiddendorp2009, which the audit found in its abstract, is a count with one reading (A).",
    "U18": "References without a number get the page that was read as their canonical page where its host is one of hosts.csv; "
    "studies whose page was read elsewhere, or through a mirror by their note, were read in a copy.",
    "U19": "A title in parentheses is what a reader called the report: it goes to the note, and the title is blank. So do words in "
    "parentheses behind a title that say how it was seen.",
}

#: Codes of the cells given; the words of the report stand in the column ``given``.
CELL_TYPES = {
    "hammadi2012": "hsc", "suzuki2014": "bm_mnc", "wang2016olp": "olfactory_mucosa", "moviglia2006": "other",
    "medtherapy2015": "other", "medtherapy2016": "other", "rao2013six": "olfactory_ensheathing", "ejhm443078": "bm_msc",
    "neuroplast2021": "other",
}  # fmt: skip
#: Trials of two kinds of stimulation (U5), and studies whose treated arm has parts.
BOTH_TREATED = frozenset({"nct05095454"})
PARTS = {"pmc10410101": {"part1_axer204": "24", "part2_axer204": "14"}}
ARM_NAMES = {"part1 AXER-204": "part1_axer204", "part2 AXER-204": "part2_axer204"}
#: Designs that the reading left blank or whose arm of everybody is not known.
ARM_SIZE_UNKNOWN = frozenset({"kilgard2025"})
NUMBERS = ("doi", "pmid", "pmcid")
LEFT_OVER = re.compile(
    r"(?:^|; )(?:reread|STUDY ALREADY IN DATA|new cell(?: for [^;]*)?|new outcome term|new stratum key \w+|stratum words are the page's[^;]*"
    r"|outcome [\w:]+ is not yet in the schema|[\w:]+ not yet [^;]*|change score, marked mean_change\.?|[^;]*a term of its own may be better"
    r"|one more query in a second round: nothing new|three more queries[^;]*)(?=;|$)"
)
RECALLED = re.compile(r"first author[^;]*by recall|author name is NOT on the page", re.I)


WAIVERS = (
    ("n-not-above-arm", "outcomes", "kilgore2018.treated.responder.unit-arm.na",
     "Counted by arm of the body: 15 arms of 13 people. Not pooled."),
    ("n-not-above-arm", "outcomes", "posluszny2014.treated.other_not_stimulatable.all.na",
     "Of the 29 who were evaluated; the arm has the 22 who got the implant. Not pooled."),
    ("strata-within-whole", "outcomes", "meshkini_epo6m.control.clinical_improved.baseline_completeness-incomplete.0.13",
     "The printed subgroups do not add up to the arms. Not pooled (conflicting_sources)."),
    ("timepoint-within-followup", "outcomes", "pmc1808272.standard_care.ais_improved.baseline_ais-a_level-thoracic.18",
     "The median follow-up is 18 months; the shortest, which studies.csv gives, is 9."),
)  # fmt: skip


class UpdateRefused(CordbookError):
    """The tables hold the update already, or a file of it contradicts another."""


class Tables:
    """The tables of ``data/`` while the update enters them; nothing is written before :meth:`write`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, list[Row]] = {}
        self.header: dict[str, list[str]] = {}

    def table(self, name: str) -> list[Row]:
        if name not in self.rows:
            read = csv_files.read(self.folder / f"{name}.csv")
            self.header[name], self.rows[name] = list(read.header), read.rows
        return self.rows[name]

    def add(self, name: str, rows: Iterable[Mapping[str, str]]) -> None:
        table = self.table(name)
        blank = dict.fromkeys(self.header[name], "")
        table.extend({**blank, **row} for row in rows)

    def row(self, name: str, key: str, value: str) -> Row:
        return next(row for row in self.table(name) if row[key] == value)

    def next_key(self, name: str, column: str, letter: str) -> int:
        return max((int(row[column].removeprefix(letter)) for row in self.table(name)), default=0) + 1

    def write(self) -> None:
        for name, rows in self.rows.items():
            (self.folder / f"{name}.csv").write_text(to_csv(rows, self.header[name]), encoding="utf-8", newline="")


def main() -> int:
    tables = Tables(DATA)
    raw = {path.stem: csv_files.read(path).rows for path in sorted(RAW.glob("*.csv"))}
    decisions = {row["study_id"]: row for row in raw["decisions_studies"]}
    if any(row["search_id"] == SEARCH for row in tables.table("searches")):
        raise UpdateRefused(f"{SEARCH} stands in searches.csv: the update was imported before. Nothing was written.")
    included = [row for row in raw["studies"] if decisions[row["study_id"]]["decision"] == "include"]
    counted = _counted(raw, decisions, {row["study_id"] for row in tables.table("studies")})
    notes: dict[str, list[str]] = {}
    cells = [cell for row in counted if (cell := _count(row, raw, decisions, notes))] + [FOUND_BY_AUDIT]
    _records(tables, raw["studies"], decisions)
    tables.add("references", (_reference(row) for row in included))
    _pooled_references(tables, raw, decisions)
    tables.add("arms", (arm for row in included for arm in _arms(row, decisions[row["study_id"]], cells)))
    _studies(tables, included, decisions, cells, notes)
    _overlaps(tables, raw["decisions_overlaps"])
    _outcomes(tables, cells)
    _scores(tables, raw, decisions)
    _corrections(tables)
    _identities(tables)
    _pages(tables)
    number = tables.next_key("waivers", "waiver_id", "W")
    names = ("rule", "table", "row_key", "reason")
    tables.add(
        "waivers", ({"waiver_id": f"W{n:02d}", **dict(zip(names, row, strict=True))} for n, row in enumerate(WAIVERS, number))
    )
    for name, key in (("references", "reference_id"), ("studies", "study_id"), ("arms", "arm_id"), ("outcomes", "cell_id")):
        tables.table(name).sort(key=lambda row, key=key: row[key])
    for name in ("extractions", "reconciliations"):
        tables.table(name).sort(key=lambda row: (row["cell_id"], row.get("reading", "")))
    tables.table("overlap_members").sort(key=lambda row: row["study_id"])
    tables.table("overlap_groups").sort(key=lambda row: row["overlap_group"])
    tables.write()
    print(f"{len(included)} studies, {len(cells)} counts; {len(raw['studies']) - len(included)} reports excluded")
    return 0


def _counted(raw: Mapping[str, list[Row]], decisions: Mapping[str, Row], known: set[str]) -> list[Row]:
    wanted = {study for study, row in decisions.items() if row["decision"] == "include"} | (known - set(decisions))
    return [row for row in raw["outcomes"] if row["study_id"] in wanted]


# ------------------------------------------------------------------------------------------------ records


def _records(tables: Tables, studies: list[Row], decisions: Mapping[str, Row]) -> None:
    """U1: what was found, and what was decided of it."""
    tables.add("searches", [{
        "search_id": SEARCH, "source": SOURCE, "method": "other", "searched_on": DAY, "searched_by": "automated readers",
        "fetched": str(len(studies)), "complete": "no",
        "note": "Look-ups by topic and by known item in stored public pages, not a search of a database: that nothing else was "
        "found says nothing of what there is.",
    }])  # fmt: skip
    tables.add("records", (_record(row) for row in studies))
    for row in studies:
        decision = decisions[row["study_id"]]
        for stage in ("title_abstract", "full_text"):
            out = decision["decision"] == "exclude" and stage == "full_text"
            tables.add("screening", ({
                "record_id": f"{SEARCH}:{row['study_id']}", "stage": stage, "reviewer": who, "role": "reviewer",
                "decision": "exclude" if out else "include", "reason": decision["reason"] if out else "",
                "study_id": row["study_id"] if stage == "full_text" and not out else "",
                "decided_at": f"{DAY}T08:00:00Z",
                "note": "judged on what was read, mostly an abstract" if stage == "full_text" else "",
            } for who in REVIEWERS))  # fmt: skip


def _record(row: Row) -> Row:
    number = next((f"{name.upper()} {row[name]}" for name in NUMBERS if row[name]), row["study_id"])
    return {
        "record_id": f"{SEARCH}:{row['study_id']}", "search_id": SEARCH, "source": SOURCE, "source_key": row["study_id"],
        "title": _title(row) or f"Title not seen ({_called(row) or number})", "authors": _author(row), "year": row["year"],
        "container": row["journal"], "doi": row["doi"].lower(), "pmid": row["pmid"], "url": row["canonical_url"] or row["source_url"],
        "received_on": DAY,
    }  # fmt: skip


def _author(row: Row) -> str:
    """U3."""
    seen = row["identity_note"].startswith("authors ")
    return "" if not seen and RECALLED.search(f"{row['note']}; {row['identity_note']}") else row["first_author"]


#: Words behind a title that say how it was seen (U19).
OF_READERS = re.compile(r" \((as far as seen|sponsor web page)\)$")


def _title(row: Row) -> str:
    """U19."""
    return "" if _called(row) else OF_READERS.sub("", row["title"])


def _called(row: Row) -> str:
    """What a reader called a report whose title was not seen; blank where the title was."""
    words = re.fullmatch(r"\(([^()]*)\)", row["title"])
    return words[1] if words else ""


def _reference(row: Row) -> Row:
    """U2."""
    author, numbered = _author(row), any(row[name] for name in NUMBERS)
    title = _title(row)
    whole = author and row["year"] and title and numbered
    resolved = re.match(r"https://(doi\.org|pubmed\.ncbi\.nlm\.nih\.gov|pmc\.ncbi\.nlm\.nih\.gov)/", row["canonical_url"])
    return {
        "reference_id": row["study_id"], "kind": "study", "first_author": author, "year": row["year"], "title": title,
        "journal": row["journal"], "doi": row["doi"].lower(), "pmid": row["pmid"], "pmcid": row["pmcid"], "url": row["source_url"],
        "canonical_url": "" if resolved else row["canonical_url"],
        "identity_confidence": "confirmed" if whole else "partial" if title or numbered or row["canonical_url"] else "unidentified",
        "note": "; ".join(filter(None, (_called(row), _tidy(row["identity_note"])))),
    }  # fmt: skip


def _tidy(note: str) -> str:
    """U11."""
    text = LEFT_OVER.sub("", note)
    return text.strip("; ").replace(";;", ";")


# ------------------------------------------------------------------------------------------------- studies


def _arms(row: Row, decision: Row, cells: list[Row]) -> list[Row]:
    study, given = row["study_id"], {"given": decision["given"], "dose": decision["dose"]}
    watched = decision["intervention_class"] == "usual_care"
    if watched:
        name = _watched_arm(row)
        sizes = [int(row[c]) for c in ("n_treated", "n_control") if row[c]]
        return [_arm(study, name, "natural_course", str(sum(sizes)) if sizes else "")]
    treated = "anticoagulant" if any(c["study_id"] == study and c["arm"] == "anticoagulant" for c in cells) else "treated"
    size = "" if study in ARM_SIZE_UNKNOWN else row["n_treated"]
    if study in BOTH_TREATED:
        size = str(int(row["n_treated"]) + int(row["n_control"]))
    cell_type = CELL_TYPES.get(study, "")
    words = {"given": given["given"] or (row["cell_type"] if cell_type and row["cell_type"] not in (cell_type, "other") else "")}
    about = {
        **given, **words, "cell_type": cell_type, "donor": row["donor"], "route": decision["route"] or _route(row),
        "dose_cells": row["dose_cells"], "n_doses": row["n_doses"],
    }  # fmt: skip
    arms = [_arm(study, treated, "treated", size, **about)]
    arms += [_arm(study, part, "treated", n, part_of=f"{study}.treated", **about) for part, n in PARTS.get(study, {}).items()]
    controls = row["n_control"] or any(c["study_id"] == study and c["arm"] == "control" for c in cells)
    if controls and study not in BOTH_TREATED:
        arms.append(_arm(study, "control", "comparator", row["n_control"]))
    return arms


def _arm(study: str, name: str, role: str, n: str, **more: str) -> Row:
    return {"arm_id": f"{study}.{name}", "study_id": study, "arm": name, "role": role, "n": n, **more}


def _route(row: Row) -> str:
    """A route that the notes call recalled was not seen (U3)."""
    return "" if "by recall of the product" in row["note"] else row["route"]


def _watched_arm(row: Row) -> str:
    return "natural_history" if row["population"] == "radiation_myelopathy" else "standard_care"


def _studies(
    tables: Tables, included: list[Row], decisions: Mapping[str, Row], cells: list[Row], notes: Mapping[str, list[str]]
) -> None:
    same = "country population design injury_phase time_since_injury_months ais_a ais_b ais_c ais_d age_mean followup_months"
    sizes: dict[str, int] = {}
    for arm in tables.table("arms"):
        if not arm["part_of"] and arm["n"]:
            sizes[arm["study_id"]] = sizes.get(arm["study_id"], 0) + int(arm["n"])
    for row in included:
        study, decision = row["study_id"], decisions[row["study_id"]]
        levels = {name: row[name] for name in ("level_cervical", "level_thoracic", "level_lumbar")}
        if sum(int(n or 0) for n in levels.values()) > sizes.get(study, 10**9):
            levels = dict.fromkeys(levels, "")  # U10
        men = {"male_n": "" if int(row["male_n"] or 0) > sizes.get(study, 10**9) else row["male_n"]}
        note = "; ".join(filter(None, (decision["study_note"] or _tidy(row["note"]), *notes.get(study, ()))))
        tables.add("studies", [{
            "study_id": study, "topic": decision["topic"], "intervention_class": decision["intervention_class"],
            **{name: row[name] for name in same.split()}, **levels, **men,
            "registration": row["registration"], "read_as": _read_as(study, cells), "source_url": row["source_url"],
            "read_in": {"original page": "original_page", "copy of the record elsewhere": "copy"}.get(row["read_in"], ""),
            "note": note,
        }])  # fmt: skip


def _read_as(study: str, cells: list[Row]) -> str:
    names = {"primary_abstract": "abstract", "primary_fulltext": "full text", "secondary_review": "review table"}
    kinds = {cell["source_kind"] for cell in cells if cell["study_id"] == study}
    return "; ".join(text for kind, text in names.items() if kind in kinds) or "abstract"


def _overlaps(tables: Tables, rows: list[Row]) -> None:
    groups = {row["overlap_group"] for row in tables.table("overlap_groups")}
    tables.add("overlap_groups", ({"overlap_group": r["overlap_group"], "reason": r["reason"]}
                                  for r in rows if r["reason"] and r["overlap_group"] not in groups))  # fmt: skip
    tables.add("overlap_members", ({name: r[name] for name in ("study_id", "overlap_group", "is_primary")} for r in rows))


# -------------------------------------------------------------------------------------------------- counts


def _count(row: Row, raw: Mapping[str, list[Row]], decisions: Mapping[str, Row], notes: dict[str, list[str]]) -> Row | None:
    """A count with what was decided of it; None where it goes to the note of its study (U6)."""
    chosen = next((d for d in raw["decisions_counts"] if _fits(d, row)), None)
    if chosen and chosen["decision"] == "to_note":
        notes.setdefault(row["study_id"], []).append(chosen["why"])
        return None
    out = chosen is not None and chosen["decision"] == "not_poolable"
    note = "; ".join(filter(None, (chosen["why"].rstrip(".") if chosen else "", _tidy(row["note"]))))
    study = next((s for s in raw["studies"] if s["study_id"] == row["study_id"]), None)
    arm, stratum = _place(row, study, decisions.get(row["study_id"]))
    return {**row, "arm": arm, "stratum": stratum, "note": note, "poolable": "no" if out else "yes",
            "not_poolable_reason": chosen["reason"] if out else ""}  # fmt: skip


def _fits(decision: Row, row: Row) -> bool:
    return decision["study_id"] == row["study_id"] and all(decision[c] in ("*", row[c]) for c in ("arm", "outcome", "stratum"))


#: Keys of strata that the readers named otherwise (U7).
KEYS = {"completeness": "baseline_completeness", "excluded": "patients_without"}
_KEYS = re.compile(rf"^({'|'.join(KEYS)})=")


def _place(row: Row, study: Row | None, decision: Row | None) -> tuple[str, str]:
    """The arm and the stratum of a count (U4, U7)."""
    arm = ARM_NAMES.get(row["arm"], row["arm"])
    pairs = [_KEYS.sub(lambda m: KEYS[m[1]] + "=", part) for part in row["stratum"].split(";") if part]
    if study is None or decision is None or decision["intervention_class"] != "usual_care":
        return arm, ";".join(pairs)
    watched = _watched_arm(study)
    phase = study["injury_phase"]
    if watched == "standard_care" and phase in ("acute", "chronic"):
        at = next((n for n, part in enumerate(pairs, start=1) if part.startswith("baseline_")), 0)
        pairs.insert(at, f"phase={phase}")
    if row["arm"] in ("early_surgery", "late_surgery"):
        pairs.append(f"surgery={row['arm'].removesuffix('_surgery')}")
    return watched, ";".join(pairs)


def _outcomes(tables: Tables, cells: list[Row]) -> None:
    known = tables.table("outcomes")
    made: list[Row] = []
    for cell in cells:
        arm_id = f"{cell['study_id']}.{cell['arm']}"
        key = f"{cell['study_id']}.{count_row(cell['arm'], cell['outcome'], cell['stratum'], cell['timepoint_months'])}"
        kept = {name: cell[name] for name in tables.header["outcomes"] if name in cell}
        made.append({**kept, "cell_id": key, "arm_id": arm_id})
        reader = cell.get("reader") or f"R{cell['wave']}"
        both = bool(cell["reading2_events"])
        readings = [{"cell_id": key, "reading": "1", "reader": reader, "seen": "yes", "events": cell["events"], "n": cell["n"]}]
        if both:
            second = {"events": cell["reading2_events"], "n": cell["reading2_n"]}
            readings.append({"cell_id": key, "reading": "2", "reader": f"V{cell['wave']}", "seen": "yes", **second})
        tables.add("extractions", readings)
        tables.add("reconciliations", [{
            "cell_id": key, "agreement": cell["agreement"], "readers": f"{reader}+V{cell['wave']}" if both else reader,
        }])  # fmt: skip
    meanings = meanings_of(tables.table("stratum_keys"), tables.table("vocabulary/stratum_values"))
    tables.add("outcomes", ({**row, "stratum_relation": _relation(meanings, row, made + known)} for row in made))


#: Studies of which one stratum holds the whole arm: the others are parts of it.
WHOLE_ARM_IS_A_STRATUM = frozenset({("fein1993", "other:lhermitte")})


def _relation(meanings: Meanings, cell: Row, cells: list[Row]) -> str:
    own = parse_stratum(cell["stratum"])
    alike = [c for c in cells if (c["arm_id"], c["outcome"]) == (cell["arm_id"], cell["outcome"]) and c is not cell]
    wider = [c for c in alike if meanings.is_part(own, parse_stratum(c["stratum"]))]
    same = any((c["events"], c["n"]) == (cell["events"], cell["n"]) for c in wider)
    if own and (cell["study_id"], cell["outcome"]) in WHOLE_ARM_IS_A_STRATUM and not wider:
        return "part_of_total" if any(int(c["n"]) > int(cell["n"]) for c in alike) else "only_stratum"
    return "total" if not own else "same_patients" if same else "part_of_total" if wider else "only_stratum"


# -------------------------------------------------------------------------------------------------- scores


def _pooled_references(tables: Tables, raw: Mapping[str, list[Row]], decisions: Mapping[str, Row]) -> None:
    """References of published estimates that the review had not named yet (U1)."""
    known = {row["reference_id"] for row in tables.table("references")}
    studies = {row["study_id"]: row for row in raw["studies"]}
    for name in ("continuous", "natural_pooled", "published_pooled", "dose_response"):
        for row in raw[name]:
            key = row["reference_id"]
            if key in known or (key in decisions and decisions[key]["reason"] != "wrong_design"):
                continue
            known.add(key)
            if key in studies:
                tables.add("references", [{**_reference(studies[key]), "kind": "review", "identity_confidence": ""}])
            else:
                kind = "natural_history" if name == "natural_pooled" else "review"
                about = {"title": KNOWN_TITLES.get(key, ""), **SEEN_NUMBERS.get(key, {})}
                tables.add("references", [{"reference_id": key, "kind": kind, "url": row["source_url"], **about}])


#: Titles and numbers of references that only a row of scores names, as the notes and addresses of those rows give them.
KNOWN_TITLES: Mapping[str, str] = {}
SEEN_NUMBERS: Mapping[str, Row] = {
    "steeves2011": {"first_author": "Steeves", "year": "2011", "doi": "10.1038/sc.2010.99", "pmid": "20714334"},
    "kessler2010": {"first_author": "Kessler", "year": "2010"},
    "vanophoven2021": {"first_author": "van Ophoven", "year": "2021", "doi": "10.1007/s12325-021-01650-9"},
}


def _scores(tables: Tables, raw: Mapping[str, list[Row]], decisions: Mapping[str, Row]) -> None:
    for name, column, letter in (
        ("continuous", "continuous_id", "C"), ("natural_pooled", "natural_id", "H"),
        ("published_pooled", "published_id", "P"), ("dose_response", "dose_response_id", "D"),
    ):  # fmt: skip
        number = tables.next_key(name, column, letter)
        for row in raw[name]:
            decided = decisions.get(row["reference_id"])
            if row["reference_id"] == "shin2015" or (
                decided and decided["decision"] == "exclude" and decided["reason"] != "wrong_design"
            ):
                continue  # U13, U14
            made = {**row, column: f"{letter}{number:03d}", "note": _tidy(row["note"])}
            tables.add(name, [_score(made) if name == "continuous" else made])
            number += 1


def _score(row: Row) -> Row:
    """U12."""
    arm, comparison = row["arm"], row["comparison"]
    if arm.startswith("natural_"):
        comparison = "; ".join(
            filter(
                None,
                (
                    comparison,
                    arm.removeprefix("natural_")
                    .replace("_", " ")
                    .replace("ais ", "AIS ")
                    .replace("AIS a", "AIS A")
                    .replace("AIS b", "AIS B")
                    .replace("AIS c", "AIS C"),
                ),
            )
        )
        arm = "standard_care"
    elif arm in ("single_course", "retreatment"):
        comparison, arm = "; ".join(filter(None, (comparison, arm.replace("_", " ")))), "treated"
    return {**row, "arm": arm, "comparison": comparison}


# --------------------------------------------------------------------------------------------- corrections

#: U17: a count that the audit found beside those that the data had.
FOUND_BY_AUDIT: Row = {
    "study_id": "vanmiddendorp2009", "arm": "standard_care", "outcome": "ais_improved",
    "stratum": "baseline_ais=B;phase=acute;level=above_T11", "timepoint_months": "12", "events": "27", "n": "37",
    "definition": "AIS B at first exam, C, D or E at follow-up", "source_kind": "primary_abstract",
    "source_url": "https://pubmed.ncbi.nlm.nih.gov/19104512/", "locator": "Abstract", "confidence": "high", "poolable": "yes",
    "not_poolable_reason": "", "note": "stated in the abstract", "agreement": "single", "reading2_events": "", "wave": "",
    "reader": "A",
}  # fmt: skip
W18 = "wilson2018.standard_care.ais_improved.baseline_ais-{}_phase-acute_level-t1-l1.12"
VM09 = "vanmiddendorp2009.standard_care.ais_improved.baseline_ais-{}_phase-acute_level-above_t11.12"
MARINO = "marino2020.standard_care.{}.baseline_ais-a_phase-acute.12"
SPIESS = "spiess2009.standard_care.ais_improved.baseline_ais-d_phase-acute_level-above_t10.12"
WILSON_C = ("Held against its own abstract (PMID 29665733): 77.8% of grade C rose one grade or more, which fits 7 of 9, "
            "not the 8 of 8 rebuilt from a review's table.")  # fmt: skip
WILSON_D = "Held against its own abstract (PMID 29665733): no grade D reached E; the review's table gives 1 of 3."
OWN_ABSTRACT = "The count stands in the study's own abstract (PMID 19104512)."
REVIEW_ONLY = ("Rebuilt from a review's table, and which paper the report is was not confirmed: no weight until it is held "
               "against its own abstract.")  # fmt: skip
PROTECTIVE = "They only describe how methylprednisolone is dosed."
DIRECTIONS = (("M045", PROTECTIVE), ("M046", PROTECTIVE), ("M002", "The claim does not say harm: low risk at that dose."),
              ("M054", "The claim does not say harm: deficits left after steroids alone."))  # fmt: skip


def _corrections(tables: Tables) -> None:
    """U15."""
    out = _outcome_corrections(tables)
    out += [("mechanisms", key, "direction", "neutral", why) for key, why in DIRECTIONS]
    number = tables.next_key("corrections", "correction_id", "K")
    keys = {
        "outcomes": ("cell_id",),
        "mechanisms": ("claim_id",),
        "arms": ("arm_id",),
        "studies": ("study_id",),
        "overlap_members": ("study_id", "overlap_group"),
    }
    for table, key, column, new, why in out:
        row = next(r for r in tables.table(table) if "|".join(r[name] for name in keys[table]) == key)
        if row[column] == new:
            raise UpdateRefused(f"{table} {key}: {column} is {new!r} already")
        tables.add("corrections", [{
            "correction_id": f"K{number:03d}", "table": table, "row_key": key, "column": column, "old_value": row[column],
            "new_value": new, "corrected_on": DAY, "reason": why,
        }])  # fmt: skip
        row[column] = new
        number += 1


def _outcome_corrections(tables: Tables) -> list[tuple[str, str, str, str, str]]:
    def unpooled(key: str, reason: str, why: str) -> list[tuple[str, str, str, str, str]]:
        return [("outcomes", key, "poolable", "no", why), ("outcomes", key, "not_poolable_reason", reason, why)]

    out = unpooled(W18.format("c"), "conflicting_sources", WILSON_C) + unpooled(W18.format("d"), "conflicting_sources", WILSON_D)
    for grade in "acd":
        key = VM09.format(grade)
        out += [("outcomes", key, "source_kind", "primary_abstract", OWN_ABSTRACT),
                ("outcomes", key, "source_url", "https://pubmed.ncbi.nlm.nih.gov/19104512/", OWN_ABSTRACT),
                ("outcomes", key, "locator", "Abstract", OWN_ABSTRACT)]  # fmt: skip
    out += unpooled(SPIESS, "overlap", "The same registry as vanmiddendorp2009, whose row of grade D (5 of 32) is in its abstract "
                    "(PMID 19104512); this row holds only injuries above T10.")  # fmt: skip
    for outcome in ("ais_improved", "other_converted_to_motor_incomplete"):
        out.append(("outcomes", MARINO.format(outcome), "n", "1876",
                    "The poster says 1,877; the paper whose DOI the reference bears says that 1,876 were followed."))  # fmt: skip
    why = "Of this registry, the report whose own abstract gives the counts is pooled; spiess2009 is known from a review's table."
    for grade in "acd":
        key = VM09.format(grade)
        out += [("outcomes", key, "poolable", "yes", why), ("outcomes", key, "not_poolable_reason", "", why)]
    members = ("vanmiddendorp2009|emsci", "yes"), ("spiess2009|emsci", "no")
    out += [("overlap_members", key, "is_primary", primary, why) for key, primary in members]
    out += unpooled("donati2016.treated.motor_improved.all.12", "other:second_hand",
                    "8 of 8 rests on a lay page, not on the paper.")  # fmt: skip
    out.append(("outcomes", "gant2022.treated.sensory_improved.all.na", "note",
                "That the other seven were unchanged is only implied; read through a mirror", "1 of 8: the seven are only implied."))  # fmt: skip
    both = "60 completed, 65 entered: the set for harm is those who were treated."
    out += [
        ("arms", "moritz2024.treated", "n", "65", both),
        ("outcomes", "moritz2024.treated.sae_related.all.2", "n", "65", both),
    ]
    out.append(("outcomes", "tien2019.treated.ae_any.all.12", "note",
                "statement on both groups; n of 31 is not in the abstract, but in a review table", "n of 31 is not in the abstract."))  # fmt: skip
    out += unpooled("pmc7688947.treated.other_withdrawal.all.2", "denominator_unclear",
                    "Only those who finished are told of; how many had begun was not seen.")  # fmt: skip
    abstract = "Its counts of grades are read in its own abstract now (PMID 19104512)."
    out += [("studies", "vanmiddendorp2009", "read_as", "abstract; review table", abstract),
            ("studies", "vanmiddendorp2009", "note", "counts of grades from the abstract, the count of motor incomplete injuries from a "
             "review's table; level above T11; follow-up 6-12 months", abstract)]  # fmt: skip
    done = {key for _, key, column, _, _ in out if column == "poolable"}
    identity = {row["reference_id"]: row["identity_confidence"] for row in tables.table("references")}
    identity |= {row["study_id"]: "confirmed" for row in IDENTITIES.values() if row.get("identity_confidence") == "confirmed"}
    for row in tables.table("outcomes"):
        secondary = (
            row["source_kind"] == "secondary_review" and row["poolable"] == "yes" and identity[row["study_id"]] != "confirmed"
        )
        if secondary and row["cell_id"] not in done:
            out += unpooled(row["cell_id"], "other:review_table_only", REVIEW_ONLY)
    return out


# ---------------------------------------------------------------------------------------------- identities


#: Reports whose whole identity was seen, as the reading says of them beside identity.csv.
WHOLE = frozenset({"guckenberger2014"})


def _identity_rows() -> dict[str, Row]:
    """What identity.csv saw of the unidentified reports: only what a page showed, nothing recalled."""
    made: dict[str, Row] = {}
    for row in csv_files.read(RAW / "identity.csv").rows:
        text = f"{row['first_author']} {row['title']} {row['journal']} {row['finding']}"
        if "not found" in row["finding"] or "not tried" in row["finding"] or "re-seen earlier" in row["finding"]:
            continue
        found = {"study_id": row["study_id"]}
        if re.match(r"^[A-Za-z .'-]+$", row["first_author"]) and not re.search(r"by our row|from query", row["first_author"]):
            found["first_author"] = row["first_author"].strip()
        for name in ("title", "journal"):
            unsure = name == "journal" and "?" in row[name]
            if row[name] and not unsure and not row[name].startswith("("):
                found[name] = re.sub(r" \d.*$", "", row[name]) if name == "journal" else row[name]
        if "used as query" in row["finding"] and "recalled" in row["finding"]:
            found.pop("first_author", None)
            found.pop("title", None)
        if re.fullmatch(r"\d{4}", row["year"]):
            found["year"] = row["year"]
        if re.fullmatch(r"10\.\S+", row["doi"]):
            found["doi"] = row["doi"].lower()
        if re.fullmatch(r"\d+", row["pmid"]):
            found["pmid"] = row["pmid"]
        if row["pmcid"]:
            found["pmcid"] = row["pmcid"]
        if re.match(r"confirmed", row["finding"], re.I) or row["study_id"] in WHOLE:
            found["identity_confidence"] = "confirmed"
        elif re.search(r"abstract (and DOI )?seen|title.*seen|title, journal|page text matches", text, re.I):
            found["identity_confidence"] = "partial"
        made[row["study_id"]] = found
    return made


IDENTITIES = _identity_rows()


def _identities(tables: Tables) -> None:
    """Fill what was blank; a value that stands is left, and identity rises where it was seen."""
    order = ("unidentified", "partial", "confirmed")
    for key, found in IDENTITIES.items():
        row = tables.row("references", "reference_id", key)
        for name in ("first_author", "year", "title", "journal", "doi", "pmid", "pmcid"):
            if found.get(name) and not row[name]:
                row[name] = found[name]
        numbered = any(row[name] for name in NUMBERS)
        level = found.get("identity_confidence", "")
        if level == "confirmed" and not (row["first_author"] and row["year"] and row["title"] and numbered):
            level = "partial"
        if level and order.index(level) > order.index(row["identity_confidence"] or "unidentified"):
            row["identity_confidence"] = level


# --------------------------------------------------------------------------------------------------- pages


#: Parts of an address which show that the page lists or holds other papers: a list of references, a table, an issue, a search.
PAGE_OF_OTHERS = re.compile(r"/(ref|refs|references|tab\d*|table|browse|Search)(/|$|\?)")


def _pages(tables: Tables) -> None:
    """U18."""
    hosts = {row["host"] for row in tables.table("vocabulary/hosts")}
    for row in tables.table("references"):
        numbered = any(row[name] for name in NUMBERS) or row["same_as"]
        page = row["canonical_url"] or row["url"]
        # Of a report that was not identified the page that was read is a review that lists it: told so, and not cited as its own.
        own = row["identity_confidence"] == "unidentified" or not PAGE_OF_OTHERS.search(page)
        row["canonical_url"] = page if page and not numbered and own and is_listed(host_of(page), hosts) else ""
    for row in tables.table("studies"):
        if not row["read_in"] and row["source_url"]:
            own = is_listed(host_of(row["source_url"]), hosts) and "mirror" not in row["note"]
            row["read_in"] = "original_page" if own else "copy"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UpdateRefused as refused:
        sys.exit(str(refused))
