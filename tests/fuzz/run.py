"""Fuzz for a given time: new inputs of each kind in turn, a summary, and what was found put into the corpus.

python -m tests.fuzz.run --seconds 600 [--kinds tables,imports] [--seed N]
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.draws import inputs
from tests.fuzz.kinds import CORPUS, KINDS, Kind

#: Inputs of a kind before the next kind has its turn.
BATCH = 60
#: An input that takes longer is told: nothing here has a reason to.
SLOW_S = 20.0


@dataclass(frozen=True)
class Found:
    """A fault: its kind, the error, and where the smallest input that shows it is kept."""

    kind: str
    error: str
    path: Path


class Slow(AssertionError):
    """An input took longer than any may."""


def fuzz(kinds: Mapping[str, Kind], seconds: float, seed: int, target: Path = CORPUS, turns: int | None = None) -> list[Found]:
    """Draw inputs until the time is over, or so many ``turns`` are; returns each fault once. A kind with a fault goes on with other draws."""
    end = time.monotonic() + seconds
    tried: Counter[str] = Counter()
    found: dict[tuple[str, str], Found] = {}
    turn = 0
    while time.monotonic() < end and turn != turns:
        kind = list(kinds.values())[turn % len(kinds)]
        fault = _batch(kind, seed * 1_000_003 + turn, end, tried)
        if fault is not None:
            place, error, content = fault
            if (kind.name, place) not in found:
                found[kind.name, place] = Found(kind.name, error, _keep(target / kind.name, content))
                print(f"{kind.name}: {error}", flush=True)
        turn += 1
    for name in kinds:
        mine = [f for f in found.values() if f.kind == name]
        faults = f"{len(mine)} fault{'s' if len(mine) > 1 else ''}" if mine else "no fault"
        print(f"{name}: {tried[name]:,} inputs, {faults}")
        for fault in mine:
            print(f"  {fault.path.name}: {fault.error}")
    return list(found.values())


def _batch(kind: Kind, number: int, end: float, tried: Counter[str]) -> tuple[str, str, bytes] | None:
    """Some inputs of a kind; the place, the words and the smallest input of a fault, if there is one."""
    smallest: list[bytes] = []

    @seed(number)
    @settings(
        max_examples=BATCH, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    @given(inputs(kind))
    def judged(content: bytes) -> None:
        if not smallest and time.monotonic() > end:
            return
        tried[kind.name] += 1
        begun = time.perf_counter()
        try:
            kind.judge(content)
        except Exception:
            if not smallest or len(content) <= len(smallest[-1]):
                smallest.append(content)
            raise
        if time.perf_counter() - begun > SLOW_S:
            smallest.append(content)
            raise Slow(f"took more than {SLOW_S:.0f} s")

    try:
        judged()
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        words = str(error).splitlines()[0][:200] if str(error) else ""
        return place, f"{type(error).__name__} at {place}: {words}", smallest[-1] if smallest else b""
    return None


def _keep(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"found-{hashlib.sha256(content).hexdigest()[:10]}"
    path.write_bytes(content)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    found = fuzz({name: KINDS[name] for name in options.kinds.split(",")}, options.seconds, options.seed)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
