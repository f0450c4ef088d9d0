"""Rules on references: aliases, use, and the agreement of references.bib and the chapters with them."""

from __future__ import annotations

from collections.abc import Iterator

from cordbook.evidence.rules.base import Data, Fault, Rule

USERS = (
    ("studies", "study_id"),
    ("continuous", "reference_id"),
    ("dose_response", "reference_id"),
    ("published_pooled", "reference_id"),
    ("natural_pooled", "reference_id"),
    ("mechanisms", "reference_id"),
)
#: Sources that only the text cites; no table points to them.
CITED_IN_TEXT = "method"


def aliases_point_to_sources(data: Data) -> Iterator[Fault]:
    references = data.by_key("references")
    for number, row in data.rows("references"):
        target = references.get(row["same_as"])
        if row["same_as"] and target is not None and target["same_as"]:
            yield Fault(
                "references",
                number,
                row,
                "same_as",
                f"{row['same_as']} is itself a second id of {target['same_as']}.",
                f"Point to {target['same_as']}.",
            )
        for column in ("doi", "pmid", "pmcid"):
            if row["same_as"] and row[column]:
                yield Fault(
                    "references",
                    number,
                    row,
                    column,
                    "A second id of a source carries no identifier of its own.",
                    f"Move it to {row['same_as']}.",
                )


def doi_in_lower_case(data: Data) -> Iterator[Fault]:
    for number, row in data.rows("references"):
        if row["doi"] != row["doi"].lower():
            yield Fault("references", number, row, "doi", "The DOI has capital letters.", f"Write {row['doi'].lower()}.")


def references_are_used(data: Data) -> Iterator[Fault]:
    used = {row[column] for table, column in USERS for _, row in data.rows(table)}
    used |= {row["same_as"] for _, row in data.rows("references")}
    for number, row in data.rows("references"):
        if row["reference_id"] not in used and row["kind"] != CITED_IN_TEXT:
            yield Fault(
                "references",
                number,
                row,
                "reference_id",
                "No table points to this source.",
                "Remove the row, or add what was read in the source.",
            )


def studies_are_references(data: Data) -> Iterator[Fault]:
    studies = data.by_key("studies")
    for number, row in data.rows("references"):
        if (row["kind"] == "study") != (row["reference_id"] in studies):
            yield Fault(
                "references",
                number,
                row,
                "kind",
                "The kind study and a row in studies.csv go together.",
                "Add the study to studies.csv, or correct the kind.",
            )
        if (row["kind"] == "study") != bool(row["identity_confidence"]):
            yield Fault(
                "references",
                number,
                row,
                "identity_confidence",
                "It is given for studies, and only for them.",
                "Write confirmed, partial or unidentified for a study; leave it blank for other kinds.",
            )


SOURCE_RULES = (
    Rule(
        "alias-target",
        "references",
        "A second id points to the source and carries no identifier.",
        aliases_point_to_sources,
    ),
    Rule("doi-lower-case", "references", "A DOI is in lower case.", doi_in_lower_case),
    Rule("reference-used", "references", "A table points to every source.", references_are_used),
    Rule("study-reference", "references", "Every study is a reference of the kind study.", studies_are_references),
)
