"""The codes of a study in plain words: designs, treatments, groups, strata, times. One table a kind of code.

A code that has no words here is written with its underscores as blanks, so that a new one still reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NOT_STATED = "not stated"
DAYS_PER_MONTH = 30.44


@dataclass(frozen=True, slots=True)
class Design:
    """A study design: its name, what it can show and what it cannot."""

    name: str
    short: str
    can: str
    cannot: str


DESIGNS: Mapping[str | None, Design] = {
    "rct": Design(
        "a randomised trial",
        "Randomised trial",
        "Chance decided who got which treatment, so the groups should be alike. "
        "A trial like this can show that a treatment makes the difference.",
        "A small one can still be misled by chance, and by examiners who know who got what.",
    ),
    "controlled_nonrandomised": Design(
        "a trial with a comparison group, not randomised",
        "Controlled, not randomised",
        "People who were treated are set beside people who were not.",
        "Chance did not decide who went into which group. The groups may have differed from the start, "
        "so a difference at the end may not come from the treatment.",
    ),
    "single_arm": Design(
        "a trial without a comparison group",
        "Single arm",
        "It can show what was seen after the treatment, and some of the harm.",
        "Everybody was treated, so it cannot show what would have happened without the treatment. "
        "Some people get better by themselves.",
    ),
    "cohort": Design(
        "a cohort: a group of people followed over time",
        "Cohort",
        "It can tell how often something happens in people like these.",
        "It cannot show by itself why it happened.",
    ),
    "case_series": Design(
        "a case series: a report of several patients",
        "Case series",
        "It can show that something can happen.",
        "It cannot show how often, or why. Patients who did unusually well or badly are more likely to be reported.",
    ),
    "case_report": Design(
        "a case report: a report of one patient or very few",
        "Case report",
        "It can show that something can happen, and it can be a first warning.",
        "It says nothing about how often, and nothing certain about why.",
    ),
    None: Design(
        "a study whose design could not be told from what was read",
        "Not stated",
        "Little can be said of what it can show as long as the full text has not been read.",
        "It cannot be taken for a trial with a comparison group.",
    ),
}  # fmt: skip

TOPICS: Mapping[str, str] = {
    "cell_therapy": "Cell therapy", "harm_report": "Reports of harm", "hyperbaric_oxygen": "Oxygen under pressure",
    "natural_recovery": "Natural recovery", "neuromodulation": "Neuromodulation and training",
    "rm_incidence": "Radiation: how often it harms the cord", "rm_treatment": "Radiation myelopathy: treatment",
}  # fmt: skip
POPULATIONS: Mapping[str, str] = {
    "traumatic_sci": "Spinal cord injury", "radiation_myelopathy": "Radiation and the cord", "other": "Another condition",
}  # fmt: skip
PHASES: Mapping[str | None, str] = {
    "acute": "Acute (days)", "subacute": "Subacute (weeks to 6 months)", "chronic": "Chronic (later)", "mixed": "Mixed",
    None: "Not stated",
}  # fmt: skip
TREATMENTS: Mapping[str, str] = {
    "cell_therapy": "cells", "drug": "a drug", "hyperbaric_oxygen": "oxygen under pressure", "neuromodulation": "neuromodulation",
    "other": "usual care", "radiotherapy_exposure": "radiotherapy", "rehabilitation": "rehabilitation training",
}  # fmt: skip
#: Cells in a sentence ("were given ..."), and in a table.
CELLS: Mapping[str, tuple[str, str]] = {
    "ad_msc": ("stem cells from fat tissue (mesenchymal)", "Fat-tissue MSC"),
    "bm_mnc": ("mixed bone-marrow cells (mononuclear)", "Bone-marrow mononuclear cells"),
    "bm_msc": ("stem cells from bone marrow (mesenchymal)", "Bone-marrow MSC"),
    "hsc": ("blood-forming stem cells", "Blood stem cells"),
    "ipsc_derived": ("cells grown from reprogrammed cells (iPS cells)", "From induced stem cells"),
    "macrophage": ("immune cells (macrophages)", "Macrophages"),
    "mixed": ("more than one type of cell", "Mixed cells"),
    "muse": ("Muse cells, a rare type of stem cell", "Muse cells"),
    "neural_stem_progenitor": ("neural stem or progenitor cells", "Neural stem or progenitor cells"),
    "olfactory_ensheathing": ("olfactory ensheathing cells, which guide the nerves of smell", "Olfactory ensheathing cells"),
    "olfactory_mucosa": ("tissue from the lining of the nose (olfactory mucosa)", "Olfactory mucosa"),
    "opc_esc": ("oligodendrocyte precursors grown from embryonic stem cells", "Oligodendrocyte precursors"),
    "other": ("cells of another kind", "Other cells"),
    "schwann": ("Schwann cells, which wrap nerves", "Schwann cells"),
    "uc_msc": ("stem cells from the umbilical cord (mesenchymal)", "Umbilical-cord MSC"),
}  # fmt: skip
DONORS: Mapping[str, str] = {"autologous": "from their own body", "allogeneic": "from a donor"}
ROUTES: Mapping[str, str] = {
    "intraspinal": "put into the spinal cord", "intrathecal": "put into the fluid around the cord",
    "intravenous": "given into a vein", "intraarterial": "given into an artery",
    "scaffold_implant": "placed in the cord on a scaffold", "mixed": "given by more than one route",
}  # fmt: skip
#: What subgroups are formed by, as titles name it after "by", and their levels after a colon.
LEVELS_BY: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "cell_type": ("cell type", {code: name if name.startswith(("Schwann", "Muse")) else name[:1].lower() + name[1:]
                                for code, (_, name) in CELLS.items()} | {"mixed": "more than one type of cell"}),
    "injury_phase": ("time since injury", {
        "acute": "acute injury", "subacute": "subacute injury", "chronic": "chronic injury",
        "acute_subacute": "acute or subacute injury", "mixed": "acute, subacute and chronic injuries together",
    }),
    "design": ("design", {
        "rct": "randomised trials", "controlled_nonrandomised": "controlled trials, not randomised", "cohort": "cohorts",
        "single_arm": "trials without a comparison group", "case_series": "case series", "case_report": "case reports",
    }),
    "route": ("route", {
        "intraspinal": "into the spinal cord", "intrathecal": "into the fluid around the cord", "intravenous": "into a vein",
        "intraarterial": "into an artery", "scaffold_implant": "on a scaffold in the cord", "mixed": "by more than one route",
    }),
    "stratum.baseline_ais": ("baseline grade", {}),
}  # fmt: skip
#: Arms by name: in a table, and in a sentence after "treated with".
ARMS: Mapping[str, str] = {
    "treated": "treated", "control": "comparison group", "standard_care": "usual care", "hbot": "oxygen under pressure",
    "control_blank": "comparison group, no treatment", "control_rehab": "comparison group, rehabilitation",
    "control_passive": "comparison group, passive", "cells_or_gmcsf": "cells or GM-CSF", "natural_history": "no treatment",
    "corticosteroid_plus_hbot": "corticosteroid and oxygen under pressure",
    "corticosteroid_plus_pentoxifylline_vite": "corticosteroid, pentoxifylline and vitamin E",
}  # fmt: skip
_STRATA: Mapping[str, str] = {
    "baseline_ais": "AIS {} at the start", "baseline_completeness": "{} injury", "cohort": "cohort {}",
    "chemo": "chemotherapy: {}",
    "dose_per_fraction_gy": "{} Gy a fraction", "total_dose_gy": "{} Gy in all", "eqd2_gy": "{} Gy in 2-Gy fractions",
    "cumulative_dose_gy": "{} Gy over all courses", "cumulative_eqd2_gy": "{} Gy over all courses, in 2-Gy fractions",
    "cumulative_bed_gy2": "biologically effective dose {} Gy over all courses", "cord_dmax_gy": "largest dose to the cord {} Gy",
    "cord_center_gy": "{} Gy at the centre of the cord", "cord_surface_gy": "{} Gy at the surface of the cord",
    "alpha_beta": "alpha/beta {} Gy", "fractions_per_day": "{} fractions a day", "n_fractions": "{} fractions",
    "followup_months": "followed for {} months", "grade": "grade {}", "interim": "interim report", "cells": "cells: {}",
    "dose_cells": "{} cells", "dose_site": "dose stated for: {}", "histology": "lesion: {}", "level": "level: {}",
    "lems_1_month": "leg motor score {} at one month", "particle": "particles: {}", "period": "period {}",
    "prior_rt": "earlier radiotherapy: {}", "regimens": "regimen: {}", "region": "region: {}", "registry": "registry {}",
    "route": "route: {}", "sacral_sharp_dull": "sharp-dull sense at S4-5: {}", "selection": "selected: {}", "site": "centre: {}",
    "subgroup": "subgroup: {}", "subset": "subset: {}", "surgery": "{} surgery", "technique": "technique: {}",
    "unit": "counted by {}", "window": "window: {}", "with": "together with {}", "fields": "fields: {}", "course": "course: {}",
}  # fmt: skip
_VALUES: Mapping[tuple[str, str], str] = {
    ("phase", "acute"): "acute injury", ("phase", "subacute"): "subacute injury", ("phase", "chronic"): "chronic injury",
    ("phase", "acute_subacute"): "acute or subacute injury", ("phase", "late_over_4_months"): "later than 4 months after injury",
    ("setting", "conventional"): "conventional radiotherapy", ("setting", "sbrt"): "stereotactic body radiotherapy",
    ("setting", "hypofractionated"): "few large fractions", ("setting", "hyperfractionated"): "several fractions a day",
    ("setting", "reirradiation"): "irradiated again",
    ("setting", "sbrt_reirradiation"): "irradiated again, by stereotactic body radiotherapy",
    ("setting", "particle"): "particle therapy", ("setting", "chemoradiation"): "radiotherapy with chemotherapy",
    ("setting", "cases_only"): "cases only", ("interim", "yes"): "interim report", ("n_fractions", "1"): "1 fraction",
    ("level", "paraplegia"): "paraplegia", ("dose_site", "unstated"): "place of the dose not stated",
    ("particle", "proton_photon"): "protons and photons", ("selection", "case_report"): "a case report",
    ("unit", "tumour"): "counted by tumour", ("unit", "procedure"): "counted by procedure",
}  # fmt: skip
_COMPARED = {"<=": "at most ", ">=": "at least ", "<": "less than ", ">": "more than "}

READ: Mapping[str, str] = {
    "primary_fulltext": "the full text", "primary_abstract": "the abstract",
    "secondary_review": "a review or another second-hand source",
}  # fmt: skip
AGREEMENT: Mapping[str | None, str] = {
    "agree": "Both readings agree", "disagree_settled": "The readings differed; one was taken",
    "disagree_open": "The readings differ; left open, not pooled", "second_not_seen": "The second reader did not find the number",
    "single": "Read once", None: "Not recorded",
}  # fmt: skip
IDENTITY: Mapping[str | None, str] = {
    "confirmed": "confirmed", "partial": "not fully confirmed", "unidentified": "not identified", None: NOT_STATED,
}  # fmt: skip
NOTICES: Mapping[str, str] = {
    "disputing_letter": "Disputed", "regulator_criticism": "Criticism by or of a regulator", "retraction": "Retraction",
    "expression_of_concern": "Expression of concern", "correction": "Correction", "reinstatement": "Retraction taken back",
    "identity_doubt": "Identity in doubt",
}  # fmt: skip
#: Notices that speak against a report. A correction, a retraction taken back or a doubt which paper it is do not by themselves.
CRITICAL = frozenset(["disputing_letter", "regulator_criticism", "retraction", "expression_of_concern"])
LEVELS: Mapping[str, str] = {"cervical": "neck (cervical)", "thoracic": "chest (thoracic)", "lumbar": "lower back (lumbar)"}


def plain(code: object) -> str:
    """A code as words; "not stated" for a blank.

    >>> plain("umbilical_cord"), plain(None)
    ('umbilical cord', 'not stated')
    """
    return NOT_STATED if code in (None, "") else " ".join(str(code).removeprefix("other:").replace("_", " ").split())


def number(value: float | None) -> str:
    """A number without digits that say nothing.

    >>> number(12.0), number(3.25), number(1.6e7), number(None)
    ('12', '3.25', '16,000,000', 'not stated')
    """
    if value is None:
        return NOT_STATED
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.10g}"


def people(n: int) -> str:
    """How many people.

    >>> people(1), people(13), people(1877)
    ('1 person', '13 people', '1,877 people')
    """
    return "1 person" if n == 1 else f"{n:,} people"


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    """Words in a sentence.

    >>> enumerate_words(["fever", "pain", "nausea"]), enumerate_words(["fever"]), enumerate_words([])
    ('fever, pain and nausea', 'fever', '')
    """
    return "".join(words[:1]) if len(words) < 2 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def months(value: float | None, missing: str = "time not stated") -> str:
    """A time in months; below one month in days.

    >>> months(12.0), months(1.0), months(0.03), months(0.0), months(None)
    ('12 months', '1 month', '1 day', 'at the start', 'time not stated')
    """
    if value is None:
        return missing
    if value == 0:
        return "at the start"
    if value < 1:
        days = max(round(value * DAYS_PER_MONTH), 1)
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{number(value)} month{'' if value == 1 else 's'}"


def stratum(pairs: Sequence[tuple[str, str]]) -> str:
    """A stratum in words; "all" where there is none.

    >>> stratum([("baseline_ais", "A"), ("phase", "late_over_4_months"), ("total_dose_gy", "<=33.5")])
    'AIS A at the start; later than 4 months after injury; at most 33.5 Gy in all'
    """
    return "; ".join(_part(key, value) for key, value in pairs) or "all"


def _part(key: str, value: str) -> str:
    if (key, value) in _VALUES:
        return _VALUES[key, value]
    sign = next((s for s in _COMPARED if value.startswith(s)), "")
    words = value.removeprefix(sign)
    # A range of numbers; names such as T1-L1 keep their hyphen.
    words = re.sub(r"^([\d.]+)-([\d.]+)$", r"\1 to \2", words)
    if key == "dose_cells":
        words = number(float(words))
    words = words.replace("+", " or ") if key == "baseline_ais" else plain(words)
    return _STRATA.get(key, f"{plain(key)}: {{}}").replace("{}", f"{_COMPARED.get(sign, '')}{words}")


def level(by: str, value: str) -> str:
    """A level that subgroups are formed by, in words that can follow a title and a colon.

    >>> level("cell_type", "bm_msc"), level("route", "intrathecal"), level("stratum.baseline_ais", "A"), level("new", "a_b")
    ('bone-marrow MSC', 'into the fluid around the cord', 'AIS A at the start', 'a b')
    """
    known = LEVELS_BY.get(by, ("", {}))[1]
    if value in known:
        return known[value]
    return _part(by.removeprefix("stratum."), value) if by.startswith("stratum.") else plain(value)


def part_title(title: str, by: str, value: str) -> str:
    """The title of a subgroup's estimate, from that of the whole.

    >>> part_title("AIS improved, by design", "design", "rct")
    'AIS improved: randomised trials'
    """
    return f"{title.removesuffix(f', by {LEVELS_BY[by][0]}' if by in LEVELS_BY else '')}: {level(by, value)}"


def part_name(title: str) -> str:
    """The part alone, of the title of a subgroup's estimate.

    >>> part_name("AIS improved: randomised trials")
    'Randomised trials'
    """
    name = title.rpartition(": ")[2]
    return name[:1].upper() + name[1:]


def arm(name: str) -> str:
    """The name of an arm in words."""
    return ARMS.get(name, plain(name).replace(" plus ", " and "))


def read_as(text: str) -> str:
    """What was read of the study, in words.

    >>> read_as("abstract; news or lay page")
    'abstract, and news or lay page'
    """
    return ", and ".join(part.strip() for part in text.split(";"))
