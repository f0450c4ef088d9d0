"""What tests of the explorer share: its engine in node, its data, and questions drawn at random."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cordbook.evidence.patients import parse_stratum
from cordbook.publish.pages.explorer_data import explorer_script
from cordbook.publish.sphinx.explorer_ext import SCRIPTS
from cordbook.review.estimates.selection import column_of
from cordbook.review.explorer.question import Question, explorer_counts

HERE = Path(__file__).parent
ASSETS = HERE.parents[1] / "analysis" / "cordbook" / "publish" / "assets" / "explorer"
MODELS = ("glmm", "reml", "dl", "common")
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def evidence_js(tmp_path_factory, estimates) -> Path:
    """The data of the explorer as the build writes it."""
    path = tmp_path_factory.mktemp("explorer") / "evidence.js"
    path.write_text(explorer_script(estimates), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def cells(estimates):
    return explorer_counts(estimates.evidence)


@pytest.fixture(scope="session")
def node(evidence_js) -> Callable[..., Any]:
    """Calls a function of driver.cjs; skips with a message where there is no node."""
    program = shutil.which("node") or shutil.which("nodejs")
    if program is None:
        pytest.skip("no node on this machine: apt install nodejs")

    def call(ask: str, arguments: Any = None) -> Any:
        given = {
            "scripts": [str(ASSETS / f"{name}.js") for name in SCRIPTS],
            "evidence": str(evidence_js),
            "ask": ask,
            "arguments": arguments,
        }
        done = subprocess.run(
            [program, str(HERE / "driver.cjs")], input=json.dumps(given), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


class Opened:
    """A page and what went wrong or out of it."""

    def __init__(self, page):
        self.page, self.errors, self.requests = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))

    def current(self):
        return self.page.evaluate("CordbookExplorer.current")


@pytest.fixture
def opened(browser, address):
    context = browser.new_context(viewport=DESKTOP, accept_downloads=True)
    view = Opened(context.new_page())
    view.page.goto(address)
    yield view
    assert view.errors == []
    context.close()


def as_page_asks(question: Question, model: str = "glmm", average: str = "population") -> dict[str, Any]:
    """A question in the form of the page."""
    return {
        "outcome": question.outcome,
        "where": {column: list(values) for column, values in question.where},
        "strata": question.strata if isinstance(question.strata, str) else dict(question.strata),
        "bounds": {name: [least, most] for name, least, most in question.bounds},
        "without": list(question.exclude),
        "model": model,
        "average": average,
        "natural": "auto",
        "anyway": False,
    }


def random_questions(cells, vocabulary, number: int, seed: int) -> list[tuple[Question, str]]:
    """Questions with up to four filters, bounds and studies left out, from values that the outcome's cells hold; with a model."""
    from cordbook.publish.pages.explorer_data import filters

    draw = random.Random(seed)
    strata = cells["stratum"].map(lambda text: parse_stratum(text if isinstance(text, str) else None))
    columns = [*filters(vocabulary, cells), *(c for c in cells.columns if c.startswith("rob."))]
    values = {column: column_of(cells, strata, column) for column in columns}
    often = list(cells["outcome"])
    found = []
    while len(found) < number:
        outcome = draw.choice(often)
        of = cells["outcome"] == outcome
        where = []
        for column in draw.sample(columns, draw.choice([0, 1, 1, 2, 3])):
            there = sorted(set(values[column][of].dropna()))
            if there:
                where.append((column, tuple(sorted(draw.sample(there, draw.randint(1, min(3, len(there))))))))
        bounds = []
        if draw.random() < 0.4:
            bounds.append(
                ("year", float(draw.randint(1990, 2015)), float(draw.randint(2012, 2025)) if draw.random() < 0.5 else None)
            )
        if draw.random() < 0.2:
            bounds.append(("months", float(draw.randint(0, 12)), None))
        if draw.random() < 0.2:
            bounds.append(("n", None, float(draw.randint(5, 60))))
        studies = sorted(set(cells["study_id"][of]))
        exclude = tuple(sorted(draw.sample(studies, min(len(studies), draw.choice([0, 0, 1, 3])))))
        question = Question(
            outcome, tuple(sorted(where)), draw.choice(["total", "widest", "by:phase", "by:baseline_ais"]), tuple(bounds), exclude
        )
        found.append((question, draw.choice(MODELS)))
    return found
