"""Further analyses as text: the summary of each and, under it, an aligned table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cordbook.cli.further import Found, Rows
from cordbook.core.columns import aligned

MARK = "*"
#: Columns of a table: what reads from the left stands first, numbers line up on the right.
Table = list[list[str]]


def texts_of(analyses: Sequence[Found], rows: Rows, pooled: Any) -> list[str]:
    """The analyses for people: of each what was found, notes that were not told before, and tables."""
    told, texts = set(pooled.notes), []
    for found in analyses:
        summary, tables = _SHOWN[found.option](found, rows, pooled)
        own = (note for result in found.results.values() for note in getattr(result, "notes", ()))
        notes = [note for note in dict.fromkeys((*own, *found.notes)) if note not in told]
        told.update(notes)
        texts.append("\n\n".join(["\n".join([*summary, *(f"  note: {note}" for note in notes)]), *tables]))
    return texts


def _lines(result: Any) -> list[str]:
    """The summary of a result without its notes, which stand with those of the analysis."""
    whole = result.summary().splitlines()
    return [line for line in whole if not line.startswith("  note: ")]


def _table(rows: Table, *, left: int = 1, under: str = "") -> str:
    text = aligned(rows, right=range(left, len(rows[0])))
    return f"{text}\n{under}" if under else text


def _number(value: float | None) -> str:
    from cordbook.synthesis.results import significant

    return "" if value is None else significant(value)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_number(low)} to {_number(high)}"


def _p(value: float | None) -> str:
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}".removesuffix(".0")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}%"


def _back(rows: Rows) -> Callable[[float], float]:
    """From the scale of the model to that of the report."""
    import math

    return math.exp if rows.is_ratio else float


def _head(level: float) -> str:
    return f"{level * 100:g}% CI"


def _pooled_rows(first: str, shown: Sequence[Any], level: float) -> Table:
    table = [[first, "studies", "estimate", _head(level), "tau2", "I2"]]
    return table + [
        [row.label, str(row.k), _number(row.estimate), _interval(row.ci_low, row.ci_high), _number(row.tau2), _percent(row.i2)]
        for row in shown
    ]


def _by(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made = found.result
    first, *rest = _lines(made)
    # The groups stand in the table; what is left is the test between them.
    summary = [
        f"{first}, by {found.column}",
        *(line for line in rest if made.between and line.startswith(f"  {made.between.name}")),
    ]
    return summary, [_table(_pooled_rows(str(found.column), (*made.groups, made.overall), made.level))]


def _moderators(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made = found.result
    first, *rest = made.model_lines()
    logs = found.scale.startswith("log ")
    head = ["coefficient", "estimate", "SE", _head(made.level), "statistic", "df", "p"]
    ratio = {"log odds": "odds ratio"}.get(found.scale, found.scale.removeprefix("log "))
    table = [[*head, *([f"as {ratio}", _head(made.level)] if logs else [])]]
    for c in made.coefficients:
        line = [
            c.name,
            _number(c.estimate),
            _number(c.se),
            _interval(c.ci_low, c.ci_high),
            _number(c.statistic),
            _degrees(c.df),
            _p(c.p),
        ]
        table.append(line + (_as_ratio(c, found.scale) if logs else []))
    return [first, f"  on the scale of the {found.scale}", *rest], [_table(table)]


def _as_ratio(coefficient: Any, scale: str) -> list[str]:
    """A coefficient as a ratio: of the intercept of log odds, which is the odds of a group and no ratio, nothing."""
    import math

    if scale == "log odds" and coefficient.name == "intercept":
        return ["", ""]
    try:
        middle, low, high = (math.exp(value) for value in (coefficient.estimate, coefficient.ci_low, coefficient.ci_high))
    except OverflowError:
        return ["", ""]
    return [_number(middle), _interval(low, high)]


def _leave_one_out(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made = found.result
    return _lines(made), [_table(_pooled_rows("without", (*made.rows, made.full), made.level))]


def _cumulative(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made = found.result
    order = f" in the order of {found.column}" if found.column else " in the order given"
    table = _pooled_rows("came in", made.rows, made.level)
    if made.by is not None:
        table = [[line[0], str(found.column) if i == 0 else f"{made.by[i - 1]:g}", *line[1:]] for i, line in enumerate(table)]
    return [f"{_lines(made)[0]}{order}"], [_table(table)]


def _influence(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made = found.result
    table = [
        ["study", "residual", "DFFITS", "Cook's distance", "covariance ratio", "tau2 without", "Q without", "leverage", "weight"]
    ]
    for case in made.cases:
        name = case.label + MARK * case.influential
        values = (case.rstudent, case.dffits, case.cooks_distance, case.cov_ratio, case.tau2_deleted, case.q_deleted, case.hat)
        table.append([name, *map(_number, values), _percent(case.weight)])
    under = f"{MARK} influential by the limits of Viechtbauer and Cheung (2010)" if made.influential else ""
    return _lines(made), [_table(table, under=under)]


def _bias(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    tests = {name: found.results[name] for name in ("size_test", "peters", "arcsine", "egger") if found.results.get(name)}
    funnel = found.results["funnel"]
    summary = [f"Small-study effects of {len(rows.names)} studies (on the scale of the {found.scale})"]
    if funnel is not None:
        summary.append(f"  funnel: {_funnel_words(funnel)}")
    table = [["test", "regressed on", "statistic", "df", "p"]]
    for test in tests.values():
        table.append([test.test, test.predictor, _number(test.statistic), _degrees(test.df) or "normal", _p(test.p)])
    tables = [_table(table, left=2)] if tests else []
    adjusted = _adjusted(found, rows, pooled)
    return summary, [*tables, *([_table(adjusted)] if len(adjusted) > 2 else []), *_weights(found)]


def _funnel_words(funnel: Any) -> str:
    by = "sizes" if funnel.axis == "n" else "standard errors"
    return f"{len(funnel.x)} studies by their {by}, {min(funnel.y):.4g} to {max(funnel.y):.4g}, around {funnel.centre:.4g}"


def _adjusted(found: Found, rows: Rows, pooled: Any) -> Table:
    """The pooled effect beside what it would be by each way to allow for small-study effects, on the scale of the report."""
    back = _back(rows)
    table = [["pooled effect", "estimate", _head(pooled.level)]]
    if not (found.results.get("trim_and_fill") or found.results.get("selection_model") or found.results.get("egger")):
        return table

    def line(name: str, estimate: float, low: float | None, high: float | None) -> None:
        ends = (None, None) if low is None or high is None else (back(low), back(high))
        table.append([name, _number(back(estimate)), _interval(*ends) or "not estimable"])

    table.append(["as reported", _number(pooled.estimate), _interval(pooled.ci_low, pooled.ci_high)])
    if filled := found.results.get("trim_and_fill"):
        added = "1 study" if filled.k0 == 1 else f"{filled.k0 or 'no'} studies"
        line(
            f"trim and fill, {added} added on the {filled.side}",
            filled.adjusted.estimate,
            filled.adjusted.ci_low,
            filled.adjusted.ci_high,
        )
    if selected := found.results.get("selection_model"):
        line(f"selection model, p of selection {_p(selected.p)}", selected.estimate, selected.ci_low, selected.ci_high)
    if egger := found.results.get("egger"):
        line("infinitely large study (Egger)", egger.limit, egger.limit_ci_low, egger.limit_ci_high)
    return table


def _weights(found: Found) -> list[str]:
    """How much rarer results are published by their p-value, as the selection model has it."""
    selected = found.results.get("selection_model")
    if not selected:
        return []
    table = [[f"p, one-sided for {selected.direction}", "studies", "weight", _head(selected.level)]]
    for weight in selected.weights:
        ends = "" if weight.se is None else _interval(weight.ci_low, weight.ci_high)
        table.append([f"{weight.p_low:g} to {weight.p_high:g}", str(weight.k), _number(weight.weight), ends])
    return [_table(table)]


def _bayes(found: Found, rows: Rows, pooled: Any) -> tuple[list[str], list[str]]:
    made, back = found.result, _back(rows)
    counted = hasattr(made, "events")
    level = f"{made.level * 100:g}% credible"
    head = ["study", *(["events"] if counted else []), "observed", "given all", level]
    if counted:
        body = [
            [s.label, f"{s.events}/{s.n}", _number(s.observed), _number(s.estimate), _interval(s.ci_low, s.ci_high)]
            for s in made.studies
        ]
    else:
        shown = [(s.label, *map(back, (s.yi, s.estimate, s.ci_low, s.ci_high))) for s in made.studies]
        shown += [
            ("pooled effect", None, *map(back, (made.estimate, made.ci_low, made.ci_high))),
            ("a new study", None, *map(back, (made.new_study.median, made.pi_low, made.pi_high))),
        ]
        body = [[label, _number(seen), _number(middle), _interval(low, high)] for label, seen, middle, low, high in shown]
    summary = _lines(made)
    on = [] if counted else [f"  on the scale of the {found.scale}"]
    return [summary[0], *on, *summary[1:]], [_table([head, *body])]


_SHOWN: dict[str, Callable[[Found, Rows, Any], tuple[list[str], list[str]]]] = {
    "by": _by,
    "moderators": _moderators,
    "leave_one_out": _leave_one_out,
    "cumulative": _cumulative,
    "influence": _influence,
    "bias": _bias,
    "bayes": _bayes,
}
