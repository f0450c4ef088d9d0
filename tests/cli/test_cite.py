"""``cordbook cite`` as a user calls it: exit codes, what goes to which stream, and a release that stays what it was."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from cordbook.cli import main
from cordbook.core.project import data_files
from cordbook.publish.release.manifest import manifest_json
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.freezing import estimates_json, freeze, rows_json
from cordbook.review.versions.releases import Version

ID = "ais-improved-cell-therapy"


@pytest.fixture(scope="module")
def project(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of the review with a release 0.1.0, as ``cordbook release`` freezes it, and a row that was changed since."""
    folder = tmp_path_factory.mktemp("cite") / "project"
    shutil.copytree(root / "data", folder / "data", ignore=shutil.ignore_patterns("raw"))
    for name in ("_config.yml", "CITATION.cff", "requirements.lock"):
        shutil.copy(root / name, folder)
    place = folder / "releases" / "0.1.0"
    place.mkdir(parents=True)
    estimates = load_estimates(folder)
    frozen, version, date = freeze(estimates), Version(0, 1, 0), dt.date(2026, 11, 21)
    (place / "estimates.json").write_text(estimates_json(frozen, version, date), encoding="utf-8")
    (place / "rows.json").write_text(rows_json(frozen.rows), encoding="utf-8")
    paths = [f"data/{p}" for p in data_files(folder / "data")]
    text = manifest_json(folder, paths, estimates, version=version, date=date, previous=None, step="first", new_studies=None)
    (place / "manifest.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def cite(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    # The tests hold whether or not the version of the package is a released one.
    monkeypatch.setattr("cordbook.__version__", "0.2.0.dev0")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["cite", *arguments])
        return code, *capsys.readouterr()

    return run


def test_a_release_is_cited_without_a_word_of_doubt(cite):
    code, out, err = cite(ID, "--release", "0.1.0")
    assert (code, err) == (0, "")
    assert out.endswith(f", cordbook 0.1.0, estimate {ID}\n")
    assert "unreleased" not in out


def test_the_working_tree_is_called_unreleased(cite):
    code, out, err = cite(ID)
    assert code == 0
    assert "(unreleased)" in out
    assert "cite a release: --release" in err


def test_a_tree_that_is_still_the_release_is_cited_as_the_release(cite, monkeypatch):
    monkeypatch.setattr("cordbook.__version__", "0.1.0")
    code, out, err = cite("--format", "csl-json")
    assert (code, err) == (0, "")
    item = json.loads(out)[0]
    assert item["version"] == "0.1.0"
    assert item["issued"]["date-parts"] == [[2026, 11, 21]]


def test_a_tree_that_was_changed_is_not_the_release_any_more(cite, project, monkeypatch):
    monkeypatch.setattr("cordbook.__version__", "0.1.0")
    before = cite(ID, "--release", "0.1.0")
    glossary = project / "data" / "glossary.csv"
    kept = glossary.read_bytes()
    try:
        glossary.write_bytes(kept + b"\n")
        assert "0.1.0+changed (unreleased)" in cite(ID)[1]
        assert cite(ID, "--release", "0.1.0") == before
    finally:
        glossary.write_bytes(kept)


def test_the_release_keeps_its_number_when_the_data_moves(cite, project):
    before = cite(ID, "--release", "0.1.0")[1]
    path = project / "data" / "outcomes.csv"
    kept = path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(kept.splitlines()))
    row = next(row for row in rows if row["cell_id"] == "lima2010.treated.ais_improved.all.27.7")
    row["events"] = "20" if row["events"] != "20" else "0"
    try:
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        assert cite(ID, "--release", "0.1.0")[1] == before
        assert cite(ID)[1].partition(",")[0] != before.partition(",")[0]
    finally:
        path.write_text(kept, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ais-improved-cell-therapi"], 1, ID),
        (["lima2011", "--release", "0.1.0"], 1, "lima2010"),
        (["--release", "0.9.0"], 2, "there are: 0.1.0"),
        (["--release", "one"], 2, "three numbers"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_what_is(cite, arguments, code, said):
    found, out, err = cite(*arguments)
    assert (found, out) == (code, "")
    assert said in err
