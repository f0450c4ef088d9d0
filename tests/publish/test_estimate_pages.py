"""Pages of estimates: their numbers are those of the estimate, natural recovery stands beside, nothing from data is markup."""

from __future__ import annotations

import dataclasses
import re
from html import unescape

import pytest
import yaml

from cordbook.core.project import Project
from cordbook.display.html.markup import element
from cordbook.display.html.pieces import Link, numbers
from cordbook.evidence.vocabulary import part_name
from cordbook.publish.pages.estimate_pages import (
    FOLDER,
    Beside,
    description,
    estimate_models,
    estimate_page,
    estimate_pages,
    headline,
    natural_of,
    write_estimate_pages,
)
from cordbook.publish.pages.score_pages import ScorePage
from cordbook.review.appraisal.certainty import rate
from cordbook.review.estimates.phrases import counts_of, phrase, plain_sentence
from cordbook.review.scores.estimates import scores_of

HOSTILE = '"><script>alert(1)</script> {{x}} `y` $z$ <img src=x onerror=alert(2)> ---\n# not a heading'


@pytest.fixture(scope="module")
def models(root, estimates):
    return estimate_models(Project(root), estimates)


@pytest.fixture(scope="module")
def pages(models):
    return {name: model.source() for name, model in models.items()}


def meta(page):
    return yaml.safe_load(page.split("---")[1])["myst"]["html_meta"]


def text_of(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_every_estimate_has_a_page_with_its_number(models, estimates):
    assert set(models) == {e.id for e in (*estimates, *scores_of(estimates))}
    rated = rate(estimates, [e.id for e in estimates])
    for e in estimates:
        page = models[e.id]
        assert page.preview.startswith(e.title)
        assert page.preview.endswith(headline(e))
        # One comparison alone has no pooled number; its counts say what there is.
        told = counts_of(e) if not e.is_reported and e.k else phrase(e, "short")
        assert told.casefold() in page.description.casefold()
        assert page.facts["Studies"] == f"{e.k:,}"
        assert page.facts["People"] == f"{e.n:,}"
        if e.is_comparison:
            (events1, n1), (events2, n2) = e.arms
            assert page.facts["Events of patients"] == f"{events1:,} of {n1:,} treated, {events2:,} of {n2:,} not"
        else:
            assert page.facts["Events of patients"] == phrase(e, "of")
        assert not e.is_reported or f"Rule-based certainty: {rated[e.id].level}." in page.plain
        assert rated[e.id].because in page.facts["Rule-based certainty"]
        studies = [row[0].href for row in page.studies.rows if isinstance(row[0], Link)] if page.studies else []
        assert studies == [f"../studies/{row.study_id}.html" for row in e.rows]
        if e.result is not None and e.result.pi_low is not None:
            assert page.facts["A new study may show"] == phrase(e, "prediction")


def test_every_number_on_a_page_comes_from_its_model_and_each_of_the_model_is_there(models, pages):
    for name, page in models.items():
        own = re.sub(r"^(before|after)-.*\n", "", pages[name], flags=re.M)  # what its neighbours are called
        assert set(numbers(text_of(own))) == set(page.numbers()), name
        shown = page.value if isinstance(page, ScorePage) else page.number.value
        assert shown in text_of(pages[name])


def test_a_share_of_treated_people_has_natural_recovery_beside_it(pages, estimates):
    e = estimates["ais-improved-cell-therapy"]
    assert [n.id for n in natural_of(e, list(estimates))] == ["natural-ais-a-acute"]
    assert phrase(estimates["natural-ais-a-acute"], "short") in meta(pages[e.id])["description"]
    assert phrase(estimates["natural-ais-a-acute"], "full") in text_of(pages[e.id])
    assert "cb-interval-plot-natural" in pages[e.id]
    every = natural_of(estimates["ais-improved-cell-therapy-thoracic"], list(estimates))
    assert len(every) >= 4
    assert all(n.id.startswith("natural-ais") for n in every)


def test_no_natural_recovery_where_it_does_not_apply(pages, estimates):
    for name in ("tumour-cell-therapy", "ais-improved-treated-v-control", "natural-ais-a-acute", "myelopathy-sbrt"):
        assert natural_of(estimates[name], list(estimates)) == ()
        assert "## Without the treatment" not in pages[name]
    without = pages["motor-improved-cell-therapy"]
    assert "was not counted in a way that can be pooled" in without
    assert "cb-interval-plot-natural" not in without


def test_a_comparison_says_its_measure_and_both_arms(pages, estimates):
    e = estimates["ais-improved-treated-v-control"]
    assert headline(e).startswith("odds ratio ")
    assert "A odds" not in pages[e.id]
    assert "An odds ratio of 1 would mean no difference." in pages[e.id]
    assert "A risk ratio of 1 would mean no difference." in pages["ais-improved-msc-treated-v-control"]
    row = e.rows[0]
    assert f"{row.events1}/{row.n1} v {row.events2}/{row.n2}" in pages[e.id]


def test_parts_and_wholes_lead_to_each_other(pages, estimates):
    for part in estimates.parts("ais-improved-cell-therapy-phase"):
        assert f'href="{part.id}.html"' in pages["ais-improved-cell-therapy-phase"]
        assert 'href="ais-improved-cell-therapy-phase.html"' in pages[part.id]


def test_parts_are_named_in_words_and_say_what_holds_of_them(pages, estimates):
    parts = [e for e in estimates if e.synthesis.parent]
    assert len(parts) > 20
    for e in parts:
        name = e.id.rpartition("--")[2]
        assert not e.title.endswith(f": {name.replace('-', ' ')}") or name in ("case-series", "olfactory-mucosa"), e.title
        told = plain_sentence(e)
        assert told.startswith(part_name(e.title))
        assert phrase(e, "of") in told
        assert "Over all" not in told
    assert estimates["ais-improved-cell-therapy--ad-msc"].title == "AIS improved after cell therapy: fat-tissue MSC"
    assert estimates["ais-improved-cell-therapy-phase--acute"].title == "AIS improved after cell therapy: acute injury"


def test_a_level_without_words_still_reads(estimates):
    words = estimates.evidence.vocabulary
    assert words.part_title("Walking, by robot", "robot", "new_kind") == "Walking: new kind"
    assert words.part_title("Walking, by route", "route", "new_kind") == "Walking: new kind"


def test_chapters_are_there_and_have_the_number_of_their_section(root, estimates):
    pages = {s.section: s.page for s in estimates.evidence.subject.sections.values() if s.page}
    assert {e.synthesis.section for e in estimates} <= set(pages)
    for section, page in pages.items():
        text = (root / f"{page}.ipynb").read_text(encoding="utf-8")
        assert f'"# {section} ' in text, page


def test_whatever_data_hold_stays_text(estimates):
    e = estimates["ais-improved-cell-therapy"]
    rows = tuple(dataclasses.replace(row, label=HOSTILE) for row in e.rows)
    synthesis = dataclasses.replace(e.synthesis, question=HOSTILE, note=HOSTILE)
    bad = dataclasses.replace(e, title=HOSTILE, synthesis=synthesis, rows=rows)
    c = rate(estimates, [e.id])[e.id]
    c = dataclasses.replace(c, start_reason=HOSTILE, domains=tuple(dataclasses.replace(d, reason=HOSTILE) for d in c.domains))
    page = estimate_page(bad, Beside(c, (bad,), bad, (bad,), None)).source()
    body = re.sub(r"\\[!-/:-@\[-`{-~]", "", page.split("\n---\n", 1)[1])  # without what MyST reads as a plain sign
    assert "<script" not in body
    assert "<img" not in body
    assert not re.search(r"[`{}$]", body)
    assert len([line for line in body.splitlines() if line.startswith("# ")]) == 1
    assert "script" in meta_of_first(page)["property=og:title"]


def meta_of_first(page):
    head = page.removeprefix("---\n").split("\n---\n", 1)[0]
    return yaml.safe_load(head)["myst"]["html_meta"]


def test_an_estimate_without_a_study_says_so(estimates):
    e = estimates["ais-improved-cell-therapy"]
    empty = dataclasses.replace(e, rows=(), result=None)
    page = estimate_page(empty, Beside()).source()
    assert "not estimable" in page
    assert "No study has a count" in page
    assert "None" not in page
    assert description(empty, Beside()) == "No study could be pooled."


def test_the_box_of_another_module_stands_at_the_end(root, estimates):
    page = estimate_page(estimates["tumour-cell-therapy"], Beside(), lambda e: element("p", e.id, class_="box")).source()
    assert page.rstrip().endswith('## Cite or correct\n\n<p class="box">tumour-cell-therapy</p>')


def test_pages_are_written_only_when_they_change_and_go_with_their_estimate(tmp_path, root, estimates):
    (tmp_path / "data").mkdir()
    project = Project(tmp_path)
    assert set(write_estimate_pages(project, estimates)) == {e.id for e in (*estimates, *scores_of(estimates))}
    left = tmp_path / FOLDER / "gone.md"
    left.write_text("x", encoding="utf-8")
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / FOLDER).glob("*.md") if p != left}
    assert write_estimate_pages(project, estimates) == ()
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / FOLDER).glob("*.md")} == before


def test_an_id_that_cannot_name_a_page_is_refused(root, estimates):
    class Odd(list):
        def parts(self, _):
            return []

    with pytest.raises(ValueError, match=r"no page can be named '\.\./up'"):
        estimate_pages(Project(root), Odd([dataclasses.replace(estimates["tumour-cell-therapy"], id="../up")]))
