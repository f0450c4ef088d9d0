"""Corrupt files of ``data/`` at random, seeded, and see what validation says: every broken rule named at its place, what is harmless accepted.

Four kinds of files, each with damage that breaks a rule for sure and damage that means nothing:

tables
    one cell of one row is set to what its column or a rule on its meaning refuses (a mutation of ``tests/evidence``), or the file is
    written otherwise (line ends, order of columns, quotation marks, blank rows at the end);
schema
    a constraint, key or unit of a column is taken out, or junk stands in its place; or an optional text is reworded;
declarations
    junk in place of a value, bytes taken out, a key twice; or comments and blank lines;
bibliography
    a field changed, an entry taken out or left without its head; or line ends, comments, capitals of the kind.

A case fails where a broken rule is not named in its file (and row), a harmless one is refused, an exception comes, or it takes longer than
``LIMIT_S``. Run::

    .venv/bin/python benchmarks/run_corruptions.py --cases 3000 --seed 1

Results: ``benchmarks/results/corruptions.json``.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from hypothesis.errors import UnsatisfiedAssumption  # noqa: E402
from tests.evidence.mutations import MUTATIONS  # noqa: E402
from tests.evidence.mutations_promises import PROMISE_MUTATIONS  # noqa: E402
from tests.evidence.mutations_screening import SCREENING_MUTATIONS  # noqa: E402

from cordbook.core.yaml import load_yaml  # noqa: E402
from cordbook.evidence import load_package, read_all  # noqa: E402
from cordbook.evidence.promises.contract import schema_problems  # noqa: E402
from cordbook.evidence.rules import Data  # noqa: E402
from cordbook.evidence.rules.bibliography import check_bibliography  # noqa: E402
from cordbook.evidence.rules.validation import check_tables  # noqa: E402
from cordbook.evidence.schema import Unreadable, parse_package  # noqa: E402
from cordbook.review.reporting.declared_files import validate_all  # noqa: E402

DATA = ROOT / "data"
PACKAGE = load_package(DATA)
RAW = read_all(DATA, PACKAGE)
DESCRIPTOR = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
BIBLIOGRAPHY = (ROOT / "references.bib").read_text(encoding="utf-8")
RULES = MUTATIONS | PROMISE_MUTATIONS | SCREENING_MUTATIONS
#: Warnings are named as well as errors; a case is slow beyond this, in seconds.
LIMIT_S = 60
JUNK: tuple[Any, ...] = (None, 5, -1, True, "", "zz", [], [1], {}, {"a": 1}, [[None]], "\ud800", float("nan"), "(a+)+$", "../x")
#: Parts of the schema that nothing depends on: a description may be reworded.
REWORDED = ("description", "title")
#: How a draw is tried anew where it does not suit a mutation.
TRIES = 60


class Draw:
    """Draws from the strategies that the mutations use, by a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def __call__(self, strategy: Any) -> Any:
        return getattr(
            self, f"_{type(strategy.wrapped_strategy if hasattr(strategy, 'wrapped_strategy') else strategy).__name__}"
        )(strategy)

    def _SampledFromStrategy(self, strategy: Any) -> Any:
        inner = getattr(strategy, "wrapped_strategy", strategy)
        return self.rng.choice(list(inner.elements))

    def _IntegersStrategy(self, strategy: Any) -> int:
        inner = getattr(strategy, "wrapped_strategy", strategy)
        return self.rng.randint(inner.start, inner.end)

    def _JustStrategy(self, strategy: Any) -> Any:
        return getattr(strategy, "wrapped_strategy", strategy).value

    def _BooleansStrategy(self, strategy: Any) -> bool:
        return self.rng.random() < 0.5


Outcome = tuple[str, str]


def table_case(rng: random.Random) -> Outcome:
    """Break one rule at one row; it must be named there."""
    rule = rng.choice(sorted(RULES))
    for _ in range(TRIES):
        try:
            mutated = RULES[rule](Draw(rng), RAW, PACKAGE)
        except UnsatisfiedAssumption:
            continue
        found = check_tables(PACKAGE, mutated.raw)
        named = any((p.rule, p.row, p.column) == (rule, mutated.row, mutated.column) for p in found)
        place = f"{rule} at {mutated.table} {mutated.row} {mutated.column}"
        return ("named" if named else "missed"), place
    return "skipped", rule


def table_form_case(rng: random.Random, folder: Path) -> Outcome:
    """Write one table in another form that says the same."""
    table = rng.choice(PACKAGE.tables)
    path = folder / table.path
    sound = path.read_bytes()
    rows = list(csv.reader(io.StringIO(sound.decode(), newline="")))

    def written(order: list[int], **options: Any) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, **({"lineterminator": "\n"} | options)).writerows([row[i] for i in order] for row in rows)
        return out.getvalue().encode()

    places = list(range(len(rows[0])))
    shuffled = rng.sample(places, len(places))
    forms = {
        "columns in another order": lambda: written(shuffled), "all quoted": lambda: written(places, quoting=csv.QUOTE_ALL),
        "windows line ends": lambda: written(places, lineterminator="\r\n"), "byte-order mark": lambda: b"\xef\xbb\xbf" + sound,
        "blank lines at the end": lambda: sound + b"\n\r\n",
    }  # fmt: skip
    name = rng.choice(sorted(forms))
    try:
        path.write_bytes(forms[name]())
        found = [p for p in check_tables(PACKAGE, {**RAW, **read_one(folder, table.name)}) if p.severity == "error"]
    finally:
        path.write_bytes(sound)
    return ("refused" if found else "accepted"), f"{table.path}: {name}"


def read_one(folder: Path, name: str) -> dict[str, Any]:
    from cordbook.evidence import read_rows

    table = PACKAGE.table(name)
    return {name: read_rows(folder / table.path, table)}


def schema_case(rng: random.Random) -> Outcome:
    """Take a promise out of the schema, or put junk in its place."""
    changed = copy.deepcopy(DESCRIPTOR)
    resource = rng.choice(changed["resources"])
    field = rng.choice(resource["schema"]["fields"])
    inside = [("constraints", key) for key in field.get("constraints", {})]
    own = [(key,) for key in field if key not in ("name", "type", "constraints", "title")]
    path = rng.choice([*own, *inside])
    part = field if len(path) == 1 else field[path[0]]
    if rng.random() < 0.5:
        del part[path[-1]]
        what = "taken out"
    else:
        junk = rng.choice(JUNK)
        if path[-1] in REWORDED and isinstance(junk, str) and junk.strip() and junk.isprintable():
            junk = 5
        if json.dumps(part[path[-1]]) == json.dumps(junk):
            return "skipped", "the same"
        part[path[-1]] = junk
        what = f"set to {junk!r}"
    place = f"{resource['name']}.{field['name']} {'.'.join(path)} {what}"
    try:
        found = [
            p for p in schema_problems(parse_package(json.dumps(changed))) if p.column == f"{resource['name']}.{field['name']}"
        ]
        if found:
            return "named", place
        found = [p for p in check_tables(parse_package(json.dumps(changed)), RAW) if p.severity == "error"]
        named = any(p.file == resource["path"] for p in found)
    except Unreadable as unreadable:
        named = all(p.file == "datapackage.json" for p in unreadable.problems)
    return ("named" if named else "open" if is_free(resource["name"], field["name"], path) else "missed"), place


def is_free(table: str, column: str, path: tuple[str, ...]) -> bool:
    """Is it a list or form that the contract leaves to each review?"""
    from cordbook.evidence.promises.contract import contract

    wanted = contract()["tables"][table]["columns"][column]
    return (path[-1] in ("enum", "implies") and "enum" not in wanted) or (path[-1] == "pattern" and wanted.get("pattern") == "")


def schema_form_case(rng: random.Random) -> Outcome:
    """Reword a description, or make a limit stricter than any value."""
    changed = copy.deepcopy(DESCRIPTOR)
    resource = rng.choice(changed["resources"])
    field = rng.choice([resource, *resource["schema"]["fields"]])
    field["description"] = f"{field.get('description', '')} In other words.".strip()
    found = list(schema_problems(parse_package(json.dumps(changed, indent=rng.choice([None, 1, 4])))))
    return ("refused" if found else "accepted"), f"{resource['name']}: reworded"


def declared_case(rng: random.Random, folder: Path) -> Outcome:
    """Damage a YAML file so that it cannot be what it was: a broken line, a key twice, a value of another kind under a needed key."""
    path = rng.choice(sorted(folder.glob("*.yml")))
    sound = path.read_text(encoding="utf-8")
    lines = sound.splitlines(keepends=True)
    kind = rng.choice(["bracket", "twice", "tab", "bytes", "whole"])
    content = load_yaml(sound)
    key = rng.choice(sorted(content))
    top = next((n for n, line in enumerate(lines) if line.lstrip("\"'").startswith(key)), 0)
    damage: dict[str, Callable[[], bytes]] = {
        "bracket": lambda: "".join([*lines[:top], f"{key}x: [1\n", *lines[top:]]).encode(),
        "twice": lambda: "".join([*lines, f"{key}: 1\n"]).encode(),
        "tab": lambda: "".join([*lines[:top], "\t- x: y\n", *lines[top:]]).encode(),
        "bytes": lambda: sound.encode()[: rng.randrange(len(sound))] + b"\xff\xfe" + sound.encode()[-20:],
        "whole": lambda: json.dumps(rng.choice([5, "text", [1, 2], [], True])).encode(),
    }
    try:
        path.write_bytes(damage[kind]())
        found = [p for p in validate_all(folder, with_text=False).problems if p.severity == "error" and p.file == path.name]
    finally:
        path.write_text(sound, encoding="utf-8")
    return ("named" if found else "missed"), f"{path.name}: {kind} at {key}"


def declared_form_case(rng: random.Random, folder: Path) -> Outcome:
    """Add comments and blank lines, or a byte-order mark and other line ends."""
    path = rng.choice(sorted(folder.glob("*.yml")))
    sound = path.read_bytes()
    form = rng.choice(["comment", "line ends", "mark"])
    forms = {"comment": sound + b"\n# looked at\n\n", "line ends": sound.replace(b"\n", b"\r\n"), "mark": b"\xef\xbb\xbf" + sound}
    try:
        path.write_bytes(forms[form])
        found = [p for p in validate_all(folder, with_text=False).problems if p.severity == "error"]
    finally:
        path.write_bytes(sound)
    return ("refused" if found else "accepted"), f"{path.name}: {form}"


def bibliography_case(rng: random.Random, folder: Path, *, harmless: bool) -> Outcome:
    """Damage one entry of references.bib, or write it otherwise."""
    entries = BIBLIOGRAPHY.split("\n@")
    number = rng.randrange(1, len(entries))
    entry = entries[number]
    line = rng.choice([t for t in entry.splitlines() if " = {" in t])
    name, _, value = line.partition(" = {")
    ways = {
        "another value": entry.replace(line, f"{name} = {{Zz{value}"), "field gone": entry.replace(f"{line}\n", ""),
        "field more": entry.replace(line, f"{line}\n  keywords = {{x}},"), "script": entry.replace(line, f"{line}\n  url = {{javascript:alert(1)}},"),
        "unseen": entry.replace(line, f"{name} = {{\u202e{value}"), "kind": f"nosuch{entry}", "gone": "", "twice": f"{entry}\n@{entry}",
    }  # fmt: skip
    same = {
        "capitals": entry[: entry.index("{")].upper() + entry[entry.index("{") :], "blanks": entry.replace(" = {", "={"),
        "comment": f"{entry.rstrip()}\n\n% looked at\n", "braces": entry.replace(line, f"{name} = {{{{{value[:-2]}}}}},"),
    }  # fmt: skip
    kind, changed = rng.choice(sorted((same if harmless else ways).items()))
    parts = [*entries[:number], *([changed] if changed else []), *entries[number + 1 :]]
    path = folder.parent / "references.bib"
    path.write_text("\n@".join(parts), encoding="utf-8")
    found = list(check_bibliography(path, Data(PACKAGE, RAW)))
    if harmless:
        return ("refused" if found else "accepted"), f"{kind} {entry[:40]!r}"
    return ("named" if found else "missed"), f"{kind} {entry[:40]!r}"


class Slow(Exception):
    """A case took longer than it may."""


def run(cases: int, seed: int, report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Judge so many cases; ``report`` gets the result so far after every hundred."""
    rng = random.Random(seed)
    tally: dict[str, Counter[str]] = {}
    failed: list[list[str]] = []
    longest = 0.0

    def alarm(*_: object) -> None:
        raise Slow

    signal.signal(signal.SIGALRM, alarm)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "data"
        shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("raw"))
        kinds: list[tuple[str, int, Callable[[], Outcome]]] = [
            ("tables, a rule broken", 40, lambda: table_case(rng)),
            ("tables, written otherwise", 8, lambda: table_form_case(rng, folder)),
            ("schema, a promise broken", 22, lambda: schema_case(rng)),
            ("schema, reworded", 4, lambda: schema_form_case(rng)),
            ("declarations, broken", 10, lambda: declared_case(rng, folder)),
            ("declarations, written otherwise", 2, lambda: declared_form_case(rng, folder)),
            ("bibliography, broken", 10, lambda: bibliography_case(rng, folder, harmless=False)),
            ("bibliography, written otherwise", 4, lambda: bibliography_case(rng, folder, harmless=True)),
        ]
        done = 0
        while done < cases:
            name, _, case = rng.choices(kinds, [weight for _, weight, _ in kinds])[0]
            begun = time.perf_counter()
            signal.alarm(LIMIT_S)
            try:
                outcome, what = case()
            except Slow:
                outcome, what = "slow", name
            except Exception:
                outcome, what = "crash", traceback.format_exc()[-600:]
            signal.alarm(0)
            if outcome == "skipped":
                continue
            longest = max(longest, time.perf_counter() - begun)
            tally.setdefault(name, Counter())[outcome] += 1
            done += 1
            if outcome in ("missed", "refused", "crash", "slow"):
                failed.append([name, outcome, what])
            if done % 100 == 0:
                report(_result(done, seed, tally, longest, failed))
    return _result(done, seed, tally, longest, failed)


def _result(done: int, seed: int, tally: dict[str, Counter[str]], longest: float, failed: list[list[str]]) -> dict[str, Any]:
    outcomes = {name: dict(sorted(counts.items())) for name, counts in sorted(tally.items())}
    return {"cases": done, "seed": seed, "outcomes": outcomes, "longest_s": round(longest, 1), "failed": failed}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "corruptions.json")
    options = parser.parse_args()

    def write(result: dict[str, Any]) -> None:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(result["cases"], len(result["failed"]), flush=True)

    result = run(options.cases, options.seed, write)
    write(result)
    print(json.dumps({k: v for k, v in result.items() if k != "failed"}, indent=1))
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
