"""Whatever comes from outside is told or taken, and never more: the corpus, and a short run that draws the same every time.

``make fuzz SECONDS=600`` draws new inputs for that long; what it finds goes into the corpus and is played here from then on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import run
from tests.fuzz.draws import inputs
from tests.fuzz.kinds import KINDS, ROOT, Kind, corpus, named, table_names
from tests.marks import every, examples

PLAYED = [(kind, path.name) for kind in KINDS for path in corpus(kind)]


def test_every_kind_has_a_corpus_of_small_inputs():
    for kind in KINDS:
        assert corpus(kind)
        assert all(path.stat().st_size < 20_000 for path in corpus(kind))


@pytest.mark.parametrize(("kind", "name"), PLAYED, ids=lambda part: part)
def test_the_corpus_finds_nothing(kind, name):
    KINDS[kind].judge(next(path for path in corpus(kind) if path.name == name).read_bytes())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sound_is_told_to_be(kind):
    for content in KINDS[kind].sound()[:: every(4)]:
        KINDS[kind].judge(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_run_finds_nothing(kind):
    @settings(
        max_examples=examples(10), deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(inputs(KINDS[kind]))
    def judged(content):
        KINDS[kind].judge(content)

    judged()


def test_a_fault_that_is_found_goes_into_the_corpus_small(tmp_path, capsys):
    """A kind with a planted fault: bytes that hold two marks."""

    def judge(given: bytes) -> None:
        assert given.count(b"\x00") < 2, "planted"

    planted = Kind("tables", lambda: (named(table_names()[0], b"a,b\n1,2\n"),), judge)
    [found] = run.fuzz({"tables": planted}, seconds=600, seed=3, target=tmp_path, turns=20)
    assert found.kind == "tables" and "planted" in found.error
    [kept] = (tmp_path / "tables").iterdir()
    assert kept.read_bytes().count(b"\x00") >= 2
    assert len(kept.read_bytes()) <= 200
    assert "1 fault" in capsys.readouterr().out


def test_make_fuzz_runs_for_the_seconds_asked():
    done = subprocess.run(["make", "--dry-run", "fuzz", "SECONDS=7"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "-m tests.fuzz.run --seconds 7" in done.stdout


def test_the_command_ends_with_a_summary():
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--seconds", "1", "--kinds", "releases", "--seed", "1"],
        cwd=Path(ROOT), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "releases" in done.stdout and "no fault" in done.stdout
