"""The feed, held against the published schema of RFC 4287 and rule by rule, with hostile data and two releases.

The schema does not say all that the RFC does (who must have an author, which links may stand together); the rules here do. In a
built book: test_cite_box.py.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.evidence.review_state import load_status
from cordbook.publish.pages.feed import ATOM, feed_xml
from cordbook.review.citation.edition import Author, Edition
from cordbook.review.reporting.freezing import freeze
from cordbook.review.reporting.news import MOST, Item, news
from cordbook.review.versions.releases import Frozen, Release, Version

from ..conftest import ROOT

NS = f"{{{ATOM}}}"
EDITION = Edition("A <b>book</b> & more", (Author("Ng", "A."),), "0.2.0", dt.date(2026, 11, 21), True)
#: RFC 3339 with the capitals that RFC 4287 section 3.3 asks for.
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
TEXT = st.text(max_size=80) | st.sampled_from(["</title><script>alert(1)</script>", "a & b ]]> c", "\x00\x1f\ufffe\ud800", ""])


@pytest.fixture(scope="module")
def status(root):
    return load_status(root / "data")


def parsed(feed: bytes) -> ET.Element:
    """The feed, after every rule of RFC 4287 that binds it has been looked at."""
    assert feed.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n")
    top = ET.fromstring(feed)
    assert top.tag == f"{NS}feed"
    # 4.1.1: exactly one id, title, updated; at most one subtitle, rights, generator, logo, icon; an author.
    for name in ("id", "title", "updated"):
        assert len(top.findall(NS + name)) == 1, name
    for name in ("subtitle", "rights", "generator", "logo", "icon"):
        assert len(top.findall(NS + name)) <= 1, name
    assert top.findall(f"{NS}author")
    known = {"id", "title", "updated", "subtitle", "rights", "generator", "author", "link", "entry", "category", "contributor"}
    assert {child.tag.removeprefix(NS) for child in top} <= known
    selfs = [link for link in top.findall(f"{NS}link") if link.get("rel") == "self"]
    assert len(selfs) == 1
    entries = top.findall(f"{NS}entry")
    for entry in entries:
        # 4.1.2: exactly one id, title, updated; at most one summary, content; without content an alternate link.
        for name in ("id", "title", "updated"):
            assert len(entry.findall(NS + name)) == 1, name
        assert len(entry.findall(f"{NS}summary")) <= 1
        alternates = [link for link in entry.findall(f"{NS}link") if link.get("rel", "alternate") == "alternate"]
        assert alternates
        assert len({(link.get("type"), link.get("hreflang")) for link in alternates}) == len(alternates)
    for element in top.iter():
        if element.tag in (f"{NS}title", f"{NS}subtitle", f"{NS}summary", f"{NS}rights"):
            # 3.1: text constructs; plain text has no child elements.
            assert element.get("type", "text") == "text"
            assert len(element) == 0
        if element.tag == f"{NS}updated":
            assert RFC3339.fullmatch(element.text)
        if element.tag == f"{NS}link":
            assert re.fullmatch(r"[A-Za-z0-9:/._~#-]+", element.get("href"))
        if element.tag == f"{NS}author":
            # 3.2: exactly one name, not empty.
            assert len(element.findall(f"{NS}name")) == 1
            assert element.find(f"{NS}name").text
    ids = [element.text for element in top.iter(f"{NS}id")]
    # 4.2.6: an IRI, absolute; every entry its own.
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", i) for i in ids)
    assert len(set(ids)) == len(ids)
    # A feed is no older than its newest entry.
    times = [entry.find(f"{NS}updated").text for entry in entries]
    assert not times or top.find(f"{NS}updated").text >= max(times)
    assert times == sorted(times, reverse=True)
    return top


@pytest.fixture(scope="module")
def frozen(estimates):
    return freeze(estimates)


def release(frozen: Frozen, version: str, day: int, without: set[str] = frozenset()) -> Release:
    studies = {k: v for k, v in frozen.rows["studies"].items() if k not in without}
    rows = {**frozen.rows, "studies": studies}
    date = dt.date(2027, 1, day)
    return Release(frozen.estimates, (), (), rows, {}, version=Version.parse(version), date=date, manifest=None)


def test_before_the_first_release_the_feed_says_so(estimates, status):
    top = parsed(feed_xml(news(estimates.evidence, status, (), len(estimates)), status, EDITION, {"index"}))
    titles = [e.find(f"{NS}title").text for e in top.iter(f"{NS}entry")]
    assert titles[-1] == "Baseline of 20 November 2026"
    # Studies that screening has included since are news of their day.
    assert all(title.startswith("New study: ") for title in titles[:-1])
    assert top.find(f"{NS}title").text == EDITION.title


def test_new_studies_come_with_the_release_that_brought_them(estimates, frozen, status):
    releases = (release(frozen, "0.1.0", 1, {"lima2010", "levi2018"}), release(frozen, "0.2.0", 2, {"levi2018"}))
    items = {item.name: item for item in news(estimates.evidence, status, releases, len(estimates))}
    assert list(items) == ["release 0.2.0", "study levi2018", "study lima2010", "release 0.1.0"]
    assert items["study lima2010"].date == dt.date(2027, 1, 2)
    assert items["study levi2018"].date == dt.date(2027, 1, 2), "never before the last release"
    assert "Studies new since 0.1.0: 1." in items["release 0.2.0"].text
    parsed(feed_xml(list(items.values()), status, EDITION, {"index", "book/studies/lima2010"}))


def screened(estimates, record: str, study: str, *days: str):
    """The evidence with a record and the decisions to include it, by two people on these days."""
    row = {
        "record_id": record,
        "authors": "Novak, Jana; Li, Wei",
        "year": 2027,
        "title": "A new trial",
        "pmid": None,
        "doi": None,
    }
    chosen = {"record_id": record, "stage": "full_text", "role": "reviewer", "decision": "include", "study_id": study}
    decisions = [{**chosen, "reviewer": who, "decided_at": f"{day}T10:00:00Z"} for who, day in zip("AB", days, strict=False)]
    tables = {name: estimates.evidence[name] for name in estimates.evidence}
    tables["records"] = pd.DataFrame([row])
    tables["screening"] = pd.DataFrame(decisions)
    return dataclasses.replace(estimates.evidence, tables=tables)


def test_a_study_is_news_on_the_day_of_its_inclusion_extracted_or_not(estimates, frozen, status):
    evidence = screened(estimates, "r1", "novak2027", "2027-04-01", "2027-04-03")
    for releases in ((), (release(frozen, "0.1.0", 1),)):
        item = next(i for i in news(evidence, status, releases, 1) if i.name == "study novak2027")
        assert (item.title, item.date) == ("Included: Novak 2027", dt.date(2027, 4, 3))
        assert item.text.startswith("A new trial. Not in a released version yet")
    assert "study novak2027" not in {i.name for i in news(screened(estimates, "r1", "novak2027", "2027-04-01"), status, (), 1)}
    extracted = screened(estimates, "r1", "levi2018", "2027-04-01", "2027-04-03")
    items = {i.name: i for i in news(extracted, status, (release(frozen, "0.1.0", 1, {"levi2018"}),), 1)}
    assert (items["study levi2018"].title, items["study levi2018"].date) == ("New study: Levi 2018", dt.date(2027, 4, 3))
    assert items.keys() == {"study levi2018", "release 0.1.0"}


def test_the_feed_is_as_new_as_the_book(estimates, status):
    later = dataclasses.replace(EDITION, date=dt.date(2028, 1, 1))
    top = parsed(feed_xml(news(estimates.evidence, status, (), 1), status, later, {"index"}))
    assert top.find(f"{NS}updated").text == "2028-01-01T00:00:00Z"


def test_an_entry_keeps_its_name_when_its_study_is_released(estimates, frozen, status):
    one = (release(frozen, "0.1.0", 1, {"lima2010"}),)
    two = (*one, release(frozen, "0.2.0", 2))
    ids = []
    for releases in (one, two):
        top = parsed(feed_xml(news(estimates.evidence, status, releases, 1), status, EDITION, {"index"}))
        ids.append({e.find(f"{NS}title").text: e.find(f"{NS}id").text for e in top.iter(f"{NS}entry")})
    assert ids[0].items() <= ids[1].items()


def test_a_long_history_is_cut(estimates, frozen, status):
    names = set(estimates.evidence["studies"]["study_id"])
    releases = (release(frozen, "0.1.0", 1, names), release(frozen, "0.2.0", 2))
    assert len(names) > MOST
    assert len(news(estimates.evidence, status, releases, 1)) == MOST


def test_with_an_address_every_link_is_whole(estimates, status):
    there = dataclasses.replace(status, address="https://example.org/book/")
    top = parsed(feed_xml(news(estimates.evidence, there, (), 1), there, EDITION, {"index"}))
    assert {link.get("href") for link in top.iter(f"{NS}link")} == {
        "https://example.org/book/feed.xml", "https://example.org/book/index.html",
    }  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_nothing_in_the_data_becomes_markup(title, text, author):
    status = load_status(ROOT / "data")
    edition = dataclasses.replace(EDITION, title=title, authors=(Author(f"x{author}"),))
    items = [Item("study x", title, dt.date(2026, 1, 2), text, "index")]
    top = parsed(feed_xml(items, status, edition, {"index"}))
    assert not any(element.tag.endswith("script") for element in top.iter())
    assert len(list(top.iter(f"{NS}entry"))) == 1
    assert "&lt;script" in feed_xml(items, status, edition, {"index"}).decode() or "<script" not in title + text + author


def faults(validators, folder, feeds: dict[str, bytes]) -> dict[str, str]:
    """What the published schema has against feeds, by name; blank where it has nothing."""
    schema = validators.parent / "atom.rng"
    if not schema.exists():
        pytest.skip("the schema of Atom is not on this machine: make validators")
    paths = []
    for name, feed in feeds.items():
        path = folder / f"{name.replace(' ', '-')}.xml"
        path.write_bytes(feed)
        paths.append(str(path))
    command = [str(validators / "python"), str(Path(__file__).with_name("atom_schema.py")), str(schema), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: "" if line == "valid" else line for name, line in zip(feeds, done.stdout.splitlines(), strict=True)}


def test_the_published_schema_takes_every_feed(validators, tmp_path, estimates, frozen, status):
    there = dataclasses.replace(status, address="https://example.org/book/")
    releases = (release(frozen, "0.1.0", 1, {"lima2010"}), release(frozen, "0.2.0", 2))
    hostile = dataclasses.replace(EDITION, title="</title><script>", authors=(Author("x\x00 & <b>"),))
    feeds = {
        "first": feed_xml(news(estimates.evidence, status, (), 1), status, EDITION, {"index"}),
        "released": feed_xml(news(estimates.evidence, status, releases, 1), status, EDITION, {"index", "book/studies/lima2010"}),
        "published": feed_xml(news(estimates.evidence, there, releases, 1), there, EDITION, {"index"}),
        "hostile": feed_xml([Item("study x", "]]> &", dt.date(2026, 1, 2), "\ud800<p>", "index")], status, hostile, {"index"}),
    }
    site = ROOT / "_build" / "html" / "feed.xml"
    if site.exists():
        feeds["built"] = site.read_bytes()
    assert set(faults(validators, tmp_path, feeds).values()) == {""}


def test_the_published_schema_would_find_faults(validators, tmp_path, estimates, status):
    feed = feed_xml(news(estimates.evidence, status, (), 1), status, EDITION, {"index"}).decode()
    mutated = {
        "no id": re.sub(r"<id>.*?</id>", "", feed, count=1),
        "two titles": re.sub(r"(<title[^>]*>.*?</title>)", r"\1\1", feed, count=1),
        "a day for a date": re.sub(r"(<updated>\d{4}-\d\d-\d\d)T[^<]*", r"\1", feed, count=1),
        "an entry without a date": re.sub(r"(<entry>.*?)<updated>.*?</updated>", r"\1", feed, count=1, flags=re.S),
        "a link without an address": re.sub(r"<link ([^>]*)href=\"[^\"]*\"", r"<link \1", feed, count=1),
        "an element of our own": feed.replace("<entry>", "<entry><harm>none</harm>", 1),
    }
    assert all(text != feed for text in mutated.values())
    found = faults(validators, tmp_path, {name: text.encode() for name, text in mutated.items()})
    assert [name for name, fault in found.items() if not fault] == []
