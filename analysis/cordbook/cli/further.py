"""Further analyses of `cordbook pool` and `cordbook compare`: by groups, by moderators, without each study, over time, bias, Bayes.

A command hands over its :class:`Rows`, what a table gave; each analysis is a call of the functions of the synthesis, and nothing is
computed here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cordbook.cli.option_words import as_options
from cordbook.cli.table import DataError, ReadError, Table, decimal_number, read_texts, split_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cordbook.evidence.vocabulary import Vocabulary

#: Options of the analyses, in the order in which they are made and printed.
ANALYSES = ("by", "moderators", "leave_one_out", "cumulative", "influence", "bias", "bayes")
PROPORTIONS, ARMS, EFFECTS = "proportions", "arms", "effects"
#: What ``--cumulative`` may name where no column is called so: the largest study first.
PRECISION = "precision"
#: ``--cumulative`` without a column.
AS_GIVEN = ""
PRIORS = ("half-normal", "half-cauchy")
NEEDS_PRIOR = (
    "--bayes needs --tau-prior half-normal:SCALE or half-cauchy:SCALE, how much true effects of studies may differ, in units of the effects "
    "(SCALE is the SD of the half-normal, the median of the half-Cauchy). {how} Röver et al. (2021), Res Synth Methods 12:448-474, say how to choose."
)
HOW = {
    ARMS: "Of log odds ratios and log risk ratios half-normal:0.5 is a cautious choice, half-normal:1 a wide one.",
    EFFECTS: "Of standardised mean differences and log odds ratios half-normal:0.5 is a cautious choice; of differences in points of a score take a "
    "scale of about as many points as one study may truly differ from the next.",
}
#: What to do in place of an analysis that is not there for several rows a study.
INSTEAD = {
    "by": "a group of studies is a moderator there; write --moderators COL",
    "leave_one_out": "leave the rows of a study out of the table, or keep one row per study and leave out --cluster",
    "cumulative": "keep one row per study and leave out --cluster",
    "influence": "keep one row per study and leave out --cluster",
    "bias": "regress on precision, which is Egger's test with errors of the cluster: write --moderators with the column of standard errors",
    "bayes": "keep one row per study and leave out --cluster",
}
#: Models of counts of two arms, and the model of inverse variance that is nearest.
NEAREST = {"mh": "common", "peto": "common", "glmm": "reml"}
TOO_OFTEN = {
    "OR": "A log odds ratio and its standard error depend on each other, so Egger's test is too often positive (Peters 2006, Rücker 2008): go by "
    "the tests of Peters and of the arcsines.",
    "SMD": "A standardised difference and its standard error depend on each other, so Egger's test is too often positive (Pustejovsky and Rodgers "
    "2019): read it with care.",
}
NO_NULL = (
    "Trim and fill and selection models are not made: they suppose an effect that chance alone would leave at no effect, which a single {what} "
    "has not."
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table gave, for the analyses that follow the pooled result.

    kind
        ``proportions``, ``arms`` or ``effects`` (those of means among them).
    labels
        names of the rows, in the order of the studies of the pooled result.
    options
        how they were pooled, by the names of the functions.
    columns, number
        texts of the columns that the analyses name, and how a text of this table is read as a number (None if it is none).
    counts
        events and n, of two arms twice, shape (k,) each; None for effects.
    yi, vi, kept
        effects, their variances and the places of their rows, on the scale of the model; None for proportions.
    measure
        what the effects are, such as OR or MD; None for effects that were worked out elsewhere.
    cluster, rho
        which rows are of one study, and the correlation of their errors; None where each row is a study.
    vocabulary
        names the codes in the columns of the review's own data; None for a table that is given.
    references
        the level that a moderator of names is compared with, where it is not the first.
    """

    kind: str
    labels: Sequence[str]
    options: Mapping[str, Any]
    columns: Mapping[str, Sequence[str]]
    number: Callable[[str], float | None]
    counts: tuple[NDArray[Any], ...] | None = None
    yi: NDArray[Any] | None = None
    vi: NDArray[Any] | None = None
    kept: Sequence[int] | None = None
    measure: str | None = None
    cluster: Sequence[str] | None = None
    rho: float = 0.0
    vocabulary: Vocabulary | None = None
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The labels of the rows that have an effect."""
        return [self.labels[i] for i in self._places]

    @property
    def _places(self) -> Sequence[int]:
        return range(len(self.labels)) if self.kept is None else self.kept

    @property
    def is_ratio(self) -> bool:
        """Whether effects are logarithms of ratios."""
        from cordbook.synthesis.means.sizes import RATIO_MEASURES as OF_MEANS
        from cordbook.synthesis.two_arm import RATIO_MEASURES as OF_ARMS

        return self.measure in OF_MEANS | OF_ARMS

    @property
    def scale(self) -> str:
        """What an effect is on the scale of the model."""
        if self.measure is None:
            return "effect"
        from cordbook.synthesis.means.sizes import MEASURE_NAMES as OF_MEANS
        from cordbook.synthesis.pooling.two_arm_results import MEASURE_NAMES as OF_ARMS

        name = (OF_MEANS | OF_ARMS)[self.measure]
        return f"log {name}" if self.is_ratio else name

    def texts(self, column: str) -> list[str]:
        """A column as names, of the rows that have an effect."""
        return [self.columns[column][i] for i in self._places]

    def values(self, column: str) -> list[float] | list[str]:
        """A column as numbers where all its texts are, else as names."""
        numbers = [self.number(text) for text in self.columns[column]]
        if any(value is None for value in numbers):
            return self.texts(column)
        return [value for i in self._places if (value := numbers[i]) is not None]

    def numbers(self, column: str, option: str) -> list[float]:
        """A column that must hold numbers; raises :class:`DataError` with the first texts that do not."""
        wrong = [
            f"{label}: {text!r}"
            for label, text in zip(self.labels, self.columns[column], strict=True)
            if self.number(text) is None
        ]
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise DataError(
                f"{option} {column}: not a number in {'; '.join(wrong[:3])}{more}; name a column of numbers, such as years."
            )
        return [float(value) for value in self.values(column)]


@dataclass(frozen=True, slots=True)
class Found:
    """One analysis that was made: its option, results by name (None where one could not be made), and what there is to say of them.

    ``scale`` says on which scale the values stand.
    """

    option: str
    results: Mapping[str, Any]
    scale: str
    notes: tuple[str, ...] = ()
    #: The column that the analysis went by.
    column: str | Sequence[str] | None = None

    @property
    def result(self) -> Any:
        """The first of the results, which most analyses have alone."""
        return next(iter(self.results.values()))

    def to_dict(self) -> dict[str, Any]:
        """As plain values: the result itself, or where there are several a member each."""
        plain = {name: None if result is None else result.to_dict() for name, result in self.results.items()}
        shown = plain if len(plain) > 1 else next(iter(plain.values()))
        notes = [*shown.get("notes", ()), *self.notes]
        column = {} if self.column is None else {"column": self.column if isinstance(self.column, str) else list(self.column)}
        return column | {"scale": self.scale} | shown | {"notes": notes}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the further analyses."""
    group = parser.add_argument_group(
        "further analyses", "each is printed under the result, stands in --json under analyses, and is drawn beside --plot"
    )
    group.add_argument("--by", metavar="COL", help="pool each group of studies by itself and test whether groups differ")
    group.add_argument(
        "--moderators", type=_columns, metavar="COL[,COL...]",
        help="regress the results on columns: numbers as they are, texts as categories",
    )  # fmt: skip
    group.add_argument("--leave-one-out", action="store_true", help="pool without each study in turn")
    group.add_argument(
        "--cumulative", nargs="?", const=AS_GIVEN, type=_no_file, metavar="COL",
        help="pool as studies come in, by a column of numbers such as the year, or by precision (the largest study first); without COL in "
        "the order of the table, which is by year for the review's own data",
    )  # fmt: skip
    group.add_argument("--influence", action="store_true", help="how much each study moves the result and adds to heterogeneity")
    group.add_argument(
        "--bias", action="store_true",
        help="small-study effects: a funnel, and what the data allow of Egger's, Peters' and the arcsine test, the test of proportions on size, "
        "trim and fill, and a selection model",
    )  # fmt: skip
    group.add_argument(
        "--direction", choices=("greater", "less"), help="of --bias: which effects were wanted, for the selection model (default: that of the pooled effect)"
    )  # fmt: skip
    group.add_argument("--bayes", action="store_true", help="pool by Bayes' theorem, without random numbers")
    group.add_argument(
        "--tau-prior", type=_prior, metavar="half-normal:SCALE|half-cauchy:SCALE",
        help="of --bayes: the prior of the SD between studies (of proportions by default half-normal:1 on the log odds; else it must be given)",
    )  # fmt: skip


def asked(args: argparse.Namespace) -> list[str]:
    """The analyses that are asked for, by the names of their options."""
    return [name for name in ANALYSES if getattr(args, name) not in (None, False)]


def check(args: argparse.Namespace, kind: str, *, cluster: str | None = None, measure: str | None = None) -> None:
    """Refuse analyses that the data do not have, before a file is read; raises ``ReadError``."""
    problems = []
    if args.direction and not args.bias:
        problems.append("--direction is of the selection model: add --bias.")
    if args.direction and kind == PROPORTIONS:
        problems.append("--direction is of the selection model, which single proportions have not: leave it out.")
    if args.tau_prior and not args.bayes:
        problems.append("--tau-prior is of --bayes: add --bayes.")
    wanted = asked(args)
    if cluster:
        problems += [f"{_option(name)} does not go with --cluster: {INSTEAD[name]}." for name in wanted if name in INSTEAD]
    elif args.bayes and kind in HOW and not args.tau_prior:
        problems.append(NEEDS_PRIOR.format(how=HOW[kind]))
    if kind == PROPORTIONS and measure == "double-arcsine" and args.moderators:
        problems.append(
            "--moderators does not go with --measure double-arcsine, which goes back to a proportion only with a sample size: choose --measure logit, "
            "arcsine or raw."
        )
    if problems:
        raise ReadError("\n".join(problems))


def named_columns(args: argparse.Namespace, columns: Iterable[str] = ()) -> dict[str, str]:
    """The columns that the analyses name, by their options; ``columns`` are those that there are."""
    named = {"--by": args.by} if args.by else {}
    if args.cumulative and not (args.cumulative == PRECISION and PRECISION not in columns):
        named["--cumulative"] = args.cumulative
    return named | {
        f"--moderators {column}" if len(args.moderators) > 1 else "--moderators": column for column in args.moderators or ()
    }


def columns_of(args: argparse.Namespace, table: Table) -> dict[str, Any]:
    """What :class:`Rows` need of a table: the columns that are named, and how their numbers are read."""
    columns = {column: read_texts(table, column) for column in dict.fromkeys(named_columns(args, table.columns).values())}
    return {"columns": columns, "number": lambda text: decimal_number(text, table.delimiter)}


def analyse(args: argparse.Namespace, rows: Rows, pooled: Any) -> list[Found]:
    """The analyses that the options ask for.

    Raises
    ------
    DataError
        Where one cannot be made of these data, with the name of its option.
    """
    found = []
    for name in asked(args):
        try:
            found.append(_MAKE[name](args, rows, pooled))
        except (ValueError, RuntimeError) as error:
            raise DataError(f"{_option(name)}: {as_options(str(error), args)}") from error
    return found


def in_words(
    args: argparse.Namespace, rows: Rows | None, pooled: Any, analyses: Sequence[Found]
) -> tuple[Rows | None, list[Found]]:
    """Rows and analyses as people read them: by the names of columns and codes where the rows have a vocabulary, else as they are.

    Groups and regressions are made again of the names, so that their notes and tests use them too; numbers and the levels that moderators
    are compared with stay those of the codes.
    """
    again = {"by": _by, "moderators": _moderators}
    if rows is None or rows.vocabulary is None or not any(found.option in again for found in analyses):
        return rows, list(analyses)
    named = [*([args.by] if args.by else []), *(args.moderators or ())]
    heads = _unlike({column: rows.vocabulary.dimension(column).label for column in dict.fromkeys(named)})
    words = {column: _words(rows, column) for column in heads}
    compared = {column: code for found in analyses for column, code in getattr(found.result, "references", {}).items()}
    named_rows = replace(
        rows,
        columns={heads.get(c, c): [words.get(c, {}).get(text, text) for text in texts] for c, texts in rows.columns.items()},
        references={heads[column]: words[column].get(code, code) for column, code in compared.items()},
    )
    options = argparse.Namespace(
        **{**vars(args), "by": heads.get(args.by), "moderators": [heads[column] for column in args.moderators or ()]}
    )
    return named_rows, [again[f.option](options, named_rows, pooled) if f.option in again else f for f in analyses]


def _words(rows: Rows, column: str) -> dict[str, str]:
    """The names of the codes in a column; what the vocabulary does not name, numbers among them, stays as it is."""
    vocabulary, codes = rows.vocabulary, list(dict.fromkeys(rows.columns[column]))
    assert vocabulary is not None, "only rows with a vocabulary are named"
    known = [c for c in codes if vocabulary.known(column, c) or all(vocabulary.known(column, part) for part in c.split("+"))]
    return _unlike({code: vocabulary.label(column, code) if code in known else code for code in codes})


def _unlike(names: Mapping[str, str]) -> dict[str, str]:
    """Names of codes, each its own: where two codes have one name, the code stands behind it."""
    shown = list(names.values())
    return {code: name if shown.count(name) == 1 else f"{name} ({code})" for code, name in names.items()}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _by(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import subgroup_effects, subgroup_proportions

    groups = rows.texts(args.by)
    if rows.kind == PROPORTIONS:
        return Found(
            "by",
            {"by": subgroup_proportions(*_counts(rows), groups, labels=rows.names, **rows.options)},
            "proportion",
            column=args.by,
        )
    way, notes = _way(rows)
    made = subgroup_effects(rows.yi, rows.vi, groups, labels=rows.names, **way)
    return Found("by", {"by": _reported(made, rows)}, _reported_scale(rows), notes, args.by)


def _moderators(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import meta_regression, regress_multilevel, regress_proportions

    moderators = {column: rows.values(column) for column in args.moderators}
    if rows.cluster is not None:
        options = {name: rows.options[name] for name in ("ci", "level")}
        labels = rows.names if len(set(rows.names)) == len(rows.names) else None
        made: Any = regress_multilevel(rows.yi, rows.vi, rows.cluster, moderators, labels=labels, rho=rows.rho, **options)
        return Found("moderators", {"moderators": made}, rows.scale, column=args.moderators)
    if rows.kind == PROPORTIONS:
        way, notes = _regression_way(rows)
        made = regress_proportions(*_counts(rows), moderators, labels=rows.names, reference=rows.references, **way)
        scale = {"logit": "log odds", "arcsine": "arcsine of the root", "raw": "proportion"}[way["measure"]]
        return Found("moderators", {"moderators": made}, scale, notes, args.moderators)
    way, notes = _way(rows)
    made = meta_regression(rows.yi, rows.vi, moderators, labels=rows.names, reference=rows.references, **way)
    return Found("moderators", {"moderators": made}, rows.scale, notes, args.moderators)


def _leave_one_out(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import leave_one_out, leave_one_out_effects

    if rows.kind == PROPORTIONS:
        made = leave_one_out(*_counts(rows), labels=rows.names, **rows.options)
        return Found("leave_one_out", {"leave_one_out": _without_notes_of(made, pooled)}, "proportion")
    way, notes = _way(rows)
    made = leave_one_out_effects(rows.yi, rows.vi, labels=rows.names, **way)
    return Found(
        "leave_one_out", {"leave_one_out": _without_notes_of(_reported(made, rows), pooled)}, _reported_scale(rows), notes
    )


def _cumulative(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import cumulative, cumulative_effects

    column = args.cumulative or None
    by: Any = rows.numbers(column, "--cumulative") if column in rows.columns else column
    if rows.kind == PROPORTIONS:
        made = cumulative(*_counts(rows), by=by, labels=rows.names, **rows.options)
        return Found("cumulative", {"cumulative": made}, "proportion", column=column)
    way, notes = _way(rows)
    made = cumulative_effects(rows.yi, rows.vi, by=by, labels=rows.names, **way)
    return Found("cumulative", {"cumulative": _reported(made, rows)}, _reported_scale(rows), notes, column)


def _influence(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import influence, proportion_effects
    from cordbook.synthesis.pooling.effects import DEFAULT_CI, EFFECT_MODELS

    if rows.kind != PROPORTIONS:
        way, notes = _way(rows)
        del way["level"]
        way["ci"] = way["ci"] or DEFAULT_CI[way["model"]]
        made = influence(rows.yi, rows.vi, labels=rows.names, **way)
        return Found("influence", {"influence": made}, rows.scale, notes)
    measure, model = rows.options["measure"], rows.options["model"]
    by_effects = model in EFFECT_MODELS
    effects = proportion_effects(*_counts(rows), measure=measure)
    way = (
        {"model": model, "ci": rows.options["ci"] or DEFAULT_CI[model], "hksj_floor": rows.options["hksj_floor"]}
        if by_effects
        else {"model": "reml"}
    )
    made = influence(effects.yi, effects.vi, labels=rows.names, **way)
    scale = {"logit": "log odds", "raw": "proportion"}.get(measure, "arcsine of the root")
    if by_effects:
        return Found("influence", {"influence": made}, scale)
    note = (
        f"Influence is judged by random effects (REML) of log odds, with 1/2 added where a study has no events or events only: --model {model} "
        "gives studies no effect and weight of their own. Leaving out a study (--leave-one-out) is by the model itself."
    )
    return Found("influence", {"influence": made}, scale, (note,))


def _bias(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    if rows.kind == PROPORTIONS:
        return _bias_of_proportions(rows, pooled)
    from cordbook.synthesis import arcsine_test, egger_test, funnel_effects, peters_test, selection_model, trim_and_fill

    way, notes = _way(rows)
    level, has_null = way["level"], rows.measure != "MN"
    data: dict[str, Any] = {"labels": rows.names, "level": level}
    parts: dict[str, Callable[[], Any]] = {
        "funnel": lambda: funnel_effects(rows.yi, rows.vi, null=0.0 if has_null else None, **data)
    }
    if rows.kind == ARMS:
        counted = [column[list(rows.kept or ())] for column in rows.counts or ()]
        parts |= {"peters": lambda: peters_test(*counted, **data)} if rows.measure == "OR" else {}
        parts |= {"arcsine": lambda: arcsine_test(*counted, **data)}
    parts |= {"egger": lambda: egger_test(rows.yi, rows.vi, **data)}
    notes += tuple(text for start, text in TOO_OFTEN.items() if (rows.measure or "").startswith(start))
    if has_null:
        direction = args.direction or ("greater" if _middle(pooled) > 0 else "less")
        model = "common" if way["model"] == "common" else "ml"
        parts |= {
            "trim_and_fill": lambda: trim_and_fill(rows.yi, rows.vi, labels=rows.names, **way),
            "selection_model": lambda: selection_model(rows.yi, rows.vi, direction=direction, model=model, **data),
        }
        if not args.direction:
            notes += (
                f"The selection model supposes that effects {'above' if direction == 'greater' else 'below'} no effect were wanted, as the pooled one is; --direction says otherwise.",
            )
    else:
        notes += (NO_NULL.format(what="mean"),)
    return _of_parts(parts, rows.scale, notes)


def _bias_of_proportions(rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import funnel_proportions, proportion_size_test
    from cordbook.synthesis.pooling.effects import EFFECT_MODELS

    level, model = rows.options["level"], rows.options["model"]
    data = {"labels": rows.names, "level": level}
    # The beta-binomial has no regression; that of the binomial-normal model is of the same counts.
    by = model if model in EFFECT_MODELS else "glmm"
    options = (
        {"hksj_floor": rows.options["hksj_floor"], "ci": "wald"} if by == "common" else {"hksj_floor": rows.options["hksj_floor"]}
    )
    parts = {
        "funnel": lambda: funnel_proportions(*_counts(rows), centre=pooled.estimate, **data),
        "size_test": lambda: proportion_size_test(*_counts(rows), model=by, **options, **data),
    }
    return _of_parts(parts, "log odds" if by == "glmm" else "arcsine of the root", (NO_NULL.format(what="proportion"),))


def _of_parts(parts: Mapping[str, Callable[[], Any]], scale: str, notes: tuple[str, ...]) -> Found:
    """All parts that can be made; what these data do not allow is told in a note, since the others hold all the same."""
    results, missing = {}, []
    for name, make in parts.items():
        try:
            results[name] = make()
        except (ValueError, RuntimeError) as error:
            results[name] = None
            missing.append(f"No {PART_NAMES[name]}: {error}")
    return Found("bias", results, scale, (*notes, *missing))


#: What the parts of ``--bias`` are called.
PART_NAMES = {
    "funnel": "funnel",
    "size_test": "test on size",
    "peters": "Peters' test",
    "arcsine": "arcsine test",
    "egger": "Egger's test",
    "trim_and_fill": "trim and fill",
    "selection_model": "selection model",
}


def _bayes(args: argparse.Namespace, rows: Rows, pooled: Any) -> Found:
    from cordbook.synthesis import HalfCauchy, HalfNormal, bayes_pool_effects, bayes_pool_proportions

    prior = {}
    if args.tau_prior:
        name, scale = args.tau_prior
        prior = {"tau_prior": (HalfNormal if name == "half-normal" else HalfCauchy)(scale)}
    data = {"labels": rows.names, "level": rows.options["level"]}
    if rows.kind == PROPORTIONS:
        average = getattr(pooled, "average", "median")
        return Found("bayes", {"bayes": bayes_pool_proportions(*_counts(rows), average=average, **prior, **data)}, "proportion")
    return Found("bayes", {"bayes": bayes_pool_effects(rows.yi, rows.vi, **prior, **data)}, rows.scale)


_MAKE: Mapping[str, Callable[[argparse.Namespace, Rows, Any], Found]] = {
    "by": _by,
    "moderators": _moderators,
    "leave_one_out": _leave_one_out,
    "cumulative": _cumulative,
    "influence": _influence,
    "bias": _bias,
    "bayes": _bayes,
}


def _counts(rows: Rows) -> tuple[NDArray[Any], ...]:
    assert rows.counts is not None, "proportions have counts"
    return rows.counts


def _way(rows: Rows) -> tuple[dict[str, Any], tuple[str, ...]]:
    """How effects are pooled by inverse variance, and what is said where the pooled result is by another model."""
    from cordbook.synthesis.results import MODEL_NAMES

    way, model = {name: rows.options[name] for name in ("model", "ci", "level", "hksj_floor")}, rows.options["model"]
    if model not in NEAREST:
        return way, ()
    way |= {"model": NEAREST[model], "ci": None}
    note = (
        f"Made from effects and their variances ({MODEL_NAMES[way['model']]}), of {len(rows.names)} studies on the scale of the {rows.scale}: "
        f"--model {model} has no such analysis of its own, so the result of all studies differs a little from the one above."
    )
    return way, (note,)


def _regression_way(rows: Rows) -> tuple[dict[str, Any], tuple[str, ...]]:
    """How proportions are regressed: by the model and the interval asked for where regression has them."""
    way = {name: rows.options[name] for name in ("measure", "model", "ci", "level", "hksj_floor")}
    notes = []
    if way["model"] == "betabinomial":
        way |= {"model": "glmm"}
        notes.append("Regression is by the binomial-normal model (glmm): --model betabinomial has none.")
    if way["ci"] not in (None, "wald", "hksj"):
        notes.append(f"--ci {way['ci']} is not of regression, whose intervals are Wald's here.")
        way |= {"ci": None}
    return way, tuple(notes)


def _reported(made: Any, rows: Rows) -> Any:
    """Rows on the scale on which the pooled result is reported."""
    import math

    return made.transformed(math.exp, rows.measure) if rows.is_ratio else made


def _reported_scale(rows: Rows) -> str:
    return rows.scale.removeprefix("log ") if rows.is_ratio else rows.scale


def _without_notes_of(made: Any, pooled: Any) -> Any:
    """An analysis without the notes that stand under the pooled result already."""
    return replace(made, notes=tuple(note for note in made.notes if note not in pooled.notes))


def _middle(pooled: Any) -> float:
    """The pooled effect on the scale of the model, where 0 is no effect."""
    scale = getattr(pooled, "model_scale", pooled)
    return float(scale.estimate)


def _columns(text: str) -> list[str]:
    """Names between commas; one that holds a comma stands in quotation marks."""
    names = split_names(text)
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r}: write names of columns with commas between them")
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} names a column twice")
    return names


def _no_file(text: str) -> str:
    """A column for ``--cumulative``, which would take a file that stands behind it for one."""
    if text.lower().endswith((".csv", ".tsv", ".txt")) or text == "-":
        raise argparse.ArgumentTypeError(f"{text!r} is taken for a column: put the file first, or --cumulative last")
    return text


def _prior(text: str) -> tuple[str, float]:
    name, _, scale = text.partition(":")
    try:
        value = float(scale)
    except ValueError:
        value = float("nan")
    if name.lower() in PRIORS and 0 < value < float("inf"):
        return name.lower(), value
    raise argparse.ArgumentTypeError(
        f"{text!r}: write half-normal:SCALE or half-cauchy:SCALE with a scale above 0, such as half-normal:0.5"
    )
