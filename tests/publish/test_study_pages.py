"""Pages of studies: complete, harmless whatever the data holds, and built again only where something changed."""

import io
import json
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from html import unescape
from html.parser import HTMLParser
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from cordbook.core import csv_files
from cordbook.core.project import Project
from cordbook.display.html import markup
from cordbook.display.html.pieces import numbers
from cordbook.display.html.study_list import CATEGORIES, StudyList
from cordbook.evidence.evidence import Evidence, Tables
from cordbook.evidence.references.hosts import is_listed
from cordbook.evidence.subject_tables import SUBJECT_TABLES
from cordbook.publish.pages import study_pages
from cordbook.publish.pages.page import HOME, estimate_address
from cordbook.publish.pages.study_pages import FOLDER, write_study_pages
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.scores.estimates import scores_of
from cordbook.review.studies.records import study_records

ASSETS = Path(study_pages.__file__).parents[1] / "assets"
HOSTS = {"doi.org", "pubmed.ncbi.nlm.nih.gov", "pmc.ncbi.nlm.nih.gov", "clinicaltrials.gov", "www.isrctn.com"}
#: The hosts of hosts.csv; one that begins with a full stop stands for all that end so.
LISTED = {row["host"] for row in csv_files.read(Path(__file__).parents[2] / "data" / "vocabulary" / "hosts.csv").rows}
#: What a page may be asked to do by a field that is not what it should be.
PROBES = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "{est}`ais-improved-cell-therapy`",
    "[x](javascript:alert(1))",
    "| a | table |",
    "$math$ and $$more$$",
    "{{ substitution }}",
    "```{raw} html <b>raw</b> ```",
    ":::{note} directive :::",
    "--- orphan: false ---",
    "*star* _line_ **bold** ~~gone~~ # heading",
    "<!-- comment --> &amp; &#60;script&#62;",
    "\\back \\`slash\\`",
    "{cite}`lima2010` https://evil.example/x",
    "{#id .class onclick=alert(1)}",
    "%}{%raw%}{{7*7}}<%=7*7%>${7*7}",
)
PROBE = " ".join(PROBES)


@pytest.fixture(scope="module")
def records(estimates):
    return study_records(estimates)


@pytest.fixture(scope="module")
def models(estimates):
    return study_pages.study_models(estimates)


@pytest.fixture(scope="module")
def pages(models):
    return {study_id: model.source() for study_id, model in models.items()}


class Seen(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.ids, self.links, self.handlers, self.text = [], [], [], [], ""
        self.feed(str(html))  # markup that is joined to a plain text would escape it

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "src"):
                self.links.append(value)
            elif name.startswith("on") or name in ("style", "srcdoc"):
                self.handlers.append((tag, name, value))

    def handle_data(self, data):
        self.text += data


def body(page: str) -> str:
    return page.split("---\n", 2)[2]


def test_every_study_has_a_page_and_every_outcome_cell_is_on_one(estimates, pages, records):
    assert set(pages) == set(estimates.evidence["studies"]["study_id"])
    found = [i for study_id in pages for i in Seen(body(pages[study_id])).ids]
    for cell_id in estimates.evidence["outcomes"]["cell_id"]:
        assert found.count(cell_id) == 1, cell_id


def test_a_page_shows_the_counts_of_its_cells(estimates, models):
    shown = {}
    for model in models.values():
        for counted in (model.results, model.harms):
            if not isinstance(counted, str):
                shown |= {row_id: row[2].value for row_id, row in zip(counted.table.row_ids, counted.table.rows, strict=True)}
    cells = estimates.evidence["outcomes"]
    assert shown == {row.cell_id: f"{row.events:,} of {row.n:,}" for row in cells.itertuples()}


def test_every_number_on_a_page_comes_from_its_model_and_each_of_the_model_is_there(models, pages):
    for study_id, page in models.items():
        own = re.sub(r"^(before|after)-.*\n", "", pages[study_id], flags=re.M)  # what its neighbours are called
        heading = f"# {page.title}".join(re.split(r"^# .*$", own, maxsplit=1, flags=re.M))
        told = " ".join(unescape(re.sub(r"<[^>]+>", " ", heading)).split())
        assert set(numbers(told)) == set(page.numbers()), study_id


def test_no_page_holds_a_missing_value_or_a_broken_sentence(pages):
    for study_id, page in pages.items():
        text = re.sub(r"\s*\n\s*", " ", Seen(body(page).replace("><", "> <")).text)
        for fault in (
            r"\b(nan|NaN|NaT)\b|<NA>",
            r"\bNone\b(?! of)",
            r"not stated not stated",
            r"\(\s*\)|“”",
            r",,|;;",
            r"\bmonths months\b",
            r"\[\]|\{\}",
        ):
            found = re.search(rf".{{0,40}}(?:{fault}).{{0,20}}", text)
            assert not found, (study_id, fault, found[0])


def test_ids_stand_once_on_a_page(pages):
    for study_id, page in pages.items():
        ids = Seen(body(page)).ids
        assert len(ids) == len(set(ids)), study_id


def test_harm_has_a_section_on_every_page(pages, records):
    for study_id, page in pages.items():
        harm = page.split("\n## Harm\n")[1].split("\n## ")[0]
        if records[study_id].harms:
            assert 'id="harms"' in harm
        else:
            assert "No harm was counted in what we read; that is not the same as no harm." in harm


def test_links_lead_to_pages_of_the_book_or_to_known_hosts(pages, estimates):
    known = {e.id for e in (*estimates, *scores_of(estimates))}
    for study_id, page in pages.items():
        for href in Seen(body(page)).links:
            parts = urlsplit(href)
            if parts.scheme:
                assert parts.scheme == "https", (study_id, href)
                assert parts.hostname in HOSTS or is_listed(parts.netloc, LISTED), (study_id, href)
            elif parts.path.startswith("../estimates/"):
                assert parts.path in {estimate_address(known_id) for known_id in known}, href
            elif parts.path not in ("../methods/extraction-audit.html", HOME.href):
                assert parts.path == "index.html" or parts.path.removesuffix(".html") in pages, (study_id, href)


def test_notices_overlaps_and_registrations_are_shown(pages, estimates):
    for row in estimates.evidence["integrity_notices"].dropna(subset="study_id").itertuples():
        assert str(markup.text(row.what_it_says)) in pages[row.study_id]
    assert "clinicaltrials.gov/study/NCT02152657" in pages["larocca2017"]
    assert 'href="levi2018.html"' in pages["ghobrial2017"]
    assert "Title not seen" in pages["akbary2014"]


# ------------------------------------------------------------------------------------------------ writing


def test_pages_are_written_only_when_they_change(estimates, tmp_path):
    project = Project(tmp_path)
    first = write_study_pages(project, estimates)
    assert len(first.changed) == first.total == len(estimates.evidence["studies"])
    folder = tmp_path / FOLDER
    (folder / "lima2010.md").write_text("something else")
    (folder / "gone1999.md").write_text("a study that is no longer in data")
    (folder / "index.ipynb").write_text("{}")
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    second = write_study_pages(project, estimates)
    assert (second.changed, second.removed) == (("lima2010",), ("gone1999",))
    after = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert {name for name in before if after.get(name) != before[name]} == {"lima2010.md", "gone1999.md"}
    assert all(p.stat().st_mode & 0o777 == 0o644 for p in folder.glob("*.md"))


@pytest.mark.parametrize("wrong", ["../../evil", "index", "Capital", "a b", "x/y"])
def test_an_id_that_cannot_name_a_page_is_refused(estimates, tmp_path, monkeypatch, wrong):
    real = study_records(estimates)
    monkeypatch.setattr(study_pages, "study_records", lambda e: {wrong: real["lima2010"]})
    with pytest.raises(ValueError, match="no page can be named"):
        write_study_pages(Project(tmp_path), estimates)
    assert list(tmp_path.rglob("*")) == []


# ------------------------------------------------------------------------------------------- hostile data


def hostile(estimates: Estimates) -> Estimates:
    """The estimates with every free text of the data replaced by probes, where there is one."""
    evidence = estimates.evidence
    frames = {}
    for table in evidence.package.tables:
        frame = frames[table.name] = evidence[table.name]
        if table.name in SUBJECT_TABLES:
            continue  # templates of sentences, which a review declares; not what reports say
        keys = {*table.primary_key, *(name for key in table.foreign_keys for name in key.fields)}
        for field in table.fields:
            free = field.type == "string" and not field.enum and not field.pattern and field.name not in keys
            if free and field.name not in (
                "stratum",
                "not_poolable_reason",
                "readers",
                "read_as",
                "first_author",
                "year",
                "table",
                "row_key",
                "rule",
                "pattern",
            ):
                frame[field.name] = frame[field.name].where(frame[field.name].isna(), PROBE)
        if table.name == "references":
            # The pattern of a DOI lets these signs through.
            frame["doi"] = frame["doi"].where(frame["doi"].isna(), '10.1234/"><script>alert(1)</script>')
            frame["first_author"] = frame["first_author"].where(frame["first_author"].isna(), f"{PROBE}")
        if table.name == "outcomes":
            frame["stratum"] = frame["stratum"].where(
                frame["stratum"].isna(), f"site={PROBES[0]}{PROBES[3]};level={PROBES[1].replace('=', '')}"
            )
        if table.name == "arms":
            frame["arm"] = frame["arm"].where(frame["arm"].isin(["treated", "control"]), PROBES[2])
    return Estimates(Evidence(evidence.folder, evidence.package, Tables(frames)), estimates.declarations)


@pytest.fixture(scope="module")
def hostile_site(estimates, tmp_path_factory):
    """A few pages of hostile data, through Sphinx and MyST with the extensions of the book."""
    root = tmp_path_factory.mktemp("hostile")
    records = study_records(estimates)
    found = study_records(hostile_with_estimates(estimates))
    chosen = (
        "honmou2021",
        "shin2015",
        "levi2018",
        "daly2012",
        "kirshblum2004",
        "pmid35305566",
        "chang2018",
        "satti2016",
        "bydon2024",
    )
    (root / "index.md").write_text("# Index\n", encoding="utf-8")
    for study_id in chosen:
        (root / f"{study_id}.md").write_text(study_pages.study_page(found[study_id], records).source(), encoding="utf-8")
    settings = json.dumps(["colon_fence", "deflist", "dollarmath", "attrs_inline", "attrs_block", "substitution", "tasklist"])
    (root / "conf.py").write_text(
        f"extensions = ['myst_parser', 'sphinx.ext.mathjax']\nmyst_enable_extensions = {settings}\nmyst_heading_anchors = 3\n"
    )
    log = build(root, root / "out")
    return root / "out", chosen, log


def hostile_with_estimates(estimates: Estimates) -> Estimates:
    """Hostile texts, with the estimates computed from the clean data: it is the words that are tested."""
    mutated = hostile(estimates)
    mutated._computed.update({i: estimates._of(i) for i in estimates.declarations.ids})
    return mutated


def build(source: Path, out: Path) -> str:
    """Run Sphinx in a process of its own: it and docutils leave state behind that would reach the book's own builds."""
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        return pool.submit(_build_here, source, out).result()


def _build_here(source: Path, out: Path) -> str:
    log = io.StringIO()
    with patch_docutils(str(source)), docutils_namespace():
        app = Sphinx(
            str(source), str(source), str(out), str(out.parent / "doctrees"), "html", status=log, warning=log, freshenv=False
        )
        app.build()
    return re.sub(r"\x1b\[[\d;]*m", "", log.getvalue())


def test_hostile_data_makes_no_warning(hostile_site):
    assert "WARNING" not in hostile_site[2]
    assert "ERROR" not in hostile_site[2]


def test_hostile_data_adds_no_element_no_handler_and_no_address(hostile_site, pages):
    out, chosen, _ = hostile_site
    plain = Seen((out / "index.html").read_text(encoding="utf-8"))
    for study_id in chosen:
        seen = Seen((out / f"{study_id}.html").read_text(encoding="utf-8"))
        assert seen.tags.count("script") == plain.tags.count("script"), study_id
        assert not {"img", "svg", "iframe", "b", "object"} & set(seen.tags), study_id
        assert [h for h in seen.handlers if "alert" in str(h)] == []
        assert [h for h in seen.links if re.match(r"\s*(javascript|data|vbscript):", h)] == []
        assert [h for h in seen.links if "evil.example" in h] == []
        assert "math" not in seen.tags
        assert seen.tags.count("h1") == plain.tags.count("h1")
        sections = len(re.findall(r"^## ", pages[study_id], flags=re.M))
        assert seen.tags.count("h2") == sections, study_id


def test_hostile_data_is_shown_as_the_text_that_it_is(hostile_site):
    """Harmless, but not lost: whoever looks sees what stands in the field."""
    out, chosen, _ = hostile_site
    for study_id in chosen:
        html = (out / f"{study_id}.html").read_text(encoding="utf-8")
        text = " ".join(Seen(html).text.split())
        for probe in PROBES:
            assert probe in text, (study_id, probe)


def test_hostile_titles_stand_in_the_heading_as_they_are(hostile_site, records):
    out, chosen, _ = hostile_site
    titled = [study_id for study_id in chosen if records[study_id].source.title]
    assert len(titled) >= 5
    for study_id in titled:
        heading = re.search(r"<h1>(.*?)<a class=.headerlink", (out / f"{study_id}.html").read_text(encoding="utf-8"), flags=re.S)[
            1
        ]
        assert "<" not in heading.replace("<code", "")
        title = " ".join(unescape(heading).split())
        # Sphinx sets quotes, dashes and dots of running text as a printer would, and takes a backslash before them away.
        straight = title.translate(str.maketrans("“”‘’", "\"\"''")).replace("—", "---").replace("–", "--").replace("…", "...")
        for probe in PROBES:
            assert probe.replace("\\", "") in straight.replace("\\", ""), (study_id, probe)


def test_hostile_descriptions_stay_in_their_attribute(hostile_site):
    out, chosen, _ = hostile_site
    for study_id in chosen:
        metas = re.findall(
            r'<meta content="([^"]*)" (?:name|property)="(?:og:)?(?:title|description|type)"',
            (out / f"{study_id}.html").read_text(encoding="utf-8"),
        )
        assert len(metas) == 4, study_id
        assert all("<" not in meta for meta in metas)


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        " javascript:x",
        "data:text/html,x",
        "//evil.example",
        "http://a.org",
        "https://a.org@evil.example/",
        'https://x"y',
        "a:b",
        "vbscript:x",
    ],
)
def test_only_safe_addresses_become_links(href):
    assert not markup.is_safe(href)
    assert str(markup.link("x", href)) == "x"


# ------------------------------------------------------------------------------------------------ the site


@pytest.fixture(scope="module")
def small_project(root, tmp_path_factory):
    """A Sphinx project with the data of the review and nothing in its table of contents but one page."""
    target = tmp_path_factory.mktemp("small")
    shutil.copytree(root / "data", target / "data", ignore=shutil.ignore_patterns("raw"))
    (target / "_config.yml").write_text("title: x\n")
    (target / "start.md").write_text("# Start\n")
    (target / "stray.md").write_text("# A file that is in no table of contents\n")
    (target / "_toc.yml").write_text("root: start\n")
    (target / "conf.py").write_text(
        "from pathlib import Path\nfrom cordbook.core.project import Project\nfrom cordbook.publish.sphinx.made_pages import study_ext\n"
        "from cordbook.publish.pages.study_pages import write_study_pages\nfrom cordbook.review.estimates.estimates import load_estimates\n"
        "def write(app):\n    project = Project(Path(app.srcdir))\n    write_study_pages(project, load_estimates(project.root))\n"
        "extensions = ['myst_parser', 'sphinx_external_toc']\nexternal_toc_exclude_missing = True\nhtml_theme = 'basic'\n"
        "exclude_patterns = ['data', 'out', 'doctrees']\n"
        "def setup(app):\n    app.connect('builder-inited', write)\n    study_ext.connect(app)\n"
    )
    return target


@pytest.fixture(scope="module")
def first_log(small_project):
    """What its first build said."""
    return build(small_project, small_project / "out")


def test_pages_are_built_though_they_are_not_in_the_table_of_contents(small_project, first_log, estimates):
    assert "WARNING" not in first_log
    built = {p.stem for p in (small_project / "out" / FOLDER).glob("*.html")}
    assert built == set(estimates.evidence["studies"]["study_id"])
    assert not (small_project / "out" / "stray.html").exists()


def test_a_second_build_reads_nothing_and_a_change_reads_one_page(small_project, first_log):
    assert "0 added, 0 changed, 0 removed" in build(small_project, small_project / "out")
    studies = small_project / "data" / "studies.csv"
    before = studies.read_text(encoding="utf-8")
    studies.write_text(re.sub(r"^(lima2010,cell_therapy),[^,]*,", r"\1,Atlantis,", before, flags=re.M), encoding="utf-8")
    assert studies.read_text(encoding="utf-8") != before
    assert "0 added, 1 changed, 0 removed" in build(small_project, small_project / "out")
    assert "Atlantis" in (small_project / "out" / FOLDER / "lima2010.html").read_text(encoding="utf-8")
    studies.write_text(before, encoding="utf-8")


def test_the_page_of_a_study_that_is_gone_goes_from_the_site(small_project, first_log):
    left = small_project / "out" / FOLDER / "gone1999.html"
    left.write_text("what an earlier build made")
    build(small_project, small_project / "out")
    assert not left.exists()
    assert (left.parent / "lima2010.html").exists()


# ------------------------------------------------------------------------------------------------ the list


@pytest.fixture(scope="module")
def study_list(records):
    return StudyList(tuple(records.values()), lambda study_id: f"{study_id}.html", next(iter(records.values())).vocabulary)


def test_the_list_has_a_row_a_study_newest_first(study_list, records):
    html = study_list.to_html()
    years = [int(y) for y in re.findall(r'data-label="Year">(\d{4})<', html)]
    assert years == sorted(years, reverse=True)
    seen = Seen(html)
    assert sorted(h.removesuffix(".html") for h in seen.links) == sorted(records)
    assert len(html) < 250_000
    assert list(study_list.latest().labels) == [r.label for r in study_list.newest_first if r.year][:8]


def test_the_list_is_harmless_whatever_the_data_holds(estimates):
    mutated = StudyList(
        tuple(study_records(hostile_with_estimates(estimates)).values()),
        lambda study_id: f"{study_id}.html",
        estimates.evidence.vocabulary,
    )
    for html in (mutated.to_html(), mutated.latest().html):
        seen = Seen(html)
        assert {"script", "img", "svg", "b"} & set(seen.tags) == set()
        assert seen.handlers == []
    assert PROBES[0] in Seen(mutated.latest().html).text


@pytest.fixture
def list_page(study_list, tmp_path):
    rules = "default-src 'none'; script-src 'self' file:; style-src 'self' file:"
    policy = f'<meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{rules}">'
    for asset in ("studies.js", "cordbook.css"):
        shutil.copy(ASSETS / asset, tmp_path / asset)
    for name, script in (("list.html", '<script defer src="studies.js"></script>'), ("plain.html", "")):
        (tmp_path / name).write_text(
            f"<!doctype html><html lang=en data-theme=light><head>{policy}<title>x</title>"
            f"<link rel=stylesheet href=cordbook.css>{script}</head>"
            f"<body>{study_list.to_html()}</body></html>",
            encoding="utf-8",
        )
    return tmp_path


def shown(page) -> list[str]:
    return page.eval_on_selector_all(
        "#studies tbody tr", "rows => rows.filter(r => r.offsetParent !== null).map(r => r.id.replace('study-', ''))"
    )


def test_the_filter_shows_what_fits_and_keeps_the_choice_in_the_address(browser, list_page, records):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((list_page / "list.html").as_uri())
    for key, _, values in CATEGORIES:
        for code in {code for r in records.values() for code, _ in values(r)}:
            page.select_option(f"#cb-studies-{key}", code)
            assert sorted(shown(page)) == sorted(r.study_id for r in records.values() if code in [c for c, _ in values(r)]), (
                key,
                code,
            )
        page.select_option(f"#cb-studies-{key}", "")
    page.select_option("#cb-studies-design", "rct")
    page.fill("#cb-studies-q", "MEXICO cells")
    assert page.evaluate("location.hash") == "#q=MEXICO%20cells&design=rct"
    page.fill("#cb-studies-q", "")
    told = page.locator("#cb-studies-state").inner_text()
    assert told == f"{sum(r.design == 'rct' for r in records.values())} of {len(records)} studies"
    page.goto((list_page / "list.html").as_uri() + "#topic=harm_report")
    page.reload()
    assert sorted(shown(page)) == sorted(r.study_id for r in records.values() if r.topic == "harm_report")
    page.click("#cb-studies-reset")
    assert len(shown(page)) == len(records)
    assert page.evaluate("location.hash") == ""
    assert errors == []
    page.close()


def test_columns_sort_both_ways_by_keyboard(browser, list_page, records):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((list_page / "list.html").as_uri())
    button = page.locator("#studies thead button", has_text="People")
    button.focus()
    page.keyboard.press("Enter")
    largest = max(records.values(), key=lambda r: r.size() or 0)
    assert shown(page)[0] == largest.study_id
    assert page.locator("#studies thead th[aria-sort=descending]").count() == 1
    page.keyboard.press("Enter")
    assert shown(page)[-1] == largest.study_id
    page.close()


def test_without_the_script_the_whole_list_stands_and_no_dead_filter(browser, list_page, records):
    page = browser.new_page()
    page.goto((list_page / "plain.html").as_uri())
    assert len(shown(page)) == len(records)
    assert not page.locator("#cb-studies-filter").is_visible()
    page.close()


def test_the_list_fits_a_phone(browser, list_page):
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto((list_page / "list.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert len(shown(page)) > 200
    page.close()
