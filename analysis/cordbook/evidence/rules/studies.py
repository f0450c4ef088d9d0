"""Rules on studies: arms, sizes, shared patients and registrations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from cordbook.evidence.matching import StudyFace, names_of, studies_entered_twice, study_face
from cordbook.evidence.patients import Meanings, parse_stratum
from cordbook.evidence.retractions import standing_retractions
from cordbook.evidence.rules.base import Data, Row, Rule, Violation, decimal, listed, whole
from cordbook.evidence.subject_tables import FACTS, counted_facts
from cordbook.evidence.vocabulary import DIMENSIONS

#: The reason of a count whose patients stand in another report.
SHARED = "overlap"


def arm_id_fits(data: Data) -> Iterator[Violation]:
    for row in data.rows("arms"):
        expected = f"{row['study_id']}.{row['arm']}"
        if row["arm_id"] != expected:
            message = f"The key of this arm is {expected}."
            remedy = "Write study id, full stop, arm; outcomes.csv names the arm by this key."
            yield row.violation("arm_id", message, remedy=remedy)


def arms_are_what_they_are_called(data: Data) -> Iterator[Violation]:
    field = data.field("arms", "role")
    for row in data.rows("arms"):
        called = [role for role in (field.enum if field else ()) if row["arm"] == role or row["arm"].startswith(f"{role}_")]
        if called and row["role"] not in called:
            message = f"The arm is called {row['arm']}, and its role is {row['role']}."
            remedy = "Correct the role; or give the arm the name of what it got, in arms.csv and wherever its key stands."
            yield row.violation("role", message, remedy=remedy)


def parts_of_arms_fit(data: Data) -> Iterator[Violation]:
    arms = data.by_key("arms")
    for row in data.rows("arms"):
        wider = arms.get(row["part_of"])
        if wider is None:
            continue
        if wider["study_id"] != row["study_id"]:
            message = f"{row['part_of']} is an arm of {wider['study_id']}."
        elif wider["part_of"] or wider["arm_id"] == row["arm_id"]:
            message = f"{row['part_of']} is itself a part of an arm."
        elif wider["role"] != row["role"]:
            message = f"The wider arm has the role {wider['role']}, this one {row['role']}."
        else:
            continue
        yield row.violation("part_of", message, remedy="Name a whole arm of the same study and role, or leave it blank.")
    for (wider_id,), rows in data.grouped("arms", "part_of").items():
        wider = arms.get(wider_id)
        limit = whole(wider["n"]) if wider is not None else None
        total = sum(whole(row["n"]) or 0 for row in rows)
        if limit is not None and total > limit:
            message = f"The parts of {wider_id} have {total} patients together, it has {limit}."
            remedy = "Correct the sizes; arms that overlap are not parts."
            yield max(rows, key=lambda row: whole(row["n"]) or 0).violation("n", message, remedy=remedy)


def counts_within_study(data: Data) -> Iterator[Violation]:
    sizes = _study_sizes(data)
    counted = list(counted_facts(data.rows(FACTS)))
    for row in data.rows("studies"):
        size = sizes.get(row["study_id"])
        if size is None:
            continue
        for fact in counted:
            values = {column: whole(row[column]) or 0 for _, column in fact.columns}
            if sum(values.values()) > size:
                column = max(values, key=lambda c: values[c])
                named = fact.label or data.by_key(DIMENSIONS).get(fact.fact, Row())["label"] or fact.fact
                message = f"{named}: {sum(values.values())} patients in all, the arms of the study have {size}."
                yield row.violation(column, message, remedy="Correct the counts, or the sizes in arms.csv.")


def counts_are_known_patients(data: Data) -> Iterator[Violation]:
    sizes = _study_sizes(data)
    seen: dict[str, int] = {}
    whole_arms = {row["arm_id"]: row for row in data.rows("arms") if not row["part_of"]}
    for row in data.rows("outcomes"):
        if row["arm_id"] in whole_arms:
            seen[row["arm_id"]] = max(seen.get(row["arm_id"], 0), whole(row["n"]) or 0)
    known: dict[str, int] = {}
    for arm, row in whole_arms.items():
        known[row["study_id"]] = known.get(row["study_id"], 0) + (whole(row["n"]) or seen.get(arm, 0))
    counted = list(counted_facts(data.rows(FACTS)))
    for row in data.rows("studies"):
        for fact in counted if row["study_id"] not in sizes and known.get(row["study_id"]) else ():
            values = {column: whole(row[column]) or 0 for _, column in fact.columns}
            if sum(values.values()) > known[row["study_id"]]:
                column = max(values, key=lambda c: values[c])
                message = (
                    f"{sum(values.values())} patients in all, and no count of the study is of more than {known[row['study_id']]}; "
                    "an arm has no size."
                )
                yield row.violation(
                    column, message, remedy="Look again; give the arm its size in arms.csv where the report has it."
                )


def overlap_is_named(data: Data) -> Iterator[Violation]:
    groups = data.groups_of_study
    for row in data.rows("outcomes"):
        if SHARED in row["not_poolable_reason"].split(";") and not groups.get(row["study_id"]):
            message = f"The reason is {SHARED}, and {row['study_id']} is in no overlap group, so nobody can tell with whom it shares patients."
            remedy = "Put both studies into overlap_members.csv, with the reason in overlap_groups.csv; or give another reason."
            yield row.violation("not_poolable_reason", message, remedy=remedy)


def _study_sizes(data: Data) -> dict[str, int]:
    """Patients in the whole arms of each study; studies with an arm of unknown size are left out."""
    sizes: dict[str, int] = {}
    unknown: set[str] = set()
    for row in data.rows("arms"):
        if not row["part_of"]:
            n = whole(row["n"])
            if n is None:
                unknown.add(row["study_id"])
            else:
                sizes[row["study_id"]] = sizes.get(row["study_id"], 0) + n
    return {study: n for study, n in sizes.items() if study not in unknown}


def groups_have_a_primary(data: Data) -> Iterator[Violation]:
    members = data.grouped("overlap_members", "overlap_group")
    for row in data.rows("overlap_groups"):
        rows = members.get((row["overlap_group"],), [])
        if not any(member["is_primary"] == "yes" for member in rows):
            message = "No study of the group is the primary one."
            remedy = "Set is_primary to yes for the report to be pooled, in overlap_members.csv."
            yield row.violation("overlap_group", message, remedy=remedy)
        if len(rows) < 2:
            message = "A group needs two studies."
            remedy = "Add the other study to overlap_members.csv, or remove the group."
            yield row.violation("overlap_group", message, remedy=remedy)


def disjoint_pairs_fit(data: Data) -> Iterator[Violation]:
    groups = data.groups_of_study
    for row in data.rows("overlap_disjoint"):
        a, b = row["study_a"], row["study_b"]
        if a == b:
            yield row.violation("study_b", "The pair is one study.", remedy="Name two studies.")
        elif not groups.get(a, frozenset()) & groups.get(b, frozenset()):
            message = f"{a} and {b} are in no common overlap group."
            yield row.violation("study_b", message, remedy="Remove the pair, or put both studies into one group.")


def patients_counted_once(data: Data) -> Iterator[Violation]:
    disjoint = {frozenset((row["study_a"], row["study_b"])) for row in data.rows("overlap_disjoint")}
    arms = data.by_key("arms")
    groups = data.groups_of_study
    pooled: dict[tuple[str, str, str], dict[str, list[Row]]] = {}
    for row in data.rows("outcomes"):
        arm = arms.get(row["arm_id"])
        if row["poolable"] == "yes" and arm is not None:
            for group in groups.get(row["study_id"], ()):
                studies = pooled.setdefault((group, row["outcome"], arm["role"]), {})
                studies.setdefault(row["study_id"], []).append(row)
    for (group, outcome, _), studies in sorted(pooled.items()):
        for (a, first), (b, second) in combinations(sorted(studies.items()), 2):
            if frozenset((a, b)) not in disjoint:
                yield from _shared(data.meanings, group, outcome, first, second)


def _shared(meanings: Meanings, group: str, outcome: str, first: list[Row], second: list[Row]) -> Iterator[Violation]:
    for row in second:
        own = parse_stratum(row["stratum"])
        others = [r for r in first if meanings.may_share_between_studies(parse_stratum(r["stratum"]), own)]
        if others:
            message = (
                f"{row['study_id']} shares patients with {others[0]['study_id']} (group {group}), and both are pooled "
                f"for {outcome} (see {listed((r['cell_id'] for r in others), 3)})."
            )
            remedy = (
                "Set poolable to no with the reason overlap in one of them; if they share no patients, "
                "list the pair in overlap_disjoint.csv with the reason."
            )
            yield row.violation("poolable", message, remedy=remedy)


def studies_entered_once(data: Data) -> Iterator[Violation]:
    groups = data.groups_of_study
    rows = {row["study_id"]: row for row in data.rows("studies")}
    for a, b, reason in studies_entered_twice(_faces(data)):
        if groups.get(a.id, frozenset()) & groups.get(b.id, frozenset()):
            continue
        message = f"{a.id} and {b.id} look like one study entered under two ids: {reason}."
        remedy = (
            f"Remove one of them; or, if they are two reports of the same patients, put both into one group in overlap_groups.csv "
            f"and overlap_members.csv, or name {a.id} in same_as of {b.id} in references.csv; if they share no patients, list this "
            "row in waivers.csv with the reason."
        )
        yield rows[b.id].violation("study_id", message, remedy=remedy)


def _faces(data: Data) -> Iterator[StudyFace]:
    references, arms = data.by_key("references"), data.by_key("arms")
    outcomes = data.grouped("outcomes", "study_id")
    for row in data.rows("studies"):
        study = row["study_id"]
        reference = references.get(study, Row())
        counts = (
            (c["outcome"], arms.get(c["arm_id"], Row())["role"], c["stratum"], c["events"], c["n"])
            for c in outcomes.get((study,), ())
        )
        yield study_face(study, reference["title"], reference["first_author"], reference["year"], counts)


def registrations_are_shared_within_groups(data: Data) -> Iterator[Violation]:
    groups = data.groups_of_study
    for (registration,), rows in data.grouped("studies", "registration").items():
        if not registration:
            continue
        first = rows[0]
        for row in rows[1:]:
            if not groups.get(first["study_id"], frozenset()) & groups.get(row["study_id"], frozenset()):
                message = f"{first['study_id']} has the same registration, and the two are in no common overlap group."
                remedy = "Put both into an overlap group (they report one trial), or correct the number."
                yield row.violation("registration", message, remedy=remedy)


def years_are_ordered(data: Data) -> Iterator[Violation]:
    for row in data.rows("registered_trials"):
        start, end = whole(row["start_year"]), whole(row["completion_year"])
        if start is not None and end is not None and start > end:
            message = f"The trial begins in {start} and ends in {end}."
            yield row.violation("completion_year", message, remedy="Correct one of the years as the register shows them.")


#: Every interval of the tables: its limits, the value that it holds, and whether one limit alone says something (at least, at most).
INTERVALS = (
    ("continuous", "ci_low", "value", "ci_high", False),
    ("published_pooled", "ci_low", "estimate", "ci_high", False),
    ("natural_pooled", "ci_low", "estimate_percent", "ci_high", False),
    ("claims", "claimed_low", "claimed_value", "claimed_high", True),
)


def interval_holds_estimate(data: Data) -> Iterator[Violation]:
    for table, lower, column, upper, _ in INTERVALS:
        for row in data.rows(table):
            low, value, high = (decimal(row[c]) for c in (lower, column, upper))
            if high is not None and value is not None and value > high:
                place, message = upper, f"The upper limit {high:g} is below the estimate {value:g}."
            elif low is not None and value is not None and low > value:
                place, message = lower, f"The lower limit {low:g} is above the estimate {value:g}."
            elif low is not None and high is not None and low > high:
                place, message = lower, f"The lower limit {low:g} is above the upper limit {high:g}."
            else:
                continue
            remedy = "Look again; where the source itself misprints it, list the row in waivers.csv."
            yield row.violation(place, message, remedy=remedy)


def limits_come_in_pairs(data: Data) -> Iterator[Violation]:
    for table, lower, _, upper, alone in INTERVALS:
        for row in data.rows(table):
            if bool(row[lower]) != bool(row[upper]) and not alone:
                column = upper if row[lower] else lower
                yield row.violation(column, "Only one limit of the interval is given.", remedy="Give both, or neither.")


def notice_is_about_something(data: Data) -> Iterator[Violation]:
    for row in data.rows("integrity_notices"):
        if bool(row["study_id"]) == bool(row["citation"]):
            message = "A notice is about a study of the review or a citation: one of them."
            yield row.violation("study_id", message, remedy="Fill study_id where the study is in studies.csv, else citation.")


def retracted_counts_have_a_notice(data: Data) -> Iterator[Violation]:
    sources = {key: row["same_as"] or key for key, row in data.by_key("references").items()}
    notices = ((sources.get(r["study_id"], ""), r["kind"], whole(r["year"])) for r in data.rows("integrity_notices"))
    retracted = standing_retractions(notices)
    for row in data.rows("outcomes"):
        study = row["study_id"]
        if "retracted" in row["not_poolable_reason"].split(";") and sources.get(study, study) not in retracted:
            message = f"The reason is retracted, and no retraction of {study} stands in integrity_notices.csv."
            yield row.violation("not_poolable_reason", message, remedy="Add the notice, or give another reason.")


def known_trials_name_their_study(data: Data) -> Iterator[Violation]:
    named = {row["study_id"] for row in data.rows("known_trials")}
    references = data.by_key("references")
    free: dict[str, list[tuple[frozenset[str], str]]] = {}
    for study in data.by_key("studies"):
        reference = references.get(study)
        if reference is not None and study not in named:
            free.setdefault(reference["year"], []).append((names_of(reference["first_author"]), study))
    for row in data.rows("known_trials"):
        if row["study_id"] or not row["year"]:
            continue
        author = names_of(row["trial"].partition(row["year"])[0].strip())
        fitting = [study for names, study in free.get(row["year"], ()) if author and author <= names]
        if fitting:
            message = f"The data have {listed(fitting)}, of the same author and year; the trial counts as absent."
            yield row.violation(
                "study_id", message, remedy="Write the id if it is this trial; if it is not, put it into data/waivers.csv."
            )


STUDY_RULES = (
    Rule("arm-id", "arms", "The key of an arm is made of its study and its name.", arm_id_fits),
    Rule("arm-role", "arms", "An arm that is called by a role has that role.", arms_are_what_they_are_called),
    Rule("arm-parts", "arms", "Parts of an arm are of its study and role and sum to no more than it.", parts_of_arms_fit),
    Rule(
        "counts-within-study",
        "studies",
        "Columns that count the patients of a fact (facts.csv) count no more than the arms have.",
        counts_within_study,
    ),
    Rule(
        "counts-known",
        "studies",
        "Where an arm has no size, columns that count the patients of a fact count no more than outcomes do.",
        counts_are_known_patients,
        "warning",
    ),
    Rule(
        "overlap-primary",
        "overlap_groups",
        "An overlap group has two studies or more, and a primary one.",
        groups_have_a_primary,
    ),
    Rule(
        "overlap-disjoint",
        "overlap_disjoint",
        "Studies that share no patients are two of one group.",
        disjoint_pairs_fit,
    ),
    Rule(
        "overlap-named", "outcomes", "A count left out as overlap is of a study in an overlap group.", overlap_is_named, "warning"
    ),
    Rule("patients-counted-once", "outcomes", "Patients that two studies share are pooled once.", patients_counted_once),
    Rule("study-once", "studies", "A study is entered under one id.", studies_entered_once),
    Rule(
        "registration-shared",
        "studies",
        "A registration is shared only within an overlap group.",
        registrations_are_shared_within_groups,
    ),
    Rule(
        "known-trial-named",
        "known_trials",
        "A trial that other reviews count names its study once that has been read.",
        known_trials_name_their_study,
        "warning",
    ),
    Rule("trial-years", "registered_trials", "A trial does not end before it begins.", years_are_ordered),
    Rule("interval-order", "published_pooled", "An interval holds its estimate.", interval_holds_estimate),
    Rule("interval-pair", "published_pooled", "An interval has both limits or none.", limits_come_in_pairs),
    Rule("notice-about", "integrity_notices", "A notice is about a study or a citation.", notice_is_about_something),
    Rule(
        "retracted-counts", "outcomes", "A count left out as retracted is of a retracted study.", retracted_counts_have_a_notice
    ),
)
