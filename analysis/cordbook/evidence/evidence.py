"""The evidence as typed, read-only tables: what the rest of the package reads.

:func:`load_evidence` trusts ``data/``: run the validation first. Types follow the one schema,
``datapackage.json``; blank cells become missing values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.tracking import note, unnoted
from cordbook.errors import InputError, UnknownName
from cordbook.evidence.labels import TITLE_LENGTH, Known, known_sources, labels_of, letters_of
from cordbook.evidence.patients import KEYS, VALUES, Held, Meanings, all_patients, meanings_of, parse_stratum
from cordbook.evidence.reading import read_all
from cordbook.evidence.retractions import standing_retractions
from cordbook.evidence.schema import Field, Package, load_package
from cordbook.evidence.subject_tables import SubjectTables, declared_columns
from cordbook.evidence.vocabulary import STRATUM, Vocabulary, fields_of, rows_of, vocabulary_of

#: Behind the label of a study whose report was retracted.
RETRACTED = "(retracted)"


class Tables(Mapping[str, pd.DataFrame]):
    """Tables by name; which of them are read is noted (:mod:`cordbook.core.tracking`)."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames = dict(frames)

    def __getitem__(self, name: str) -> pd.DataFrame:
        note("table", name)
        return self._frames[name]

    def __contains__(self, name: object) -> bool:
        return name in self._frames

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


@dataclass(frozen=True)
class Evidence:
    """The tables of a data folder, by name, as data frames with typed columns."""

    folder: Path
    package: Package
    tables: Mapping[str, pd.DataFrame]

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A copy of a table, so that nobody can change the evidence of another reader."""
        if name not in self.tables:
            raise UnknownName(f"no table {name!r} in {self.folder}; there are {', '.join(sorted(self.tables))}")
        return self.tables[name].copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What codes are called; it notes by itself which of its tables is asked."""
        return vocabulary_of(self.tables)

    @property
    def counts(self) -> pd.DataFrame:
        """Outcome counts with what is known of their arm, study and reference; one row per count.

        Columns: those of ``outcomes``, ``all_patients`` (does it hold everybody of its arm:
        :func:`~cordbook.evidence.patients.all_patients`), ``role`` and the other columns of ``arms`` (``arm_n`` for its size), the
        columns of ``studies``, and ``first_author``, ``year``, ``label`` ("Lima 2010") of the reference.
        """
        note("counts")
        with unnoted():
            return self._counts

    def counts_by_id(self, cell_ids: Iterable[str]) -> pd.DataFrame:
        """Some of :attr:`counts`, with their ids as index, in the order asked for; raises ``KeyError`` for an unknown id.

        A chapter that asks in this way is executed again when one of these counts has changed, not when any has.
        """
        wanted = list(cell_ids)
        for cell_id in wanted:
            note("count", cell_id)
        with unnoted():
            return self._counts_by_id.loc[wanted]

    def counts_in(self, column: str, value: str) -> pd.DataFrame:
        """Those of :attr:`counts` that hold a text in a column; stale only when one of these has changed, come or gone."""
        note("counts_in", column, value)
        with unnoted():
            return self._counts[self._counts[column] == value]

    @cached_property
    def _counts_by_id(self) -> pd.DataFrame:
        return self._counts.set_index("cell_id")

    @cached_property
    def _counts(self) -> pd.DataFrame:
        arms = self.tables["arms"].drop(columns="study_id").rename(columns={"n": "arm_n"})
        studies = self.tables["studies"].drop(columns=["source_url", "note"])
        counts = self.tables["outcomes"].merge(arms, on="arm_id", validate="many_to_one")
        counts = counts.merge(studies, on="study_id", validate="many_to_one")
        labels = self.study_labels
        return counts.assign(
            label=counts["study_id"].map(labels),
            year=counts["study_id"].map(self.study_years),
            all_patients=_holding_all(counts, self._meanings),
        )

    @cached_property
    def subject(self) -> SubjectTables:
        """What is declared of the review's subject; it notes by itself which of its tables is asked."""
        return SubjectTables(self.tables)

    @property
    def count_columns(self) -> frozenset[str]:
        """The columns of :attr:`counts`, known without making them; dimensions are named by their ids too."""
        names = {column for table in ("outcomes", "arms", "studies") for column in self.tables[table].columns}
        return frozenset((names - {"source_url"}) | {"arm_n", "label", "year", *self.vocabulary.dimensions})

    @cached_property
    def lacking(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that the schema lacks, by the dimensions that take codes from them; what is told apart by these is not what was meant."""
        with unnoted():
            found = {
                d.id: tuple(s for s in d.sources if not s.startswith(STRATUM) and not fields_of(self.package, s))
                for d in self.vocabulary.dimensions.values()
            }
        return {dimension: sources for dimension, sources in found.items() if sources}

    @property
    def meanings(self) -> Meanings:
        """What keys and values of strata mean: who may share patients."""
        note("meanings")
        with unnoted():
            return self._meanings

    @cached_property
    def _meanings(self) -> Meanings:
        return meanings_of(*(rows_of(self.tables, name) for name in (KEYS, VALUES)))

    @property
    def confirmed_studies(self) -> frozenset[str]:
        """Studies of which it is sure which paper they are."""
        note("table", "references")
        with unnoted():
            return self._confirmed_studies

    @cached_property
    def _confirmed_studies(self) -> frozenset[str]:
        references = self.tables["references"]
        return frozenset(references.loc[references["identity_confidence"] == "confirmed", "reference_id"])

    @property
    def study_years(self) -> dict[str, int | None]:
        """Year of publication by study id; None where it is not known."""
        note("study_years")
        with unnoted():
            return self._study_years

    @cached_property
    def _study_years(self) -> dict[str, int | None]:
        references = self.tables["references"]
        years = dict(zip(references["reference_id"], references["year"], strict=True))
        return {s: (None if pd.isna(years[s]) else int(years[s])) for s in self.tables["studies"]["study_id"]}

    @property
    def retracted(self) -> frozenset[str]:
        """Studies whose retraction stands; see :func:`~cordbook.evidence.retractions.standing_retractions`. Second ids of one report go with it."""
        note("table", "integrity_notices")
        with unnoted():
            return self._retracted

    @cached_property
    def _retracted(self) -> frozenset[str]:
        if "integrity_notices" not in self.tables:  # a folder of another make
            return frozenset()
        references = self.tables["references"]
        sources = {r.reference_id: r.reference_id if pd.isna(r.same_as) else r.same_as for r in references.itertuples()}
        notices = self.tables["integrity_notices"].dropna(subset="study_id")
        years = notices["year"].astype(object).where(notices["year"].notna(), None)
        notes = [(sources[s], kind, year) for s, kind, year in zip(notices["study_id"], notices["kind"], years, strict=True)]
        taken_back = standing_retractions(notes)
        return frozenset(s for s in self.tables["studies"]["study_id"] if sources[s] in taken_back)

    @property
    def study_labels(self) -> dict[str, str]:
        """How a study is named in figures and text; see :mod:`cordbook.evidence.labels`. A retracted study carries :data:`RETRACTED` behind
        its name, so that every figure, table and list that names it says so.
        """
        note("study_labels")
        with unnoted():
            return self._study_labels

    @cached_property
    def _study_labels(self) -> dict[str, str]:
        labels = self._source_labels()
        return {s: f"{labels[s]} {RETRACTED}" if s in self._retracted else labels[s] for s in self.tables["studies"]["study_id"]}

    def source_labels(self, title_length: int = TITLE_LENGTH) -> dict[str, str]:
        """How each source of references.csv is named, studies among them: one letter for one source on every page, figure and table."""
        note("study_labels")
        with unnoted():
            return self._source_labels(title_length)

    def source_letters(self) -> dict[str, str]:
        """The letter behind the year of each source, by id; "" where nothing else is named alike."""
        return letters_of(*self._named)

    def _source_labels(self, title_length: int = TITLE_LENGTH) -> dict[str, str]:
        known, same_as = self._named
        return labels_of(known, same_as=same_as, title_length=title_length)

    @cached_property
    def _named(self) -> tuple[dict[str, Known], dict[str, str]]:
        """What every source can be named by, and the second ids; a study of its own within a report has a name of its own."""
        studies, references = self.tables["studies"], self.tables["references"]
        about = zip(studies["study_id"], studies["topic"], strict=True) if "topic" in studies else ()
        topics = {study: self.vocabulary.label("topic", topic) for study, topic in about if not pd.isna(topic)}
        own = set(studies["study_id"])
        second = (
            references[references["same_as"].notna() & ~references["reference_id"].isin(own)]
            if "same_as" in references
            else references[:0]
        )
        return (
            known_sources(references.to_dict("records"), topics),
            dict(zip(second["reference_id"], second["same_as"], strict=True)),
        )


def _holding_all(counts: pd.DataFrame, meanings: Meanings) -> pd.Series:
    """Which counts hold all patients of their arm."""
    found = pd.Series(False, index=counts.index)
    for _, rows in counts.groupby(["arm_id", "outcome"], sort=False):
        size = _whole(rows["arm_n"].iloc[0])
        held = [
            Held(parse_stratum(stratum), None if pd.isna(time) else float(time), _whole(n))
            for stratum, time, n in zip(rows["stratum"], rows["timepoint_months"], rows["n"], strict=True)
        ]
        found.loc[rows.index] = all_patients(held, size, meanings)
    return found


def _whole(number: Any) -> int | None:
    return None if pd.isna(number) else int(number)


def load_evidence(folder: Path | str) -> Evidence:
    """Read every table of a data folder (absolute or relative path of ``data/``).

    Raises ``cordbook.evidence.Unreadable`` when a table is missing or is not a CSV file. Values that
    break the schema raise ``ValueError`` with the table and column; ``cordbook validate`` lists them all.
    """
    folder = Path(folder)
    package = load_package(folder)
    with unnoted():
        raw = read_all(folder, package)
    tables = {table.name: _typed([row for _, row in raw[table.name].rows], table.fields, table.name) for table in package.tables}
    return Evidence(folder, package, Tables(_with_declared_columns(tables)))


def _with_declared_columns(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables in which the columns that facts and dimensions name and the schema lacks are there and blank, so that no reader need ask."""
    with unnoted():
        named = [*declared_columns(tables), *vocabulary_of(tables).columns]
    for table, column in named:
        if table in tables and column not in tables[table]:
            tables[table] = tables[table].assign(**{column: pd.Series(None, index=tables[table].index, dtype=object)})
    return tables


def _typed(rows: list[dict[str, str]], fields: tuple[Field, ...], table: str) -> pd.DataFrame:
    columns = {}
    for field in fields:
        values = [row[field.name] or None for row in rows]
        try:
            columns[field.name] = _column(values, field)
        except (ValueError, TypeError) as error:
            raise InputError(f"table {table}, column {field.name}: {error}; run `cordbook validate` for all problems") from error
    return pd.DataFrame(columns)


def as_written(value: object) -> str:
    """A typed value as the text that stands for it in its table: yes and no, blank for a missing one.

    >>> as_written(True), as_written(17), as_written(pd.NA), as_written("A")
    ('yes', '17', '', 'A')
    """
    if pd.isna(value):
        return ""
    return ("yes" if value else "no") if pd.api.types.is_bool(value) else str(value)


def _column(values: list[str | None], field: Field) -> pd.Series:
    if field.type == "boolean":
        values = [None if v is None else {"yes": True, "no": False}[v] for v in values]
        return pd.Series(values, dtype="boolean")
    if field.type in ("integer", "year"):
        return pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
    if field.type == "number":
        return pd.Series([float("nan") if v is None else float(v) for v in values], dtype="float64")
    return pd.Series(values, dtype="str" if pd.__version__ >= "3" else "object")
