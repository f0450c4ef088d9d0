"""``cordbook new``: a review of any subject that is whole at once, says what is invented in it, and can be emptied."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import re
import runpy
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
import yaml

import cordbook
from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.evidence import load_package, validate
from cordbook.evidence.review_state import load_status
from cordbook.evidence.rules.examples import NOTICE, is_example
from cordbook.publish.build.build import build
from cordbook.publish.release.release import Asked, ReleaseRefused, release
from cordbook.publish.starting import create as starting
from cordbook.publish.starting.create import HERE, TEMPLATE, About, Author, NewReviewError, create
from cordbook.publish.starting.examples import clear_examples
from cordbook.review.estimates.declarations import load_declarations
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.versions.releases import Version
from tests.publish.conftest import quiet
from tests.publish.small_book import read_table, write_table

ABOUT = About(
    "Exercise therapy and falls",
    "Does exercise therapy prevent falls?",
    (Author.parse("Example, Ada"),),
    date=dt.date(2026, 11, 30),
)
#: Title and question that try to be markup wherever they stand.
NASTY = '"Falls": *what* `works` <65 & {est}`x` $5$ | [y](z) # _n_ \\ 100%'
#: Words of the subject that the engine was made for.
FOREIGN = re.compile(r"spinal|\bAIS\b|cord injury|myelopath|\binjur|radiation|stem cell|\bCordbook: ", re.I)


def make(folder: Path, about: About = ABOUT) -> Path:
    create(folder, about, report=quiet)
    return folder


def shown(page: Path) -> str:
    """The text of a built page with the names of its links, without scripts and styles."""
    html = re.sub(r"<(script|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(unescape(html).split())


def pages(site: Path) -> dict[str, Path]:
    found = (p for p in site.rglob("*.html") if "_static" not in p.parts)
    return {p.relative_to(site).with_suffix("").as_posix(): p for p in found}


# ------------------------------------------------------------------ what it is made from


def test_the_schema_of_a_new_review_is_this_ones_without_its_subject(root):
    """One owner: data/datapackage.json. The copy in the package follows from it."""
    tool = runpy.run_path(str(root / "tools" / "base_schema.py"))
    assert tool["BASE"].read_text(encoding="utf-8") == tool["base_text"](), "run `python tools/base_schema.py`"
    assert not FOREIGN.search(tool["base_text"]())


def test_what_a_review_is_made_from_goes_into_the_package(root):
    declared = (root / "pyproject.toml").read_text(encoding="utf-8")
    patterns = re.findall(r'"(publish/starting/[^"]+)"', declared)
    package = Path(cordbook.__file__).parent
    taken = {p for pattern in patterns for p in package.glob(pattern)}
    assert {p for p in HERE.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")} <= taken
    assert TEMPLATE / ".gitignore" in taken


def test_no_study_of_this_review_is_named_like_an_example(root):
    with open(root / "data" / "studies.csv", encoding="utf-8", newline="") as file:
        assert not [row["study_id"] for row in csv.DictReader(file) if is_example(row["study_id"])]


# ------------------------------------------------------------------ making it


def test_a_new_review_keeps_every_rule_and_warns_of_its_examples_alone(tmp_path):
    review = make(tmp_path / "falls")
    report = validate(review / "data")
    assert [p.rule for p in report.problems] == ["no-examples"] * 3, report.as_text()
    assert {p.key for p in report.problems} == {"example1", "example2", "example3"}
    for table in load_package(review / "data").tables:
        assert (review / "data" / table.path).is_file(), table.path


def test_title_and_question_are_text_wherever_they_stand(tmp_path):
    review = make(tmp_path / "falls", About(NASTY, NASTY, (Author.parse('Null "N", A.'),)))
    assert load_status(review / "data").title == NASTY
    assert yaml.safe_load((review / "_config.yml").read_text(encoding="utf-8"))["title"] == NASTY
    cited = yaml.safe_load((review / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["title"] == f"{NASTY}: a living systematic review"
    assert cited["authors"] == [{"family-names": 'Null "N"', "given-names": "A."}]
    first = json.loads((review / "index.ipynb").read_text(encoding="utf-8"))["cells"][0]["source"][0]
    assert re.sub(r"\\(.)", r"\1", first) == f"# {NASTY}\n"
    assert validate(review / "data").errors == 0


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    for place, why in ((folder, "is not empty"), (tmp_path / "file", "is a file")):
        assert main(["new", str(place), "--title", "T", "--question", "Q?"]) == 2
        assert why in (told := capsys.readouterr().err)
        assert "Name a folder that is empty or not there yet." in told
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("title", "question"), [("", "Q?"), ("T", "  "), ("T\nU", "Q?"), ("T", "Q\x00"), ("T" * 301, "Q?")])
def test_a_title_or_question_that_is_no_line_is_refused(tmp_path, title, question):
    with pytest.raises(NewReviewError, match=r"write it on one line of 1 to 300 signs"):
        create(tmp_path / "falls", About(title, question), report=quiet)
    assert not list(tmp_path.iterdir())


def test_what_is_missing_is_named_with_an_example(tmp_path, capsys):
    assert main(["new", str(tmp_path / "falls")]) == 2
    told = capsys.readouterr().err
    assert "--title and --question missing" in told
    assert 'cordbook new falls --title "Exercise therapy and falls"' in told


def test_a_review_that_cannot_be_put_in_place_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(starting, "publish", full)
    with pytest.raises(NewReviewError, match=r"cannot be written: No space left on device"):
        make(tmp_path / "falls")
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_taken_and_the_next_steps_are_said(tmp_path, capsys):
    folder = tmp_path / "my review"
    folder.mkdir()
    assert main(["new", str(folder), "--title", "T", "--question", "Q?"]) == 0
    told = capsys.readouterr().out
    assert f"cd '{folder}'" in told
    assert "make book" in told and "cordbook new --clear-examples" in told
    assert load_status(folder / "data").name == "my review"
    assert [p.name for p in tmp_path.iterdir()] == ["my review"]


def test_make_says_how_to_install_what_is_missing(tmp_path):
    review = make(tmp_path / "falls")
    done = subprocess.run(
        ["make", "book"], cwd=review, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 2
    assert "cordbook is not installed: it is neither in .venv here nor on the PATH." in done.stderr
    assert "python3 -m venv .venv" in done.stderr


# ------------------------------------------------------------------ taking the examples out


def test_nothing_of_the_examples_stays(tmp_path):
    review = make(tmp_path / "falls")
    cleared = clear_examples(Project(review))
    assert cleared.studies == ("example1", "example2", "example3")
    for path in [
        *review.rglob("*.csv"),
        *review.rglob("*.yml"),
        *review.rglob("*.bib"),
        *(review / "book").rglob("*"),
        review / "index.ipynb",
    ]:
        assert not path.is_file() or "invented" not in path.read_text(encoding="utf-8").lower(), path
    assert load_declarations(review / "data" / "syntheses.yml").ids == ()
    assert validate(review / "data").problems == ()


def test_a_second_time_changes_nothing(tmp_path):
    review = make(tmp_path / "falls")
    clear_examples(Project(review))
    before = {p: p.read_bytes() for p in review.rglob("*") if p.is_file()}
    assert clear_examples(Project(review)).files == ()
    assert {p: p.read_bytes() for p in review.rglob("*") if p.is_file()} == before


def test_what_was_added_beside_the_examples_stays(tmp_path):
    """A study of one's own that counts the outcome of the examples keeps it, with the words of its codes."""
    review = make(tmp_path / "falls")
    data = review / "data"
    for table in ("references", "studies", "arms", "outcomes", "extractions", "reconciliations"):
        rows = read_table(data, table)
        own = [{c: v.replace("example1", "lee2021") for c, v in row.items()} for row in rows if "example1" in str(row)]
        write_table(data, table, [*rows, *own])
    clear_examples(Project(review))
    assert [row["study_id"] for row in read_table(data, "studies")] == ["lee2021"]
    assert [row["outcome"] for row in read_table(data, "outcome_terms")] == ["improved"]
    assert {row["reference_id"] for row in read_table(data, "references")} >= {"lee2021", "page2021"}
    assert "adults" in (data / "vocabulary" / "labels.csv").read_text(encoding="utf-8")
    assert validate(data).errors == 0


def test_invented_studies_are_never_released(tmp_path):
    review = make(tmp_path / "falls")
    with pytest.raises(ReleaseRefused) as refused:
        release(Project(review), Asked(Version(0, 1, 0), dt.date(2026, 12, 1)), report=quiet)
    (reason,) = [r for r in refused.value.reasons if "example" in r]
    assert reason == "data/ holds invented examples (example1, example2, example3): cordbook new --clear-examples"


# ------------------------------------------------------------------ the book of it


@pytest.fixture(scope="module")
def new_built(tmp_path_factory):
    """A new review in a folder with blanks in its name, built."""
    review = make(tmp_path_factory.mktemp("new") / "falls and exercise")
    build(Project(review), report=quiet)
    return review


@pytest.fixture(scope="module")
def new_emptied(new_built, tmp_path_factory):
    """The same with the examples taken out, built again where it was built before."""
    review = tmp_path_factory.mktemp("emptied") / "falls and exercise"
    shutil.copytree(new_built, review)
    clear_examples(Project(review))
    build(Project(review), report=quiet)
    return review


def test_the_book_pools_the_examples_and_says_on_every_page_that_they_are_invented(new_built):
    found = pages(new_built / "_build" / "html")
    assert {"index", "book/results/main-question", "book/studies/example2", "book/estimates/example-improved"} <= set(found)
    made_by_sphinx = {"genindex", "search"}
    for name in found.keys() - made_by_sphinx:
        assert NOTICE in shown(found[name]), name
    estimate = load_estimates(new_built)["example-improved"]
    assert (estimate.k, estimate.events, estimate.n) == (3, 39, 84)
    chapter = shown(found["book/results/main-question"])
    assert "Example 2021" in chapter and "<svg" in chapter
    assert "12 of 20" in chapter


@pytest.mark.book  # its books are asked for by name
@pytest.mark.parametrize("state", ["new_built", "new_emptied"])
def test_no_page_speaks_of_another_subject(state, request):
    site = request.getfixturevalue(state) / "_build" / "html"
    for name, page in pages(site).items():
        assert not FOREIGN.search(shown(page)), (name, FOREIGN.findall(shown(page)))
        assert 'content="Cordbook"' not in page.read_text(encoding="utf-8"), name


def test_no_link_of_the_book_leads_nowhere(new_built):
    site = new_built / "_build" / "html"
    for name, page in pages(site).items():
        for target in re.findall(r'<a\b[^>]*\bhref="([^"#?]+)', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / unescape(target)).exists(), (name, target)


def test_the_notice_goes_with_the_examples_from_every_page(new_emptied):
    found = pages(new_emptied / "_build" / "html")
    assert "book/studies/example1" not in found
    for name, page in found.items():
        assert NOTICE not in shown(page), name
        assert "example1" not in page.read_text(encoding="utf-8"), name
    assert "No study has been entered yet." in shown(found["book/studies/index"])
    assert "None so far." in shown(found["index"])


def test_the_explorer_of_an_empty_review_says_so(new_emptied, browser):
    page = browser.new_page()
    page.goto((new_emptied / "_build" / "html" / "book" / "explorer.html").as_uri())
    assert page.locator("#cb-explorer").inner_text() == "There is nothing to explore yet: no outcome of a study has been counted."
    page.close()


def test_the_environment_of_the_commands_is_not_needed_to_make_a_review(tmp_path):
    """No network, no home, no time zone: what is written follows from what was asked."""
    one, other = make(tmp_path / "one" / "falls"), make(tmp_path / "other" / "falls")
    names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert [n for n in names if (one / n).read_bytes() != (other / n).read_bytes()] == []
    assert os.access(one, os.R_OK | os.X_OK) and (one.stat().st_mode & 0o755) == 0o755
