"""Screening: decisions that survive, queues, agreement, order, stopping, files, and the real thing in a pseudo-terminal."""

from __future__ import annotations

import csv
import os
import pty
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.evidence.screening import TITLE_ABSTRACT, settle
from cordbook.intake.records.decisions import COLUMNS, Decisions
from cordbook.intake.records.store import read_rows, write_tables
from cordbook.intake.screening.features import PRICE, RATIO, Machine, tfidf
from cordbook.intake.screening.files import read_ris, read_sheet, take
from cordbook.intake.screening.ranking import PLAIN, ranked
from cordbook.intake.screening.screening import NotAllowed, agreements, conflicts, decision_row, load_items, queue
from cordbook.intake.screening.stopping import MOST_ODDS, hypergeometric, stopping

REASONS = [
    {"reason": "not_human", "label": "Not in people", "explanation": "-", "key": "1"},
    {"reason": "other_reason", "label": "Other", "explanation": "-", "key": "9"},
]
EVIL = "Cord injury\x1b[2J\x1b]0;owned\x07 trial <script>alert(1)</script>"


@pytest.fixture
def project(intake_project):
    data = intake_project / "data"
    (data / "screening.csv").write_text(",".join(COLUMNS) + "\n")
    (data / "exclusion_reasons.csv").write_text(
        "reason,label,explanation,key\n" + "".join(",".join(r.values()) + "\n" for r in REASONS)
    )
    search = {
        "search_id": "S1",
        "source": "PubMed",
        "searched_on": "2026-11-20",
        "searched_by": "t",
        "fetched": "4",
        "complete": "yes",
    }
    titles = ["Spinal cord injury", "=HYPERLINK(1) rats", EVIL, "A copy of the first"]
    records = [
        {"record_id": f"pubmed.{i}", "search_id": "S1", "source": "PubMed", "title": t, "received_on": "2026-11-20"}
        for i, t in enumerate(titles, 1)
    ]
    merge = {
        "record_id": "pubmed.4",
        "same_as_record": "pubmed.1",
        "method": "person",
        "decided_by": "t",
        "decided_on": "2026-11-20",
    }
    write_tables(
        data,
        {
            "searches": [search],
            "records": records,
            "abstracts": [{"record_id": "pubmed.1", "abstract": "Ten patients."}],
            "record_merges": [merge],
        },
    )
    return intake_project


def screened(project):
    return [(r["record_id"], r["reviewer"], r["decision"], r["reason"]) for r in read_rows(project / "data", "screening")]


def cordbook(project, *arguments, keys=""):
    return subprocess.run(
        [sys.executable, "-m", "cordbook", *arguments], cwd=project, input=keys, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip


def test_two_people_a_conflict_and_a_third(project, monkeypatch, capsys):
    """Through the command: keys from a pipe, every decision a row, the third settles what differs."""
    first = cordbook(project, "screen", "--as", "A", keys="i\nu\nr\n1\n")
    assert first.returncode == 0, first.stderr
    assert "\x1b" not in first.stdout
    assert "owned" not in first.stdout
    assert "*" in first.stdout  # eligibility words are marked
    assert screened(project) == [
        ("pubmed.1", "A", "include", ""),
        ("pubmed.3", "A", "unsure", ""),
        ("pubmed.2", "A", "exclude", "not_human"),
    ]
    assert cordbook(project, "screen", "--as", "B", keys="i\ne\nb\ni\ne\nz\n").returncode == 0
    # Back: the second record was judged again; the later row stands. One key excludes.
    assert screened(project)[3:] == [
        ("pubmed.1", "B", "include", ""), ("pubmed.3", "B", "exclude", ""), ("pubmed.3", "B", "include", ""), ("pubmed.2", "B", "exclude", ""),
    ]  # fmt: skip
    own = cordbook(project, "screen", "--resolve", "--as", "A", keys="i\n")
    assert "a third person" in own.stdout
    third = cordbook(project, "screen", "--resolve", "--as", "C", keys="i\n")
    assert "A: unsure" in third.stdout
    assert "1 settled, 0 to go" in third.stdout
    monkeypatch.chdir(project)
    assert main(["screen", "--status"]) == 0
    said = capsys.readouterr().out
    assert "title abstract: 3 records, 2 include, 1 exclude, 0 waiting" in said
    assert "A and B: 2 of 3 alike" in said


def test_full_reports_need_a_study(project):
    for person in "AB":
        cordbook(project, "screen", "--as", person, keys="i\ne\ne\n")
    done = cordbook(project, "screen", "--stage", "full_text", "--as", "A", keys="i\nNot a key\ni\nnew2027\n")
    assert "names its study by a key" in done.stdout
    row = read_rows(project / "data", "screening")[-1]
    assert (row["stage"], row["record_id"], row["study_id"]) == ("full_text", "pubmed.1", "new2027")


def test_keys_in_a_real_terminal_and_a_kill(project):
    """One key, no Enter; killed hard right after the second decision is shown: both rows are there, and the queue goes on."""
    process, master = _in_terminal(project, "screen", "--as", "A")
    _until(master, "q] quit >")
    os.write(master, b"i")
    assert "2 to go" in _until(master, "q] quit >")
    os.write(master, b"e")
    shown = _until(master, "1 to go")
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(master)
    assert "\x1b[2J" not in shown
    assert screened(project) == [("pubmed.1", "A", "include", ""), ("pubmed.3", "A", "exclude", "")]
    again = cordbook(project, "screen", "--as", "A", keys="u\n")
    assert "nothing waits" in again.stdout
    assert len(screened(project)) == 3


def _in_terminal(project, *arguments):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cordbook", *arguments], cwd=project, stdin=slave, stdout=slave, stderr=slave,
        env=os.environ | {"TERM": "xterm"}, close_fds=True,
    )  # fmt: skip
    os.close(slave)
    return process, master


def _until(master, text, seconds=60):
    shown = ""
    end = time.monotonic() + seconds
    while text not in shown:
        assert time.monotonic() < end, f"waited for {text!r}, saw {shown!r}"
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 65536).decode("utf-8", "replace")
    return shown


def test_a_row_cut_short_is_quarantined(project):
    """Power went while a row was written: it does not join with the next one."""
    decisions = Decisions(project / "data", project / ".cordbook")
    row = {"record_id": "pubmed.1", "stage": "title_abstract", "reviewer": "A", "role": "reviewer", "decision": "include"}
    decisions.add(row)
    with open(decisions.path, "ab") as file:
        file.write(b"pubmed.2,title_abs")
    decisions.add(row | {"record_id": "pubmed.3"})
    assert [r["record_id"] for r in decisions.rows()] == ["pubmed.1", "pubmed.3"]
    assert "pubmed.2,title_abs" in (project / ".cordbook" / "screening.cut-short").read_text()


def test_a_sheet_goes_out_and_comes_back(project):
    out = project / "sheet.csv"
    assert cordbook(project, "screen", "--as", "A", "--export", str(out)).returncode == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert [r["record_id"] for r in rows] == ["pubmed.1", "pubmed.2", "pubmed.3"]
    assert rows[1]["title"].startswith("'=HYPERLINK")
    assert not any(cell[:1] in ("=", "+", "-", "@") for r in rows for cell in r.values())
    rows[0]["decision"], rows[1]["included"], rows[2]["decision"] = "include", "0", "exclude"
    rows[2]["reason"] = "no_such_reason"
    rows += [
        dict(rows[0], decision="exclude", reason="not_human"),
        dict(rows[1], record_id="pubmed.99", decision="include"),
        dict(rows[2], decision="maybe"),
    ]
    with open(out, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    taken = cordbook(project, "screen", "--as", "A", "--import", str(out))
    assert taken.returncode == 1
    for said in (
        "line 4: an exclusion has a reason",
        "line 5: says something else of pubmed.1 than line 2",
        "line 6: no record 'pubmed.99'",
        "line 7: 'maybe'",
    ):
        assert said in taken.stderr
    assert screened(project) == [("pubmed.2", "A", "exclude", "other_reason")]


def test_a_sheet_holds_what_waits_for_its_person_and_what_they_judged(project):
    """What two others have settled waits for nobody, in a file as in the terminal."""
    out = project / "sheet.csv"
    for person in "AB":
        cordbook(project, "screen", "--as", person, keys="i\nq\n")

    def sheet(person):
        said = cordbook(project, "screen", "--as", person, "--export", str(out)).stdout
        return said, [(r["record_id"], r["decision"]) for r in csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines())]

    said, rows = sheet("C")
    assert "2 to judge\n" in said
    assert rows == [("pubmed.2", ""), ("pubmed.3", "")]
    said, rows = sheet("A")
    assert "2 to judge, 1 judged before by A" in said
    assert rows == [("pubmed.1", "include"), ("pubmed.2", ""), ("pubmed.3", "")]


def test_a_csv_of_asreview_2_and_3_brings_its_labels(project):
    """They leave our columns alone, blank ``included`` and earlier decisions too, number the rows and add columns of their own."""
    out = project / "queue.csv"
    cordbook(project, "screen", "--as", "A", keys="u\n")
    cordbook(project, "screen", "--as", "A", "--export", str(out))
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert [r["included"] for r in rows] == ["", "", ""]
    labels = ["1", "0.0", ""]
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        row |= {
            "asreview_label": label,
            "asreview_time": "2026-11-21 10:00:00",
            "asreview_note": "seen abroad" if number == 1 else "",
        }
    with open(out, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", *rows[0]])
        writer.writerows([n, *row.values()] for n, row in enumerate(rows))
    taken = cordbook(project, "screen", "--as", "A", "--import", str(out))
    assert "was judged unsure before by A; use --replace" in taken.stderr
    assert screened(project)[1:] == [("pubmed.2", "A", "exclude", "other_reason")]
    assert read_rows(project / "data", "screening")[-1]["note"] == "seen abroad"
    assert cordbook(project, "screen", "--as", "A", "--replace", "--import", str(out)).returncode == 0
    assert screened(project)[2:] == [("pubmed.1", "A", "include", "")]
    again = cordbook(project, "screen", "--as", "A", "--import", str(out))
    assert "0 decisions taken, 2 known already, 0 not taken" in again.stdout


@pytest.mark.parametrize("name", ["included", "label", "final_included", "label_included", "included_final", "include"])
def test_a_label_column_by_any_name_that_asreview_knows(name):
    sheet = read_sheet(f"record_id,{name}\nr1,1\nr2,0\nr3,-1\nr4,\n")
    items = dict.fromkeys(["r1", "r2", "r3", "r4"])
    taken = take(sheet, items, [], "title_abstract", "A", ["not_human", "other_reason"])
    assert [(r["record_id"], r["decision"]) for r in taken.rows] == [("r1", "include"), ("r2", "exclude")]
    assert taken.problems == ()


def test_ris_as_asreview_2_and_3_write_it():
    """rispy numbers the records; columns of ASReview stand in notes as JSON, the label first in words."""
    text = """1.
TY  - JOUR
ID  - r1
TI  - One
N1  - ASReview_relevant
N1  - asreview_label: 1
N1  - asreview_time: "2026-11-21 10:00:00"
N1  - asreview_note: "with \\"quotes\\""
ER  -

2.
TY  - JOUR
ID  - r2
TI  - Two
N1  - ASReview_irrelevant
N1  - asreview_label: 0
ER  -

3.
TY  - JOUR
ID  - r3
TI  - Three
N1  - ASReview_not_seen
ER  -
"""
    taken = take(read_ris(text), dict.fromkeys(["r1", "r2", "r3"]), [], "title_abstract", "A", ["other_reason"])
    assert [(r["record_id"], r["decision"], r["note"]) for r in taken.rows] == [
        ("r1", "include", 'with "quotes"'), ("r2", "exclude", "The file gave no reason."),
    ]  # fmt: skip


def test_ris_labelled_by_asreview_comes_back(project):
    out = project / "queue.ris"
    cordbook(project, "screen", "--as", "A", "--export", str(out))
    text = out.read_text()
    assert text.count("ASReview_not_seen") == 3
    out.write_text(text.replace("ASReview_not_seen", "ASReview_relevant", 1))
    assert cordbook(project, "screen", "--as", "A", "--import", str(out)).returncode == 0
    assert screened(project) == [("pubmed.1", "A", "include", "")]


@settings(deadline=None, max_examples=200)
@given(text=st.text(max_size=300))
def test_no_file_breaks_the_reading(text):
    """Any text is read or refused with a ValueError that names a line or what is missing."""
    read_ris(text)
    try:
        sheet = read_sheet("record_id,decision,reason\n" + text)
    except ValueError as error:
        assert "line" in str(error)
        return
    assert take(sheet, {}, [], "title_abstract", "A", ["not_human"]).rows == ()


def rows_of(*decisions):
    return [
        {
            "record_id": r,
            "stage": "title_abstract",
            "reviewer": who,
            "role": role,
            "decision": d,
            "reason": "",
            "study_id": "",
            "decided_at": f"{i:09}",
        }
        for i, (r, who, role, d) in enumerate(decisions)
    ]


def test_kappa_of_a_published_table():
    """Cohen 1960 by hand: 20 yes-yes, 15 no-no, 5 and 10 apart of 50: po 0.7, pe 0.5, kappa 0.4."""
    pairs = (
        [("include", "include")] * 20
        + [("include", "exclude")] * 5
        + [("exclude", "include")] * 10
        + [("exclude", "exclude")] * 15
    )
    rows = rows_of(*((f"r{i}", who, "reviewer", d) for i, pair in enumerate(pairs) for who, d in zip("AB", pair, strict=True)))
    (found,) = agreements(rows, "title_abstract")
    assert (found.both, found.alike) == (50, 35)
    assert found.kappa == pytest.approx(0.4)
    assert found.low < 0.4 < found.high


def answers(*pairs):
    return rows_of(*((f"r{i}", who, "reviewer", d) for i, pair in enumerate(pairs) for who, d in zip("AB", pair, strict=True)))


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([("include", "include")] * 3, "A and B: 3 of 3 alike; kappa has no value, as both gave one answer only"),
        ([("include", "include"), ("exclude", "include")], "A and B: 1 of 2 alike; kappa says nothing, as B gave one answer only"),
        ([("include", "include"), ("exclude", "exclude")], "A and B: 2 of 2 alike, Cohen's kappa 1.00 (without an interval, as nothing varies)"),
    ],
)  # fmt: skip
def test_kappa_without_a_value_is_told_in_words(pairs, text, recwarn):
    """No nan, no interval from 0 to 0, and no 0.00 that any answers at all of the other would have given."""
    (found,) = agreements(answers(*pairs), "title_abstract")
    assert found.text == text
    assert not recwarn.list


def test_two_people_without_a_record_in_common_are_named_with_why_there_is_no_kappa():
    rows = rows_of(("r1", "A", "reviewer", "include"), ("r2", "B", "reviewer", "exclude"))
    assert [a.text for a in agreements(rows, "title_abstract")] == [
        "A and B (only A 1, only B 1): no record that both judged, so kappa has no value"
    ]


def test_who_sees_what():
    rows = rows_of(
        ("r1", "A", "reviewer", "include"),
        ("r2", "A", "reviewer", "include"),
        ("r2", "B", "reviewer", "exclude"),
        ("r3", "B", "reviewer", "unsure"),
    )
    items = ["r1", "r2", "r3", "r4"]
    assert queue(items, rows, "title_abstract", "A") == ["r3", "r4"]
    assert queue(items, rows, "title_abstract", "C") == ["r1", "r3", "r4"]
    assert list(conflicts(items, rows, "title_abstract")) == ["r2"]
    assert settle({("arbiter", "C"): {"decision": "include", "decided_at": "1"}}).outcome == "include"


def test_the_likeliest_come_first(project):
    """Records about patients rise above records about rats once a few of each are decided; without decisions nothing moves."""
    texts = {f"p{i}": f"patients with spinal cord injury trial {i}" for i in range(20)} | {
        f"r{i}": f"rats in the laboratory experiment {i}" for i in range(20)
    }
    known = {"p0": True, "p1": True, "r0": False, "r1": False}
    waiting = [f"{kind}{i}" for i in range(2, 20) for kind in "rp"]
    order, said = ranked(texts, known, waiting)
    assert said == ""
    assert {r[0] for r in order[:18]} == {"p"}
    assert sorted(order) == sorted(waiting)
    assert ranked(texts, known, waiting)[0] == order
    assert ranked(texts, {}, waiting)[0] == waiting


def test_one_include_is_enough_and_before_it_what_is_known():
    """Nothing known: plain order. One excluded: what is unlike it comes first. A study of the review, or one include: what is like it comes first."""
    texts = {
        "r1": "rats in a maze",
        "p1": "a trial in patients",
        "r2": "rats in the laboratory",
        "p2": "patients in a second trial",
    }
    waiting = list(texts)
    assert ranked(texts, {}, waiting) == (waiting, PLAIN)
    assert ranked(texts, {"r1": False}, waiting[1:])[0][-1] == "r2"
    assert ranked(texts, {}, waiting, ["A trial of oxygen in patients"])[0][:2] == ["p1", "p2"]
    assert ranked(texts, {"p1": True}, ["r1", "r2", "p2"])[0][0] == "p2"
    assert ranked(texts, {"r1": False}, ["r2", "p1", "p2"], ["A trial of oxygen in patients"])[0][-1] == "r2"


def test_the_machine_finds_the_optimum():
    """The slope of the loss is nought there, from any start; texts that share no word with others keep their length."""
    texts = [f"word{i % 7} word{i % 5} own{i}" for i in range(40)]
    table = tfidf(texts)
    assert np.asarray(table.multiply(table).sum(axis=1)).ravel() == pytest.approx(1)
    relevant = [i % 7 == 0 for i in range(40)]
    machine = Machine(table)
    first = machine.scores(range(40), relevant)
    machine.weights = np.random.default_rng(1).normal(size=machine.weights.size)
    assert machine.scores(range(40), relevant) == pytest.approx(first, abs=1e-3)
    share = np.where(relevant, 1, sum(relevant) / (RATIO * (40 - sum(relevant))))
    price = PRICE * share * 40 / share.sum()
    sign = np.where(relevant, 1.0, -1.0)
    slope = machine.weights - 2 * machine.table.T @ (price * sign * np.maximum(0, 1 - sign * (machine.table @ machine.weights)))
    assert np.abs(slope).max() < 1e-3


def test_undo_reaches_into_earlier_sittings_and_the_progress_is_told(project):
    cordbook(project, "screen", "--as", "A", keys="i\ne\nq\n")
    again = cordbook(project, "screen", "--as", "A", keys="b\nb\nu\nq\n")
    assert "1 to go, 2 of 3 judged (67%), 1 included or unsure, about" in again.stdout
    assert ": exclude\n" not in again.stdout.split("You said on")[0]
    assert [line.split(": ")[1].split()[0] for line in again.stdout.split("\n") if line.startswith("You said on")] == [
        "exclude",
        "include",
    ]
    assert screened(project)[2:] == [("pubmed.1", "A", "unsure", "")]
    assert "1 decided, 1 to go" in again.stdout


def test_what_two_reviewers_share_is_told(project):
    cordbook(project, "screen", "--as", "A", keys="i\ne\nq\n")
    second = cordbook(project, "screen", "--as", "B", keys="i\nq\n")
    assert "A and B (only A 1): 1 of 1 alike" in second.stdout


def test_a_reason_is_asked_of_full_reports_alone(project):
    row = {"reviewer": "A", "reasons": ["not_human"]}
    assert decision_row("r1", TITLE_ABSTRACT, decision="exclude", **row)["reason"] == ""
    for stage, reason in (("full_text", ""), (TITLE_ABSTRACT, "no_such_reason")):
        with pytest.raises(NotAllowed, match="an exclusion has a reason"):
            decision_row("r1", stage, decision="exclude", reason=reason, **row)


def test_the_stopping_limit_holds_in_random_order():
    """Records read in random order, where the sample is one: a single run's limit covers 95%, so that of the best of all runs
    is lower; with records ranked as here it covers at least what was claimed."""
    rng = np.random.default_rng(1)
    held = []
    for _ in range(60):
        relevance = np.zeros(400, bool)
        relevance[:20] = True
        rank = np.argsort(-(relevance * 1.5 + rng.normal(size=400)))
        state = stopping(relevance[rank][:250].tolist(), 150)
        held.append(20 - state.found <= state.at_most)
    assert np.mean(held) >= 0.95


def test_the_stopping_test_is_the_hypergeometric_one():
    """Nothing read: no statement. All read: nothing left. 10 found first, then 90 in vain of 190: by hand from the hypergeometric law."""
    from scipy.stats import hypergeom

    assert stopping([], 10) is None
    everything = stopping([True, False, False], 0)
    assert (everything.at_most, everything.recall, everything.p) == (0, 1.0, 0.0)
    state = stopping([True] * 10 + [False] * 90, 90)
    assert state.plain_p == pytest.approx(hypergeom.cdf(0, 180, 1, 90))
    assert hypergeometric([True] * 10 + [False] * 90, 90, 0.95) == state.plain_p


def test_a_good_order_lets_go_earlier_and_is_trusted_only_so_far():
    """Odds by hand: of 180 then unread, one relevant, 90 irrelevant are read; at odds of 3 it is left with a chance of about 1/2 cubed."""
    state = stopping([True] * 10 + [False] * 90, 90)
    assert state.odds == MOST_ODDS
    clock = sum(1 / i for i in range(179, 89, -1))
    assert state.p == pytest.approx(np.exp(-MOST_ODDS * clock))
    assert not state.enough
    assert "3.0 times as readily" in state.text
    assert stopping([True] * 10 + [False] * 140, 40).enough
    # Records found as chance finds them earn hardly any trust: as many as were found may be left.
    even = stopping(([True] + [False] * 9) * 10, 100)
    assert even.odds < 1.5
    assert even.at_most >= 10


def test_the_stopping_estimate_is_right_where_some_are_hard_to_find():
    """Of 40 relevant, ranked by noisy scores: when it lets go, 95% are found in at least 95 of 100 runs, and before the plain test."""
    rng = np.random.default_rng(4)
    right, read, plain = [], [], []
    for _ in range(60):
        relevance = np.zeros(800, bool)
        relevance[:40] = True
        seen = relevance[np.argsort(-(relevance * 2.2 + rng.normal(size=800)))]
        at = next((n for n in range(20, 800, 10) if stopping(seen[:n].tolist(), 800 - n).enough), 800)
        right.append(seen[:at].sum() >= 38)
        read.append(at)
        plain.append(next((n for n in range(20, 800, 10) if hypergeometric(seen[:n].tolist(), 800 - n, 0.95) < 0.05), 800))
    assert np.mean(right) >= 0.95
    assert np.mean(read) < np.mean(plain)


def test_items_are_harmless(project):
    items = load_items(project / "data")
    assert list(items) == ["pubmed.1", "pubmed.2", "pubmed.3"]
    assert "\x1b" not in items["pubmed.3"].title
