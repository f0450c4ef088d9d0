"""What the codes of a review are called: one name a code, read from ``data/vocabulary``, for every page, table and figure.

``dimensions.csv`` names what studies are told apart by, ``labels.csv`` the codes of each dimension, ``stratum_keys.csv`` how a stratum
is said, ``outcome_terms.csv`` the outcomes. A code, a dimension or a whole table that is missing is written as plain words,
underscores as blanks: nothing here raises for a code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from cordbook.core.text import NOT_STATED, capital, inside, number, plain
from cordbook.core.tracking import note, unnoted
from cordbook.evidence.patients import KEYS, stratum_pairs
from cordbook.evidence.review_words import CONFIDENCE, DESIGN_LEVELS, DESIGNS, ROLES
from cordbook.evidence.schema import Field, Package

if TYPE_CHECKING:  # validation knows the vocabulary and waits for no heavy library
    import pandas as pd

#: The forms of a name: in a cell of a table or a heading, in a sentence, and as a subgroup behind "TITLE: ".
Form = Literal["label", "phrase", "level"]
LABELS, DIMENSIONS, OUTCOMES, WORDINGS, SCORES = "labels", "dimensions", "outcome_terms", "wordings", "scores"
#: Before a key of strata where it is a dimension.
STRATUM = "stratum."
#: The code of people of whom several columns ``PREFIX_*`` count some.
SEVERAL = "several"
#: The kind of the outcomes, which have a table of their own.
OUTCOME = "outcome"
#: What is left between two parts of a note when a part is left out.
_GAP = re.compile(r"\s*;(\s*;)+\s*")
_COMPARED = {"<=": "at most ", ">=": "at least ", "<": "less than ", ">": "more than "}


@dataclass(frozen=True, slots=True)
class Names:
    """The name of a code in its forms; a form that is not given is the label, inside a sentence."""

    label: str
    phrase: str = ""
    level: str = ""

    def form(self, form: Form) -> str:
        return self.label if form == "label" else getattr(self, form) or inside(self.label)


@dataclass(frozen=True, slots=True)
class Dimension:
    """What studies are told apart by: its name, and the columns that hold its codes, the first that is filled before others.

    A source is a column, ``TABLE.column``, ``stratum.KEY``, or ``prefix_*`` for columns that count the people of each code.
    ``filter``: the explorer offers it.
    """

    id: str
    label: str
    phrase: str = ""
    sources: tuple[str, ...] = ()
    filter: bool = False


#: Kinds whose codes belong to every review; rows of labels.csv of the same kind and code stand before these.
_OF_REVIEWS: Mapping[tuple[str, str], Names] = {
    **{("design", code): Names(DESIGNS[code].short, level=level) for code, level in DESIGN_LEVELS.items()},
    **{("role", code): Names(name) for code, name in ROLES.items()},
    **{("confidence", code): Names(name) for code, name in CONFIDENCE.items()},
}


@dataclass(frozen=True)
class Vocabulary:
    """Names of codes by kind (the id of a dimension or one of its sources) and code.

    >>> words = Vocabulary({("route", "intrathecal"): Names("Into the fluid around the cord")})
    >>> words.label("route", "intrathecal"), words.label("route", "intrathecal", "phrase")
    ('Into the fluid around the cord', 'into the fluid around the cord')
    >>> words.label("route", "by_mouth"), words.label("unheard_of", "by_mouth", "phrase"), words.label("route", None)
    ('By mouth', 'by mouth', 'Not stated')
    """

    names: Mapping[tuple[str, str], Names] = field(default_factory=dict, repr=False)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict, repr=False)
    #: How a stratum is said, by key: ``{}`` stands for its value.
    templates: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: What people did who had an outcome, by outcome: "died".
    verbs: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Wording of those who extract that a reader of the book cannot use, and what stands for it: ``wordings.csv``.
    wordings: Sequence[tuple[re.Pattern[str], str]] = field(default=(), repr=False)

    def remark(self, remark: str | None) -> str:
        """A note of those who extract, for readers: work notes and shorthand written out, or left out.

        >>> Vocabulary(wordings=((re.compile("read in a hurry"), ""),)).remark("n from Table 2; read in a hurry")
        'n from Table 2'
        """
        text = remark or ""
        for pattern, words in self.wordings if text else ():
            text = pattern.sub(words, text)
        return _GAP.sub("; ", text).strip("; ")

    def label(self, kind: str, code: object, form: Form = "label") -> str:
        """The name of a code; of several joined by +, all their names. Codes without a name as plain words, blanks as "not stated"."""
        found = self.known(kind, code)
        if found is not None:
            return found.form(form)
        parts = code.split("+") if isinstance(code, str) else []
        if len(parts) > 1 and all(self.known(kind, part) for part in parts):
            return " or ".join(self.label(kind, part, form) for part in parts)
        text = plain(code) if isinstance(code, str) else NOT_STATED
        return capital(text) if form == "label" else text

    def known(self, kind: str, code: object) -> Names | None:
        """The names of a code; None where the vocabulary does not name it."""
        note("table", OUTCOMES if kind == OUTCOME else LABELS)
        if not isinstance(code, str):
            return None
        kinds = dict.fromkeys((kind, self._dimension_id(kind)))
        return next((names[k, code] for names in (self.names, _OF_REVIEWS) for k in kinds if (k, code) in names), None)

    def codes(self, kind: str) -> tuple[str, ...]:
        """The codes of a kind that labels.csv names, in the order of its rows: that in which they are listed for readers."""
        note("table", LABELS)
        kind = self._dimension_id(kind)
        return tuple(code for own, code in self.names if own == kind)

    def order(self, kind: str) -> tuple[str, ...]:
        """:meth:`codes`, and after them those that every review has."""
        return tuple(dict.fromkeys((*self.codes(kind), *(code for own, code in _OF_REVIEWS if own == kind))))

    def dimension(self, name: str) -> Dimension:
        """The dimension of an id or of one of its sources; of a name that is in no table one that is called in plain words.

        >>> Vocabulary().dimension("stratum.sleep_apnoea").label
        'Sleep apnoea'
        """
        note("table", DIMENSIONS)
        known = self.dimensions.get(self._dimension_id(name))
        return known or Dimension(name, capital(plain(name.removeprefix(STRATUM))), sources=(name,))

    def filters(self) -> tuple[Dimension, ...]:
        """The dimensions that the explorer offers, in the order of the table."""
        note("table", DIMENSIONS)
        return tuple(d for d in self.dimensions.values() if d.filter)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Tables and columns that the dimensions take their codes from."""
        named = (
            source.rpartition(".") for d in self.dimensions.values() for source in d.sources if not source.startswith(STRATUM)
        )
        return tuple((table, column) for table, _, column in named if table and not column.endswith("*"))

    def by(self, name: str) -> str:
        """What subgroups are formed by, as titles name it after "by"."""
        found = self.dimension(name)
        return found.phrase or inside(found.label)

    def arm(self, name: str, form: Form = "phrase") -> str:
        """The name of an arm.

        >>> Vocabulary().arm("rest_plus_training")
        'rest and training'
        """
        return self.label("arm", name.replace("_plus_", "_and_") if self.known("arm", name) is None else name, form)

    def verb(self, outcome: str) -> str:
        """What people did or had who are counted for an outcome, in words that suit one and many; empty where none are given."""
        note("table", OUTCOMES)
        return self.verbs.get(outcome, "")

    def stratum(self, pairs: Iterable[tuple[str, str]]) -> str:
        """A stratum in words; "all" where there is none.

        >>> Vocabulary(templates={"dose": "{} Gy in all"}).stratum([("dose", "<=33.5"), ("sex", "female")])
        'at most 33.5 Gy in all; sex: female'
        """
        return "; ".join(self._part(key, value) for key, value in pairs) or "all"

    def stratum_of(self, text: object) -> str:
        """What a column of strata holds, in words; blank for all patients: an empty text, or a missing value of a frame.

        >>> Vocabulary(templates={"dose": "{} Gy in all"}).stratum_of("dose=<=33.5;sex=female"), Vocabulary().stratum_of(None)
        ('at most 33.5 Gy in all; sex: female', '')
        """
        pairs = stratum_pairs(text) if isinstance(text, str) else ()
        return self.stratum(pairs) if pairs else ""

    def level(self, by: str, value: str) -> str:
        """A level that subgroups are formed by, in words that can follow a title and a colon.

        >>> Vocabulary(templates={"grade": "grade {} at the start"}).level("stratum.grade", "A+B")
        'grade A or B at the start'
        """
        return self._part(by.removeprefix(STRATUM), value) if by.startswith(STRATUM) else self.label(by, value, "level")

    def part_title(self, title: str, by: str, value: str) -> str:
        """The title of a subgroup's estimate, from that of the whole.

        >>> Vocabulary().part_title("Improved, by design", "design", "rct")
        'Improved: randomised trials'
        """
        return f"{title.removesuffix(f', by {self.by(by)}')}: {self.level(by, value)}"

    def _dimension_id(self, name: str) -> str:
        return name if name in self.dimensions or name == OUTCOME else self._by_source.get(name, name)

    @cached_property
    def _by_source(self) -> Mapping[str, str]:
        """The dimension of each source, and of its column alone; of several that share one, the first."""
        pairs = [(source, d.id) for d in reversed(list(self.dimensions.values())) for source in d.sources]
        return {s.rpartition(".")[2]: own for s, own in pairs if not s.startswith(STRATUM)} | dict(pairs)

    def _part(self, key: str, value: str) -> str:
        named = self.known(f"{STRATUM}{key}", value)
        if named is not None:
            return named.form("phrase")
        note("table", KEYS)
        sign = next((s for s in _COMPARED if value.startswith(s)), "")
        return self.templates.get(key, f"{plain(key)}: {{}}").replace("{}", _COMPARED.get(sign, "") + _value(value[len(sign) :]))


def _value(text: str) -> str:
    """A value of a stratum: a range of numbers, values joined by +, a large number, else plain words.

    >>> _value("45-50.4"), _value("A+B"), _value("T1-L1"), _value("2e6")
    ('45 to 50.4', 'A or B', 'T1-L1', '2,000,000')
    """
    if re.fullmatch(r"[\d.]+-[\d.]+", text):  # names such as T1-L1 keep their hyphen
        return text.replace("-", " to ")
    if re.fullmatch(r"\d+(\.\d+)?e\d+", text):
        return number(float(text))
    return plain(text.replace("+", " or "))


def vocabulary_of(tables: Mapping[str, pd.DataFrame]) -> Vocabulary:
    """The vocabulary of the tables of a review; a table or a column that it lacks names nothing."""
    with unnoted():
        outcomes = rows_of(tables, OUTCOMES)
        return Vocabulary(
            {(r["kind"], r["code"]): _names(r) for r in rows_of(tables, LABELS)}
            | {(OUTCOME, r["outcome"]): _names(r) for r in outcomes},
            {r["dimension"]: _dimension(r) for r in rows_of(tables, DIMENSIONS)},
            {r["key"]: r["phrase"] for r in rows_of(tables, KEYS) if r.get("phrase")},
            {r["outcome"]: r["verb"] for r in outcomes if r.get("verb")},
            tuple((re.compile(r["pattern"]), r["text"]) for r in rows_of(tables, WORDINGS)),
        )


def fields_of(package: Package, source: str) -> tuple[tuple[str, Field], ...]:
    """The columns of the schema that a source of dimensions.csv names, each with its table; none for a key of strata."""
    table, _, column = source.rpartition(".")
    named = [(t.name, f) for t in package.tables if table in ("", t.name) for f in t.fields]
    return tuple((name, f) for name, f in named if fnmatchcase(f.name, column))


def rows_of(tables: Mapping[str, pd.DataFrame], name: str) -> Sequence[Mapping[str, Any]]:
    """Rows of a table that declares something, as dictionaries with "" for what is blank; none where there is no such table."""
    if name not in tables:
        return ()
    frame = tables[name]
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), "").to_dict("records")
    return rows


def _names(row: Mapping[str, Any]) -> Names:
    return Names(row["label"], row.get("phrase", ""), row.get("level", ""))


def _dimension(row: Mapping[str, Any]) -> Dimension:
    sources = tuple(row["source"].split(";"))
    return Dimension(row["dimension"], row["label"], row.get("phrase", ""), sources, bool(row.get("filter", False)))


def part_name(title: str) -> str:
    """The part alone, of the title of a subgroup's estimate.

    >>> part_name("AIS improved: randomised trials")
    'Randomised trials'
    """
    return capital(title.rpartition(": ")[2])
