"""The import: tables against the source files, cell by cell in both directions, by a mapping written apart from it.

Forward, every cell of the source must stand in the tables, as it was or as a rule of the import changes it.
Backward, every cell of a row that the import makes must come from the source. Rows that people added later
are not the import's; corrections are followed through corrections.csv.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from cordbook.evidence import load_package
from tests.intake.baseline import DATA, RAW, SCRIPT, baseline

ImportRefused, RULES, import_baseline = baseline.ImportRefused, baseline.RULES, baseline.import_baseline
PACKAGE = load_package(DATA)
Row = dict[str, str]

#: Columns that stand unchanged, source file to table.
SAME = {
    "studies": (
        "studies",
        "topic country population design registration intervention_class injury_phase time_since_injury_months "
        "level_cervical level_thoracic level_lumbar ais_a ais_b ais_c ais_d age_mean male_n followup_months read_as "
        "source_url note",
    ),
    "outcomes": (
        "outcomes",
        "study_id outcome timepoint_months events n definition source_kind source_url locator confidence poolable "
        "not_poolable_reason stratum_relation note",
    ),
    "continuous": (
        "continuous",
        "level arm comparison outcome timepoint_months measure value sd sem n ci_low ci_high p source_kind source_url "
        "locator confidence note",
    ),
    "dose_response": (
        "dose_response",
        "model endpoint region alpha_beta_gy d50_gy gamma50_or_slope ci dose_gy risk_percent source_url locator confidence note",
    ),
    "published_pooled": (
        "published_pooled",
        "scope outcome stratum measure k n estimate ci_low ci_high i2_percent tau2 model software search_date source_url "
        "locator confidence note",
    ),
    "natural_pooled": (
        "natural_pooled",
        "stratum k n estimate_percent ci_low ci_high timepoint definition source_url locator confidence note",
    ),
    "mechanisms": (
        "mechanisms",
        "section topic claim direction evidence_type seed_table seed_ref_numbers quantitative_value match_confidence source_url note",
    ),
    "seed_claims": (
        "claims",
        "statement kind population quantity claimed_value claimed_low claimed_high n_claimed k_claimed direction_claimed how_to_test note",
    ),
    "registered_trials": (
        "registered_trials",
        "title status phase intervention cell_type population enrollment start_year completion_year country sponsor "
        "results_posted linked_study_id source_url note",
    ),
    "integrity_notices": ("integrity_notices", "kind year reference what_it_says source_url confidence"),
    "prisma_items": ("reporting_items", "source section requirement"),
    "glossary": ("glossary", "term plain_definition"),
}
#: Columns of the source that become something else; each is tested below.
MOVED = {
    "studies": "study_id first_author year title journal doi pmid pmcid n_treated n_control cell_type donor route dose_cells "
    "n_doses overlap_group overlap_primary identity_confidence",
    "outcomes": "cell_id arm stratum events_1 n_1 events_2 n_2 readers agreement settled_by stratum_repeats_total",
    "continuous": "study_id",
    "dose_response": "source_id first_author year doi",
    "published_pooled": "review_id first_author year journal doi pmcid",
    "natural_pooled": "source_id first_author year doi",
    "mechanisms": "claim_id candidate_reference",
    "seed_claims": "claim_id seed_file",
    "registered_trials": "registry_id",
    "integrity_notices": "study_id_or_citation",
    "prisma_items": "item_id",
    "glossary": "",
}
NUMBERED = {
    "continuous": "C{:03d}",
    "dose_response": "D{:03d}",
    "published_pooled": "P{:03d}",
    "natural_pooled": "H{:03d}",
    "glossary": "T{:03d}",
    "integrity_notices": "N{:02d}",
}
KEYS = {
    "studies": "study_id",
    "outcomes": "cell_id",
    "mechanisms": "claim_id",
    "seed_claims": "claim_id",
    "registered_trials": "registry_id",
    "prisma_items": "item_id",
}
#: Codes that were split when later studies came, and what a value of the source may be today: nobody was treated there.
RECODED = {("studies", "intervention_class"): {"other": "usual_care"}}
#: Columns that came with later readings; the source has nothing of them.
LATER = {"studies": {"read_in"}, "continuous": {"part"}}
ARM_DETAILS = ("cell_type", "donor", "route", "dose_cells", "n_doses")


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def tables() -> dict[str, dict[str, Row]]:
    """Tables by key, with every correction undone, so that they are as imported."""
    found = {t.name: {t.key_of(row): row for row in rows_of(DATA / t.path)} for t in PACKAGE.tables}
    for correction in sorted(found["corrections"].values(), key=lambda c: (c["corrected_on"], c["correction_id"]), reverse=True):
        row = found[correction["table"]][correction["row_key"]]
        assert row[correction["column"]] == correction["new_value"]
        row[correction["column"]] = correction["old_value"]
    return found


SOURCE = {path.stem: rows_of(path) for path in sorted(RAW.glob("*.csv"))}
TABLES = tables()


def stands(table: str, column: str, was: str, now: str) -> bool:
    """Is a value of the import there today: itself, its later code, or, of a reference, what has been seen since where it was blank?"""
    if table == "references" and column in ("identity_confidence", "canonical_url", "note"):
        return True  # judged anew as more is seen; test_an_identity_is_no_higher_than_what_was_seen holds it
    return now in (was, RECODED.get((table, column), {}).get(was)) or (table == "references" and was == "")


def keyed(file: str) -> list[tuple[str, Row]]:
    """Rows of a source file with the key that they have in their table."""
    if file in NUMBERED:
        return [(NUMBERED[file].format(number), row) for number, row in enumerate(SOURCE[file], start=1)]
    return [(row[KEYS[file]], row) for row in SOURCE[file]]


def test_every_column_of_every_source_file_is_accounted_for():
    assert set(SAME) == set(MOVED) == set(SOURCE)
    for file, rows in SOURCE.items():
        assert set(rows[0]) == set(SAME[file][1].split()) | set(MOVED[file].split()), file


@pytest.mark.parametrize("file", SAME)
def test_cells_that_are_only_copied_are_the_same(file):
    table, columns = SAME[file]
    differences = [
        (key, column, row[column], TABLES[table].get(key, {}).get(column))
        for key, row in keyed(file)
        for column in columns.split()
        if key not in TABLES[table] or not stands(table, column, row[column], TABLES[table][key][column])
    ]
    assert differences == []


@pytest.mark.parametrize("file", SAME)
def test_no_column_of_a_table_comes_from_nowhere(file):
    """Backward: apart from keys and rearranged columns, which have tests below, a table has the copied columns alone."""
    table, columns = SAME[file]
    made = {
        "studies": {"study_id"},
        "outcomes": {"cell_id", "arm_id", "stratum"},
        "continuous": {"continuous_id", "reference_id"},
        "dose_response": {"dose_response_id", "reference_id"},
        "published_pooled": {"published_id", "reference_id"},
        "natural_pooled": {"natural_id", "reference_id"},
        "mechanisms": {"claim_id", "reference_id"},
        "claims": {"claim_id", "seed_id"},
        "registered_trials": {"registry_id"},
        "integrity_notices": {"notice_id", "study_id", "citation", "found_by", "found_on"},
        "reporting_items": {"item_id"},
        "glossary": {"term_id"},
    }
    assert set(PACKAGE.table(table).columns) == set(columns.split()) | made[table] | LATER.get(table, set())


def test_keys_of_sources():
    for file, column in (
        ("continuous", "study_id"),
        ("dose_response", "source_id"),
        ("published_pooled", "review_id"),
        ("natural_pooled", "source_id"),
    ):
        for key, row in keyed(file):
            assert TABLES[file][key]["reference_id"] == row[column]
    for key, row in keyed("seed_claims"):
        assert row["seed_file"].startswith(TABLES["claims"][key]["seed_id"])
        assert len(TABLES["claims"][key]["seed_id"]) == 3
    studies = {row["study_id"] for row in SOURCE["studies"]}
    for key, row in keyed("integrity_notices"):
        notice = TABLES["integrity_notices"][key]
        about = row["study_id_or_citation"]
        assert (notice["study_id"], notice["citation"]) == ((about, "") if about in studies else ("", about))


def test_cells_keep_arm_and_stratum():
    for key, row in keyed("outcomes"):
        cell = TABLES["outcomes"][key]
        assert cell["arm_id"] == f"{row['study_id']}.{row['arm']}"
        assert TABLES["arms"][cell["arm_id"]]["arm"] == row["arm"]
        # R13: a bare word became word=yes.
        assert re.sub(r"(^|;)interim=yes(;|$)", r"\1interim\2", cell["stratum"]) == row["stratum"]
        repeats = "yes" if cell["stratum_relation"] in ("same_patients", "part_of_total") else "no"
        assert repeats == (row["stratum_repeats_total"] or "no")


def test_both_readings_of_every_cell_are_kept():
    for key, row in keyed("outcomes"):
        reconciled = TABLES["reconciliations"][key]
        assert {c: row[c] for c in ("agreement", "settled_by", "readers")} == {
            c: reconciled[c] for c in ("agreement", "settled_by", "readers")
        }
        for reading in "12":
            stored = TABLES["extractions"].get(f"{key}|{reading}")
            counts = (row[f"events_{reading}"], row[f"n_{reading}"])
            if stored is None:
                assert counts == ("", "") and row["agreement"] != "second_not_seen", key
                continue
            assert (stored["events"], stored["n"]) == counts
            assert stored["seen"] == ("yes" if counts[0] else "no")
            assert stored["reader"] == "" or stored["reader"] in row["readers"].split("+")
    imported = {row["cell_id"] for row in SOURCE["outcomes"]}
    seen = [row for row in TABLES["extractions"].values() if row["cell_id"] in imported and row["seen"] == "yes"]
    assert len(seen) == sum(bool(row[f"events_{i}"]) for row in SOURCE["outcomes"] for i in "12")


def test_sizes_and_treatments_became_arms():
    arms = defaultdict(dict)
    for arm in TABLES["arms"].values():
        arms[arm["study_id"]][arm["arm"]] = arm
    for row in SOURCE["studies"]:
        own = arms[row["study_id"]]
        natural = row["topic"] == "natural_recovery"
        if natural and row["n_treated"]:
            sizes = {"early_surgery": row["n_treated"], "late_surgery": row["n_control"]}
            sizes["standard_care"] = str(int(row["n_treated"]) + int(row["n_control"]))
        elif natural:
            sizes = {"standard_care": row["n_control"]}
        else:
            sizes = {"treated": row["n_treated"], "control": row["n_control"]}
        for arm, n in sizes.items():
            assert own.get(arm, {"n": ""})["n"] == n, (row["study_id"], arm)
        # Backward: no other arm has a size, and the treatment is told once.
        assert {arm: a["n"] for arm, a in own.items() if a["n"]} == {arm: n for arm, n in sizes.items() if n}
        described = "standard_care" if natural else "treated"
        for column in ARM_DETAILS:
            assert own.get(described, {column: ""})[column] == row[column], (row["study_id"], column)
            assert [arm for arm, a in own.items() if a[column] and arm != described] == []
        named = {cell["arm"] for cell in SOURCE["outcomes"] if cell["study_id"] == row["study_id"]}
        assert named <= set(own) <= named | set(sizes)


def test_overlap_groups():
    expected = {
        (row["study_id"], group): row["overlap_primary"]
        for row in SOURCE["studies"]
        for group in row["overlap_group"].split(";")
        if group
    }
    stored = {(r["study_id"], r["overlap_group"]): r["is_primary"] for r in TABLES["overlap_members"].values()}
    assert {key: stored.get(key) for key in expected} == expected
    decisions = (RAW / "DECISIONS.md").read_text(encoding="utf-8")
    for group in {group for _, group in expected}:
        reason = TABLES["overlap_groups"][group]["reason"]
        assert re.search(rf"^- {group}: .*: {re.escape(reason)}$", decisions, flags=re.M), group


def test_bibliographic_cells_stand_in_references():
    """Identifiers are kept by the id, or by the first id of the same paper (R2); DOIs in lower case (R10)."""
    references = TABLES["references"]
    sources = [
        *(("study_id", row) for row in SOURCE["studies"]),
        *(("review_id", row) for row in SOURCE["published_pooled"]),
        *(("source_id", row) for row in (*SOURCE["dose_response"], *SOURCE["natural_pooled"])),
    ]
    for id_column, row in sources:
        reference = references[row[id_column]]
        first = references[reference["same_as"]] if reference["same_as"] else reference
        for column in ("doi", "pmid", "pmcid"):
            value = row.get(column, "")
            value = value.lower() if column == "doi" else value
            assert value in ("", first[column]), (row[id_column], column)
        for column in ("first_author", "year", "title", "journal"):
            assert row.get(column, "") in ("", reference[column], first[column]), (row[id_column], column)
        if id_column == "study_id":
            assert reference["kind"] == "study"


def test_an_identity_is_no_higher_than_what_was_seen():
    """It fell where a name, year, title or number is missing, and rose only where the second reading looked the report up."""
    levels = ("", "unidentified", "partial", "confirmed")
    looked_up = {row["study_id"] for row in rows_of(DATA / "raw" / "2026-11-30" / "identity.csv")}
    for row in SOURCE["studies"]:
        reference = TABLES["references"][row["study_id"]]
        reference = TABLES["references"][reference["same_as"]] if reference["same_as"] else reference
        now, was = (levels.index(r["identity_confidence"]) for r in (reference, row))
        lacks = not all(reference[c] for c in ("first_author", "year", "title"))
        numbered = any(reference[c] for c in ("doi", "pmid", "pmcid")) or row["registration"]
        assert now >= was or lacks or not numbered, row["study_id"]
        assert now <= was or row["study_id"] in looked_up, row["study_id"]


def test_candidates_of_mechanism_claims_stand_in_references():
    for key, row in keyed("mechanisms"):
        parts = [part.strip() for part in row["candidate_reference"].split("|")]
        reference_id = TABLES["mechanisms"][key]["reference_id"]
        if not any(parts):
            assert reference_id == "", key
            continue
        reference = TABLES["references"][reference_id]
        author, year, title, journal, doi, pmid = (parts + [""] * 6)[:6]
        assert doi.lower() in ("", reference["doi"]), key
        assert pmid in ("", reference["pmid"]), key
        # A title in brackets is a description. What the first mention of a source told is not overwritten by the next.
        described = title.startswith("(")
        assert reference["title"] or not title or (described and reference["note"]), key
        assert (bool(year), bool(journal)) <= (bool(reference["year"]), bool(reference["journal"])), key

        def words(text: str) -> str:
            return re.sub(r"\W+", " ", text.lower()).strip()

        same_title = words(title) and words(title) in (words(reference["title"]), words(reference["note"]))
        same_number = (doi and doi.lower() == reference["doi"]) or (pmid and pmid == reference["pmid"])
        same_number = same_number or (reference["pmcid"] and reference["pmcid"] in row["source_url"])
        assert same_title or same_number or author.split(" ")[0] == reference["first_author"].split(" ")[0], key


def test_references_come_from_a_source():
    """Backward: an identifier of an imported reference stands somewhere in the source files."""
    files = [*(RAW / f"{file}.csv" for file in SOURCE), *sorted((DATA / "raw" / "2026-11-30").glob("*.csv"))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files).lower()
    added_later = {"method"}
    named = {row["reference_id"] for path in files for row in rows_of(path) if "reference_id" in row}
    for reference in TABLES["references"].values():
        # A source of scores alone is named by its numbers, which the import step holds (SEEN_NUMBERS).
        if reference["kind"] in added_later or (reference["reference_id"] in named and reference["kind"] != "study"):
            continue
        for column in ("doi", "pmid", "pmcid", "year", "first_author", "journal"):
            assert reference[column].lower() in text, (reference["reference_id"], column)
        assert reference["title"].lower().replace('"', '""') in text, reference["reference_id"]


# --------------------------------------------------------------------------- running it again


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    import_baseline(RAW, tmp_path)
    return tmp_path


def test_a_second_run_gives_the_same_bytes(imported, tmp_path):
    before = {path.name: path.read_bytes() for path in imported.glob("*.csv")}
    counts = import_baseline(RAW, imported)
    assert {path.name: path.read_bytes() for path in imported.glob("*.csv")} == before
    assert counts["outcomes"] == len(SOURCE["outcomes"])


def test_the_tables_are_what_the_import_gives(imported):
    """Every row that the import gives stands in data/, but for corrections and what is known since; later columns are not its own."""
    for path in sorted(imported.glob("*.csv")):
        table = PACKAGE.table(path.stem)
        stored = TABLES[table.name]
        wrong = [
            (table.key_of(row), column)
            for row in rows_of(path)
            for column in row
            if table.key_of(row) not in stored or not stands(table.name, column, row[column], stored[table.key_of(row)][column])
        ]
        assert wrong == [], table.name


def test_grown_tables_are_not_overwritten(imported):
    arms = imported / "arms.csv"
    grown = arms.read_bytes() + b"new2027.treated,new2027,treated,treated,12,,,,,,\n"
    arms.write_bytes(grown)
    (imported / "glossary.csv").unlink()
    with pytest.raises(ImportRefused, match="arms.csv"):
        import_baseline(RAW, imported)
    assert arms.read_bytes() == grown
    assert not (imported / "glossary.csv").exists(), "nothing is written when one table is refused"
    import_baseline(RAW, imported, force=True)
    assert arms.read_bytes() != grown


def test_a_folder_without_a_baseline_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no baseline"):
        import_baseline(tmp_path, tmp_path)


def test_an_unexplained_overlap_group_is_refused(tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(RAW, raw)
    decisions = raw / "DECISIONS.md"
    decisions.write_text(decisions.read_text(encoding="utf-8").replace("- stimo:", "- forgotten:"), encoding="utf-8")
    with pytest.raises(ValueError, match="stimo"):
        import_baseline(raw, tmp_path)


def test_every_rule_of_the_import_is_written_down():
    assert list(RULES) == [f"R{number}" for number in range(1, len(RULES) + 1)]


def test_it_runs_as_a_script(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), "--data", str(tmp_path), *arguments], cwd=tmp_path, capture_output=True, text=True
        )

    first = run()
    assert (first.returncode, first.stderr) == (0, "")
    assert f"studies {len(SOURCE['studies']):>18d} rows" in first.stdout
    (tmp_path / "arms.csv").write_text("arm_id\n")
    again = run()
    assert again.returncode == 1
    assert again.stderr.startswith("import_baseline: ") and "arms.csv differs from what the baseline gives" in again.stderr
    assert run("--rules").stdout.startswith("R1: ")
