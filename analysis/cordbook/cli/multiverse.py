"""``cordbook multiverse``: a main result by every combination of defensible choices, on one core, many, or a cluster."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from cordbook.cli.shared import svg_file
from cordbook.core.columns import aligned
from cordbook.errors import NotWritten, UsageError, refused


def register(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "multiverse",
        help="compute a main result by every combination of choices",
        description="Compute a declared estimate by every combination of the choices in data/multiverse.yml: how many analyses there are, how many "
        "give which conclusion, and which choice moves the result most. Finished work stands in the project's store: after a kill the same command "
        "goes on where it stopped, and a second run looks everything up.",
        epilog="Examples: cordbook multiverse; cordbook multiverse ais-improved-cell-therapy --jobs 4 --figure curve.svg; "
        "cordbook multiverse ais-improved-cell-therapy --scheduler tcp://10.0.0.1:8786",
    )
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="an estimate whose choices are declared (default: all of them, in short)"
    )
    parser.add_argument(
        "--jobs", type=_jobs, default=1, metavar="N", help="processes on this machine; -1 is one a core (default: 1)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="address of a Dask scheduler, such as tcp://10.0.0.1:8786: its workers compute in place of this machine (needs the extra "
        "`cluster`; the same version of this package must be installed there)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON, with each analysis and its options")
    parser.add_argument("--figure", type=svg_file, metavar="FILE.svg", help="also draw the specification curve into this file")
    parser.add_argument("--quiet", action="store_true", help="do not say how far the work is")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cordbook.core.project import find_project
    from cordbook.core.store import store_of
    from cordbook.review.estimates.estimates import load_estimates
    from cordbook.review.multiverse.declarations import load_multiverses
    from cordbook.review.multiverse.multiverse import explore

    if options.scheduler and options.jobs != 1:
        raise UsageError("--jobs is for this machine and --scheduler for a cluster, which uses all its workers; give one of them")
    if options.figure and not options.id:
        raise UsageError("--figure draws the curve of one estimate; name it: cordbook multiverse ID --figure FILE.svg")
    project = find_project()
    store = store_of(project)
    store.report = lambda text: print(f"cordbook multiverse: {text}", file=sys.stderr)
    estimates = load_estimates(project.root, store)
    declared = load_multiverses(estimates)
    chosen = [declared[options.id]] if options.id else list(declared.declared)
    found = []
    for one in chosen:
        progress = None if options.quiet else _Progress(one.id)
        found.append(explore(estimates, one, store=store, jobs=options.jobs, scheduler=options.scheduler, progress=progress))
    if options.json:
        content = [m.to_dict() for m in found]
        print(json.dumps(content[0] if options.id else content, indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(_text(m, whole=bool(options.id)) for m in found))
    if options.figure:
        _draw(found[0], options.figure)
    return 0


class _Progress:
    """Says on standard error how far the work is: on one line of a terminal, else every tenth."""

    def __init__(self, name: str) -> None:
        self.name, self.begun, self.said = name, time.monotonic(), -1
        self.first: int | None = None

    def __call__(self, done: int, of: int) -> None:
        if self.first is None:
            self.first = done
            if done:
                print(f"{self.name}: {done:,} of {of:,} fits are in the store", file=sys.stderr)
        if done == self.first and done != of:
            return
        tenth = 10 * done // of if of else 10
        terminal = sys.stderr.isatty()
        if not terminal and tenth == self.said:
            return
        self.said = tenth
        seconds = time.monotonic() - self.begun
        fresh = done - self.first
        left = f", about {seconds / fresh * (of - done):.0f} s left" if fresh and done < of else f" in {seconds:.0f} s"
        if fresh:
            begin, end = ("\r", "\n" if done == of else "") if terminal else ("", "\n")
            print(f"{begin}{self.name}: {done:,} of {of:,} fits{left}   ", end=end, file=sys.stderr, flush=True)


def _text(found, *, whole: bool) -> str:
    """What was found for people: in one paragraph, and with ``whole`` in tables."""
    from cordbook.review.multiverse.words import distance, range_sentence, result_text, sentence

    lines = [f"{found.declared.synthesis.title} ({found.id})", sentence(found), range_sentence(found)]
    if found.own >= 0:
        lines.append(f"The book's own analysis gives {result_text(found, found.analyses[found.own])}.")
    if not whole:
        return "\n".join(lines)
    counted = [("analyses", "", "give"), *((f"{n:,}", f"{100 * n / len(found.analyses):.0f}%", c.text) for c, n in found.counted)]
    moves = [("choice", "moves it by, on average", "at most", "turns the conclusion")]
    for move in found.moves:
        if move.pairs:
            moves.append(
                (
                    move.choice.label,
                    distance(found, move.mean),
                    distance(found, move.greatest),
                    f"{100 * move.turned / move.pairs:.0f}%",
                )
            )
    alone = [("one choice changed", "option", "studies", "result (95% CI)")]
    alone += [(choice.label, option, f"{a.k:,}", result_text(found, a)) for choice, option, a in found.alone()]
    lines += ["", aligned(counted, right=(0, 1)), "", aligned(moves), "", aligned(alone, right=(2,)), ""]
    lines.append(
        f"{found.combinations:,} combinations of options exist: {len(found.analyses):,} analyses, {found.same:,} that come to one of them, "
        f"{found.too_few:,} that leave less than two studies, {found.failed:,} that cannot be computed."
    )
    lines += [f"Changes nothing today: {choice.label}, {option}." for choice, option in found.inert()]
    lines += [f"Left out: {what}. {why}" for what, why in found.declared.left_out]
    return "\n".join(lines)


def _draw(found, file: str) -> None:
    from cordbook.display.figures.curves.choices import Choices

    try:
        Choices(found).figure.save(Path(file))
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(refused(NotWritten(error.errno, error.strerror, file))) from error


def _jobs(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number == -1 or number >= 1:
        return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes: 1 or more, or -1 for one a core")
