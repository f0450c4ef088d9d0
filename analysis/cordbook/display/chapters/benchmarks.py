"""What the chapter on benchmarks shows, in one object; a chapter has it as ``review.benchmarks``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cordbook.core.text import enumerate_words
from cordbook.display.html.markup import element, join
from cordbook.display.html.table import Table
from cordbook.display.tables import benchmark_tables
from cordbook.display.tables.back_matter import Block, paragraph
from cordbook.display.tables.benchmark_tables import times
from cordbook.review.appraisal.benchmarks import (
    CHOICES_AIM,
    OURS,
    PROGRAMS,
    REFERENCE,
    Builds,
    Fit,
    Ranking,
    builds,
    fits,
    load_measured,
    orders_ahead,
    rankings,
    stored_file,
)
from cordbook.review.appraisal.coverage import load_results
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.phrases import percent

#: The program that orders records for screening beside ours.
RANKER, RANKER_NAME = "asreview", "ASReview"
#: The way of building by stock Jupyter Book that shows the estimates of today; its cache shows old ones.
FORCED = "jupyter-book, forced"


@dataclass(frozen=True)
class BenchmarkPages:
    """Tables of the stored results of ``benchmarks/``; where a file is not there, as in a review without them, a sentence says so."""

    estimates: Estimates

    @property
    def _root(self) -> Path:
        return self.estimates.evidence.folder.parent

    def _stored(self, name: str) -> Any | None:
        return load_measured(self._root, name)

    def _shown(self, name: str, make: Callable[[Any], Table | Block], part: str | None = None) -> Table | Block:
        """The table or sentence of a file of results; a sentence where it, or the part of it, has not been measured."""
        found = self._stored(name)
        found = found if part is None or found is None else found.get(part)
        return make(found) if found else paragraph(f"Not available: {stored_file(name).as_posix()} is not in this copy.")

    # ------------------------------------------------------------------ the answer

    def fits_found(self) -> list[Fit]:
        """The questions of the synthesis with medians and ratios; none where they have not been measured."""
        found = self._stored("synthesis")
        return fits(found) if found else []

    def builds_found(self) -> list[Builds]:
        """The kinds of build with medians; none where they have not been measured."""
        found = self._stored("build")
        return builds(found) if found else []

    def rankings_found(self) -> list[Ranking]:
        """The sets whose records were ordered by both programs; none where they have not been measured."""
        found = self._stored("screening")
        return rankings(found, RANKER) if found else []

    def stopping_found(self) -> list[dict[str, Any]]:
        """How the estimate of when to stop did, by set and by kind of relevant records; none where it has not been measured."""
        return [f for f in self._stored("screening") or () if "stopping" in f]

    def answer(self) -> Block:
        """What all results say, in a few sentences; those that have not been measured are left out."""
        said = [*self._say_speed(), *self._say_records(), *self._say_harm()]
        if not said:
            return paragraph("Not available: nothing has been measured in this copy.")
        return Block(
            element("ul", *(element("li", sentence) for sentence in said)), "\n".join(f"- {sentence}" for sentence in said)
        )

    def _say_speed(self) -> list[str]:
        said = []
        beside = [ratio for fit in self.fits_found() if (ratio := fit.times(REFERENCE)) is not None]
        if beside:
            apart = max(fit.difference for fit in self.fits_found() if fit.difference is not None)
            said.append(
                f"The same fits take {REFERENCE} {times(min(beside))} to {times(max(beside))} times as long as ours; answers agree to within {_within(apart)}."
            )
            quicker = [
                f"{fit.text} (in {times(fit.times(peer))} of our time, by {peer})"
                for fit in self.fits_found()
                for peer in fit.others
                if fit.others[peer] < fit.seconds
            ]
            if quicker:
                said.append(f"Others are faster at {enumerate_words(quicker)}.")
        if choices := (self._stored("multiverse") or {}).get("peer"):
            each, whole = choices["fit_by_fit"]["by_model"]["all"]["times"], choices["whole"]["times"]
            missed = [name for name, ratio in (("fit by fit", each), ("as a whole", whole)) if ratio < CHOICES_AIM]
            aim = f"; the aim, {CHOICES_AIM} times, is missed {enumerate_words(missed)}" if missed else ""
            said.append(
                f"For every choice of one question {REFERENCE} takes {times(each)} times as long fit by fit and {times(whole)} times as a whole{aim}."
            )
        if found := self.builds_found():
            ratios = [f"{times(b.times(FORCED))} times as long {b.what}" for b in found]
            said.append(f"A build by stock Jupyter Book that is as up to date takes {enumerate_words(ratios)}.")
        return said

    def _say_records(self) -> list[str]:
        said = []
        if duplicates := self._stored("dedupe"):
            ours = [f for f in duplicates if f["tool"] == OURS]
            wrong, merged = sum(f["wrong"] for f in ours), sum(f["merged"] for f in ours)
            said.append(
                f"Of {merged:,} duplicates that were joined in {len(ours)} labelled sets, real and made up, {wrong:,} were wrong."
            )
        if found := self.rankings_found():
            ahead, orders = orders_ahead(found)
            said.append(f"Records worth including were read earlier than by {RANKER_NAME} in {ahead} of {orders} orders.")
        return said

    def _say_harm(self) -> list[str]:
        said = []
        if damage := self._stored("corruptions"):
            said.append(
                f"Of {damage['cases']:,} files damaged or harmlessly rewritten validation judged {len(damage['failed']):,} wrongly."
            )
        if kills := self._stored("kills"):
            count, broken = sum(f["kills"] for f in kills.values()), sum(len(f["failed"]) for f in kills.values())
            said.append(f"After {count:,} killed builds the site was broken {broken:,} times.")
        return said

    # ------------------------------------------------------------------ topics

    def made_by(self, *names: str) -> Block:
        """Which program of ``benchmarks/`` makes the results above, where they stand, and what they state of the machine."""
        parts: list[object] = []
        for name in names:
            commands = [element("code", f"python benchmarks/{command}") for command in PROGRAMS[name].split("; ")]
            parts += [
                "Made by ",
                join(*commands, between=" and "),
                ", stored in ",
                element("code", stored_file(name).as_posix()),
                ". ",
            ]
            parts.append(f"The file states {_stated(self._stored(name))}. " if stored_file(name).suffix == ".json" else "")
        html = element("p", *parts)
        return Block(html, html.striptags())

    def fits(self) -> Table | Block:
        """The same fits by other programs."""
        return self._shown("synthesis", lambda found: benchmark_tables.fits_table(fits(found), found["versions"]))

    def choices(self) -> Table | Block:
        """Every choice, beside metafor."""
        return self._shown("multiverse", benchmark_tables.choices_table, "peer")

    def workers(self) -> Table | Block:
        """The same fits by two processes and by two workers of a cluster, as ratios of the clock."""
        return self._shown("multiverse", _workers, "workers")

    def builds(self) -> Table | Block:
        """Builds beside stock Jupyter Book."""
        return self._shown("build", lambda found: benchmark_tables.builds_table(builds(found)))

    def growth(self) -> Table | Block:
        """Builds with the evidence multiplied."""
        return self._shown("build", benchmark_tables.growth_table, "growth")

    def duplicates(self) -> Table | Block:
        """Labelled duplicates beside bib-dedupe."""
        return self._shown("dedupe", benchmark_tables.duplicates_table)

    def ranking(self) -> Table | Block:
        """The order of screening beside ASReview."""
        return self._shown("screening", lambda found: benchmark_tables.rankings_table(rankings(found, RANKER), RANKER_NAME))

    def stopping(self) -> Table | Block:
        """When it says that reading may stop."""
        return self._shown("screening", benchmark_tables.stopping_table)

    def explorer(self) -> Table | Block:
        """Clicks in the explorer."""
        return self._shown("explorer", benchmark_tables.explorer_table)

    def pages(self) -> Table | Block:
        """Pages on a slow line."""
        return self._shown("site", benchmark_tables.site_table)

    def importing(self) -> Table | Block:
        """How long an import takes."""
        return self._shown("import", _importing)

    def guide(self) -> Table | Block:
        """What it takes to add a study by the guide, in keys and in minutes of the machine."""
        return self._shown("guide", _guide)

    def damage(self) -> Table | Block:
        """Damaged files."""
        return self._shown("corruptions", benchmark_tables.damage_table)

    def kills(self) -> Table | Block:
        """Killed builds."""
        return self._shown("kills", benchmark_tables.kills_table)

    def floor(self) -> Table | Block:
        """The floor of Hartung and Knapp's interval with few trials."""
        found = load_results(self._root, stored_file("hksj_floor"))
        return (
            paragraph("Not available: this simulation has not been run in this copy.")
            if found is None
            else benchmark_tables.floor_table(found)
        )

    def subgroup_tests(self) -> Table | Block:
        """False positives of tests of subgroups."""
        found = load_results(self._root, stored_file("subgroup_test"))
        if found is None:
            return paragraph("Not available: this simulation has not been run in this copy.")
        return benchmark_tables.subgroup_test_table(found)


def _within(difference: float) -> str:
    """The power of ten that a difference stays below, as percent.

    >>> _within(7.1e-7), _within(0.02), _within(0.0)
    ('0.0001%', '10%', '0%')
    """
    if difference == 0:
        return "0%"
    digits = -2 - math.ceil(math.log10(difference))
    return f"{10.0**-digits:.{max(digits, 0)}f}%"


def _stated(found: Any) -> str:
    """What results say of where they were measured: machine, versions, load; and that they give no date.

    >>> _stated({"machine": {"cpus": 2, "python": "3.11.7"}, "versions": {"cordbook": "Cordbook", "peer": "peer 1.0"}})
    '2 processors, python 3.11.7, peer 1.0, and no date'
    >>> _stated([{"seconds": 1}])
    'neither machine nor date'
    """
    if not isinstance(found, Mapping):
        return "neither machine nor date"
    machine = {"processors": found["processors"]} if "processors" in found else found.get("machine", {})
    parts = [
        f"{value} processors" if name in ("cpus", "cores", "processors") else f"{name} {value}" for name, value in machine.items()
    ]
    parts += [version for peer, version in found.get("versions", {}).items() if peer != OURS]
    parts += [f"a load of {found['load_average']:g}"] if "load_average" in found else []
    loads = {name: part["load_before"] for name, part in found.items() if isinstance(part, Mapping) and "load_before" in part}
    parts += [f"a load of {load:g} before the part {name}" for name, load in loads.items()]
    return f"{', '.join(parts)}, and no date" if parts else "neither machine nor date"


def _workers(found: Mapping[str, Any]) -> Block:
    two, dask = found["two_processes_times"], found["two_dask_workers_times"]
    return paragraph(
        f"On two processors the same {found['tasks']:,} fits went {two:.1f} times as fast by two processes as by one, "
        f"and {dask:.1f} times by two workers of a Dask cluster, their start included."
    )


def _importing(found: Mapping[str, Any]) -> Block:
    rate = found["records"] / found["import_processor_s"]
    return paragraph(
        f"An import of {found['records']:,} made-up records took {found['import_processor_s']:.1f} s of one processor, {rate:,.0f} records a second "
        f"({percent(found['read_processor_s'] / found['import_processor_s'])} of it to read them), and {found['import_s']:.0f} s by the clock."
    )


def _guide(found: Mapping[str, Any]) -> Block:
    typed = [("commands", "commands"), ("answers", "answers"), ("values_in_sheets", "values in sheets")]
    parts = enumerate_words([f"{found[key]['number']:,} {name} ({found[key]['keys']:,} keys)" for key, name in typed])
    return paragraph(
        f"The guide for adding a study asks for {parts}; what it runs took {found['minutes']:g} minutes, builds of the book among it."
    )
