"""Declared files are judged together, before any chapter runs, by the loaders that chapters use."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest

from cordbook.core.yaml import load_yaml
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.declared_files import CHECKS, declared_problems, explain_declared, validate_all

#: Text of a file, what stands in its place, and what is told of it.
BROKEN = {
    "review.yml": ("main_results:\n", "main_results:\n  - no-such-estimate\n", "main_results names no-such-estimate"),
    "certainty.yml": ("{estimate: natural-ais-a-late}", "{estimate: natural-late}", "no estimate 'natural-late'"),
    "risk_of_bias.yml": ("items:\n", "items:\n  - {id: x}\n", "x: "),
    "replication.yml": ("P001", "P999", "P001: stands in no place"),
    "claim_tests.yml": ("tests:\n", "tests:\n  - {claim: no-such-claim, rule: frequency}\n", "no-such-claim"),
    "multiverse.yml": ("estimates: [sae-related-cell-therapy]", "estimates: [sae-related]", "no estimate 'sae-related'"),
    "reporting_checklist.yml": ("state: met", "state: done", "state is 'done'"),
}


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    copy = tmp_path_factory.mktemp("declared") / "data"
    return shutil.copytree(root / "data", copy, ignore=shutil.ignore_patterns("raw"))


def test_the_declared_files_of_the_review_hold(estimates):
    assert declared_problems(estimates) == ()


def test_all_problems_of_all_files_are_told_at_once(folder):
    assert set(BROKEN) == set(CHECKS)
    before = {name: (folder / name).read_text(encoding="utf-8") for name in BROKEN}
    for name, (text, broken, _) in BROKEN.items():
        assert text in before[name], name
        (folder / name).write_text(before[name].replace(text, broken, 1), encoding="utf-8")
    found = declared_problems(load_estimates(folder.parent))
    for name, text in before.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert len(found) == len(BROKEN)
    for name, (_, _, told) in BROKEN.items():
        [text] = [text for text in found if name in text]
        assert told in text
        assert text in explain_declared(found)


def test_a_published_row_that_stands_in_no_place_is_told_and_a_review_without_the_files_has_none(folder):
    path = folder / "published_pooled.csv"
    header, first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([header, first, *rest, first.replace("P001", "P999", 1)]), encoding="utf-8")
    [told] = declared_problems(load_estimates(folder.parent))
    assert "P999: stands in no place; set it beside an estimate" in told
    path.write_text("".join([header, first, *rest]), encoding="utf-8")
    for name in set(BROKEN) - {"review.yml"}:
        (folder / name).unlink()
    assert declared_problems(load_estimates(folder.parent)) == ()


FILES = (*CHECKS, "syntheses.yml", "natural_course.yml")


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory):
    copy = tmp_path_factory.mktemp("whole") / "data"
    return shutil.copytree(root / "data", copy, ignore=shutil.ignore_patterns("raw"))


def found_of(folder, name):
    return [p for p in validate_all(folder, with_text=False).problems if p.file == name and p.severity == "error"]


def line_with(folder, name, text):
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return 1 + next(n for n, line in enumerate(lines) if text in line)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_yaml_is_told_with_its_line(name, whole):
    path = whole / name
    sound = path.read_bytes()
    try:
        for broken, line in (
            (b"a: 1\nb: [1\nc: 2\n", 3),
            (b"a: 1\na: 2\n", 2),
            (b"[" * 100_000, 1),
            (b"a: \xff\n", None),
            (b"a: 2026-13-45", 1),
        ):
            path.write_bytes(broken)
            [problem] = found_of(whole, name)
            assert problem.row == line, broken[:20]
            assert problem.rule == "declared"
            assert problem.remedy
    finally:
        path.write_bytes(sound)


PLACED = {
    "review.yml": ("report_to:", "report_to: javascript:alert(1)", "report_to:"),
    "certainty.yml": ("domain: ", "domain: zz", "domain: zz"),
    "syntheses.yml": ("main: ais-improved-cell-therapy\n", "main: nothing-here\n", "main: nothing-here"),
    "claim_tests.yml": ("claim: S009", "claim: S999", "claim: S999"),
    "replication.yml": ("P001", "P999", None),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_problem_is_told_at_its_line(name, whole):
    text, broken, at = PLACED[name]
    path = whole / name
    sound = path.read_text(encoding="utf-8")
    assert text in sound
    try:
        path.write_text(sound.replace(text, broken, 1), encoding="utf-8")
        found = found_of(whole, name)
        assert found
        assert all(p.message and p.remedy for p in found)
        if at:
            assert line_with(whole, name, at) in {p.row for p in found}
    finally:
        path.write_text(sound, encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_junk_anywhere_in_a_declared_file_is_no_crash(name, whole):
    import yaml

    path = whole / name
    sound = path.read_text(encoding="utf-8")
    rng = random.Random(name)
    try:
        for junk in rng.sample([None, 5, -1.5, True, "", "x", [], [1], {}, {"a": 1}, [[None]], "2026-11-20"], 3):
            content = load_yaml(sound)
            part = content
            while True:
                key = rng.choice(list(part) if isinstance(part, dict) else range(len(part)))
                if not isinstance(part[key], dict | list) or not part[key] or rng.random() < 0.2:
                    part[key] = junk
                    break
                part = part[key]
            path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
            assert all(p.message and p.remedy for p in found_of(whole, name))
    finally:
        path.write_text(sound, encoding="utf-8")


def test_rows_that_are_gone_since_the_last_commit_are_told_with_their_number(whole):
    root = whole.parent

    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments],
            check=True,
            capture_output=True,
        )

    git("init", "-q")
    git("add", "data")
    git("commit", "-qm", "all")
    path = whole / "integrity_notices.csv"
    sound = path.read_text(encoding="utf-8")
    try:
        lines = sound.splitlines(keepends=True)
        path.write_text("".join(lines[:-2]) + lines[-2][:20], encoding="utf-8")
        told = {p.rule: p for p in validate_all(whole).problems if p.file == "integrity_notices.csv"}
        count = len(lines) - 1
        assert told["rows-kept"].severity == told["whole-file"].severity == "warning"
        assert f"1 of the {count} rows of the last commit is gone" in told["rows-kept"].message
        path.write_text(sound, encoding="utf-8")
        assert not [p for p in validate_all(whole).problems if p.rule in ("rows-kept", "whole-file")]
    finally:
        path.write_text(sound, encoding="utf-8")
        shutil.rmtree(root / ".git")
