"""Rules on references: aliases, use, and the agreement of references.bib and the chapters with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cordbook.core.names import name_parts
from cordbook.evidence.matching import folded
from cordbook.evidence.references.hosts import host_of, is_listed, why_not_public
from cordbook.evidence.references.identity import CONFIRMED, PARTIAL, identity_gaps
from cordbook.evidence.rules.base import Data, Rule, Violation, listed

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


def aliases_point_to_sources(data: Data) -> Iterator[Violation]:
    references = data.by_key("references")
    for row in data.rows("references"):
        target = references.get(row["same_as"])
        if row["same_as"] and target is not None and target["same_as"]:
            message = f"{row['same_as']} is itself a second id of {target['same_as']}."
            yield row.violation("same_as", message, remedy=f"Point to {target['same_as']}.")
        for column in ("doi", "pmid", "pmcid"):
            if row["same_as"] and row[column]:
                message = "A second id of a source carries no identifier of its own."
                yield row.violation(column, message, remedy=f"Move it to {row['same_as']}.")


def doi_in_lower_case(data: Data) -> Iterator[Violation]:
    for row in data.rows("references"):
        if row["doi"] != row["doi"].lower():
            yield row.violation("doi", "The DOI has capital letters.", remedy=f"Write {row['doi'].lower()}.")


def references_are_used(data: Data) -> Iterator[Violation]:
    used = {row[column] for table, column in USERS for row in data.rows(table)}
    used |= {row["same_as"] for row in data.rows("references")}
    for row in data.rows("references"):
        if row["reference_id"] not in used and row["kind"] != CITED_IN_TEXT:
            message = "No table points to this source."
            yield row.violation("reference_id", message, remedy="Remove the row, or add what was read in the source.")


def studies_are_references(data: Data) -> Iterator[Violation]:
    studies = data.by_key("studies")
    for row in data.rows("references"):
        if (row["kind"] == "study") != (row["reference_id"] in studies):
            message = "The kind study and a row in studies.csv go together."
            yield row.violation("kind", message, remedy="Add the study to studies.csv, or correct the kind.")
        if (row["kind"] == "study") != bool(row["identity_confidence"]):
            message = "It is given for studies, and only for them."
            remedy = "Write confirmed, partial or unidentified for a study; leave it blank for other kinds."
            yield row.violation("identity_confidence", message, remedy=remedy)


def readers_are_sent_to_the_report(data: Data) -> Iterator[Violation]:
    hosts = {row["host"] for row in data.rows("hosts")}
    for row in data.rows("references"):
        if not (address := row.get("canonical_url", "")):
            continue
        host = host_of(address)
        remedy = "Give the page of the journal, publisher, library, register or institution, or leave it blank."
        if why := why_not_public(host):
            yield row.violation("canonical_url", f"The host {host or address} {why}.", remedy=remedy)
        elif hosts and not is_listed(host, hosts):
            message = f"The host {host or address} is not in {data.file('hosts')}, which names those that readers are sent to."
            yield row.violation("canonical_url", message, remedy=f"{remedy} If it is one of these, add a row for it there.")


def hosts_are_public(data: Data) -> Iterator[Violation]:
    for row in data.rows("hosts"):
        if why := why_not_public(row["host"].removeprefix(".")):
            message = f"The host {why}; readers cannot be sent there."
            yield row.violation("host", message, remedy="Remove the row.")


#: A year in a key, as of "lima2010": four digits by themselves.
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
#: The name at the begin of a key that ends in a year and perhaps a letter or word, as of "lima2010b" or "lima2010_followup".
_NAME_AND_YEAR = re.compile(r"([a-z]+)(?:19|20)[0-9]{2}(?![0-9])")


def keys_name_the_year(data: Data) -> Iterator[Violation]:
    for row in data.rows("references"):
        years = _YEAR.findall(row["reference_id"])
        if years and row["year"] and row["year"] not in years:
            message = f"The key {row['reference_id']} names {listed(years)}, the year is {row['year']}."
            remedy = "Correct the year; a key that is wrong itself is changed in every table that names it, before anything is released."
            yield row.violation("year", message, remedy=remedy)


def keys_name_the_author(data: Data) -> Iterator[Violation]:
    for row in data.rows("references"):
        named = _NAME_AND_YEAR.match(row["reference_id"])
        author = folded(name_parts(row["first_author"])[0]) if row["first_author"] else ""
        if named and author and not (named[1].startswith(author) or author.startswith(named[1])):
            message = f"The key {row['reference_id']} names {named[1]}, the first author is {row['first_author']}."
            remedy = "Correct the author; a key may be the name of a trial, then nothing is to do."
            yield row.violation("first_author", message, remedy=remedy)


#: A title within one pair of parentheses is what a reader called the report; titles that only begin so are not.
_READERS_WORDS = re.compile(r"\([^()]*\)\.?")


def titles_are_the_reports_own(data: Data) -> Iterator[Violation]:
    for row in data.rows("references"):
        if _READERS_WORDS.fullmatch(row["title"]):
            message = "The title is in parentheses: words of a reader, which would be cited as the report's own."
            yield row.violation(
                "title", message, remedy="Write the title as the report has it, or leave it blank and move them to note."
            )


def confirmed_identity_is_complete(data: Data) -> Iterator[Violation]:
    references, studies = data.by_key("references"), data.by_key("studies")
    linked = {row["linked_study_id"] for row in data.rows("registered_trials")}
    for row in data.rows("references"):
        if row["identity_confidence"] != CONFIRMED:
            continue
        source = references.get(row["same_as"]) or row
        names = {row["reference_id"], row["same_as"]} - {""}
        registered = bool(names & linked) or any(name in studies and studies[name].get("registration") for name in names)
        if gaps := identity_gaps(source, registered):
            message = f"It is not sure which paper this is: no {', no '.join(gaps)}."
            remedy = f"Fill in what is missing from the report itself, or write {PARTIAL}."
            yield row.violation("identity_confidence", message, remedy=remedy)


SOURCE_RULES = (
    Rule(
        "alias-target",
        "references",
        "A second id points to the source and carries no identifier.",
        aliases_point_to_sources,
    ),
    Rule(
        "canonical-page",
        "references",
        "Readers are sent to a page of the report, on a host that hosts.csv names.",
        readers_are_sent_to_the_report,
    ),
    Rule("host-public", "hosts", "No host is a number, a proxy, a mirror or a test.", hosts_are_public),
    Rule(
        "title-seen",
        "references",
        "A title is the report's own; what a reader calls it stands in the note.",
        titles_are_the_reports_own,
    ),
    Rule("doi-lower-case", "references", "A DOI is in lower case.", doi_in_lower_case),
    Rule("key-year", "references", "A year in the key of a source is its year.", keys_name_the_year),
    Rule(
        "key-author",
        "references",
        "The name in the key of a source is that of its first author, or of a trial.",
        keys_name_the_author,
        "warning",
    ),
    Rule("reference-used", "references", "A table points to every source.", references_are_used),
    Rule("study-reference", "references", "Every study is a reference of the kind study.", studies_are_references),
    Rule(
        "confirmed-identity",
        "references",
        "A study whose identity is confirmed has author, year, title and a number: DOI, PMID, PMCID or that of a trial register.",
        confirmed_identity_is_complete,
    ),
)
