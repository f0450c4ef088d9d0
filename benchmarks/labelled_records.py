"""A labelled set for deduplication: the references of data/, multiplied and damaged as exports damage them.

Titles, journals, years and first authors are those of data/references.csv. Volumes, pages and further authors are made up,
because the table holds none. To reach tens of thousands of works, titles are joined from the halves of two; so many works share a
beginning or an end, which makes the set harder than most real ones. Each work stands in one to five records, each damaged.
Beside them stand near misses that are other reports: notices, abstracts of meetings, replies, protocols, parts I and II, other
follow-up, the same title in another year, entries of registers, abstracts that share the DOI of their supplement, prefaces that share
the DOI of their book.
"""

from __future__ import annotations

import csv
import random
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from cordbook.intake.records.record import Record, tidy

SURNAMES = [
    "Müller",
    "García-López",
    "O'Connor",
    "Nguyễn",
    "Østergaard",
    "van-der-Berg",
    "Smith",
    "Chen",
    "Wang",
    "Li",
    "Kim",
    "Tanaka",
    "Rossi",
    "Silva",
    "Kowalski",
    "Ivanov",
    "Yılmaz",
    "Haddad",
    "Okafor",
    "Singh",
    "Novák",
    "Jensen",
    "Dubois",
    "Fernández",
    "Schäfer",
    "Lindström",
    "Papadopoulos",
    "Cohen",
    "Ali",
    "Zhang",
    "Liu",
    "Park",
    "Sato",
    "Bianchi",
    "Costa",
    "Nowak",
    "Petrov",
    "Demir",
    "Khan",
    "Patel",
]
GIVEN = [
    "Ana",
    "Bo",
    "Carla",
    "David",
    "Elena",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Jan",
    "Karin",
    "Luis",
    "Mei",
    "Nora",
    "Omar",
    "Paul",
    "Rosa",
    "Sven",
    "Tariq",
    "Wei",
]
#: Journals as one source transliterates and another translates them.
TWO_NAMES = {
    "Zhonghua Wai Ke Za Zhi": "Chinese Journal of Surgery",
    "Nihon Seikeigeka Gakkai Zasshi": "Journal of the Japanese Orthopaedic Association",
    "Zhurnal Voprosy Neirokhirurgii": "Problems of Neurosurgery",
    "Revista Espanola de Cirugia Ortopedica": "Spanish Journal of Orthopaedic Surgery",
    "Der Unfallchirurg": "Trauma Surgery",
}
MARKUP = ("<i>{}</i>", "<sup>{}</sup>", "<b>{}</b>")
TYPO = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Records with the work each stands for; two records are one if their works are equal."""

    records: tuple[Record, ...]
    works: tuple[str, ...]


def labelled(references: Path, count: int, seed: int) -> Labelled:
    """About ``count`` records, the same for the same seed."""
    rng = random.Random(seed)
    base = [row for row in _rows(references) if row["title"] and not row["same_as"]]
    found: list[tuple[str, Record]] = []
    number = 0
    while len(found) < count:
        number += 1
        work = _work(base[number - 1], number, rng) if number <= len(base) else _joined(base, number, rng)
        copies = rng.choices((1, 2, 3, 4, 5), (35, 30, 20, 10, 5))[0]
        found += [(f"w{number}", _damaged(work, rng, source)) for source in range(copies)]
        found += [(f"w{number}.{kind}", _damaged(near, rng, 0, light=True)) for kind, near in _near_misses(work, rng)]
    rng.shuffle(found)
    return Labelled(tuple(tidy(r) for _, r in found), tuple(w for w, _ in found))


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _work(row: dict[str, str], number: int, rng: random.Random) -> Record:
    first = row["first_author"] or rng.choice(SURNAMES)
    people = [f"{first}, {rng.choice(GIVEN)}"] + [f"{rng.choice(SURNAMES)}, {rng.choice(GIVEN)}" for _ in range(rng.randrange(6))]
    page = rng.randrange(1, 2400)
    if rng.random() < 0.03:
        row = dict(row, journal=rng.choice(list(TWO_NAMES)))
    return Record(
        source="Embase",
        title=row["title"],
        authors="; ".join(people),
        year=row["year"] or "2015",
        container=row["journal"] or "Spinal Cord",
        volume=str(rng.randrange(1, 120)),
        issue=str(rng.randrange(1, 12)),
        pages=f"{page}-{page + rng.randrange(1, 14)}" if rng.random() < 0.8 else f"e{page}",
        doi=row["doi"] or (f"10.1000/{number}" if rng.random() < 0.8 else ""),
        pmid=row["pmid"] or (str(30_000_000 + number) if rng.random() < 0.7 else ""),
        kind="Article",
    )


def _joined(base: list[dict[str, str]], number: int, rng: random.Random) -> Record:
    a, b, c = rng.choice(base), rng.choice(base), rng.choice(base)
    one, other = a["title"].split(), b["title"].split()
    title = " ".join(one[: max(3, len(one) * 2 // 3)] + other[len(other) // 3 :])
    row = dict(c, title=title, doi="", pmid="", first_author=rng.choice(SURNAMES) if rng.random() < 0.5 else c["first_author"])
    row["year"] = str(rng.randrange(1985, 2026))
    return _work(row, number, rng)


def _damaged(record: Record, rng: random.Random, source: int, *, light: bool = False) -> Record:
    """As another database would have it. ``light``: for near misses, which are hard enough."""
    title, year = record.title, record.year
    chance = rng.random
    if chance() < 0.15:
        title = title.upper()
    elif chance() < 0.3:
        title = title.title()
    if chance() < 0.2:
        title = _bare(title)
    if chance() < 0.15:
        title = title.replace(" and ", " & ")
    if chance() < 0.1:
        at = title.split()
        place = rng.randrange(len(at))
        at[place] = rng.choice(MARKUP).format(at[place])
        title = " ".join(at)
    if chance() < 0.3:
        title += "."
    if chance() < 0.05:
        title = f"[{title}]"
    if not light:
        if chance() < 0.08 and len(title) > 70:
            title = title[: rng.randrange(60, len(title))]
        elif chance() < 0.06 and ": " in title and len(title.split(": ")[0]) > 40:
            title = title.split(": ")[0]
        if chance() < 0.1:
            at = rng.randrange(len(title))
            title = title[:at] + rng.choice((rng.choice(TYPO), "")) + title[at + 1 :]
        if chance() < 0.06 and year:
            year = str(int(year) + rng.choice((-1, 1)))
        if chance() < 0.03:
            title = rng.choice(("{} [corrected]", "RETRACTED: {}", "{} (Retracted article)", "{} [In German]")).format(
                title.rstrip(".")
            )
    out = replace(record, title=title, year=year, source=("Embase", "Web of Science", "Scopus", "PubMed", "CENTRAL")[source % 5])
    out = replace(out, **_volume(out, rng))
    out = replace(
        out, authors=_authors(record.authors, rng), container=_container(record.container, rng), pages=_pages(record.pages, rng)
    )
    missing = {"doi": 0.35, "pmid": 0.5, "issue": 0.3, "authors": 0.03, "container": 0.04, "year": 0.02}
    if not light and chance() < 0.06:
        # Ahead of print: the place in the journal is not yet known, and some sources count pages from 1.
        missing |= {"volume": 1, "issue": 1, "pages": 0.6}
        out = replace(out, pages=f"1-{rng.randrange(4, 14)}")
    else:
        missing |= {"volume": 0.04, "pages": 0.05}
    return replace(out, **{name: "" for name, share in missing.items() if chance() < share})


def _volume(record: Record, rng: random.Random) -> dict[str, str]:
    """Volume and issue as sources write them: apart, the issue behind the volume, words before the number."""
    volume, issue, form = record.volume, record.issue, rng.random()
    if not volume or form < 0.7:
        return {}
    if "Suppl" in issue:
        number = issue.split()[0]
        text = rng.choice((f"{volume} ({number} Supplement)", f"{volume} Suppl {number}", f"{volume}({number})", volume))
        return {"volume": text, "issue": ""}
    return {"volume": rng.choice((f"{volume}({issue})", f"Vol. {volume}", f"0{volume}", volume)), "issue": ""}


def _near_misses(work: Record, rng: random.Random) -> list[tuple[str, Record]]:
    found = []
    fresh = {"doi": "", "pmid": ""}
    place = {"volume": str(rng.randrange(1, 120)), "issue": "", "pages": str(rng.randrange(1, 2400))}
    year = int(work.year)
    chance = rng.random
    if chance() < 0.05:
        word = rng.choice(
            ("Erratum: {}", "Correction to: {}", "Corrigendum to “{}”", "Retraction: {}", "{}: Erratum", "Author Correction: {}")
        )
        found.append(("notice", replace(work, title=word.format(work.title), **fresh, pages=place["pages"])))
    if chance() < 0.08:
        where = rng.choice(
            (
                "Journal of Spinal Cord Medicine",
                "Cytotherapy",
                "Neurorehabilitation and Neural Repair",
                "Annual Meeting Abstracts",
            )
        )
        doi = f"10.2000/{rng.randrange(10**7)}" if chance() < 0.5 else ""
        elsewhere = place | {"container": where, "doi": doi, "pmid": "", "pages": f"S{place['pages']}"}
        kind = "Conference Abstract" if chance() < 0.7 else "Article"
        found.append(("meeting", replace(work, year=str(year - rng.randrange(2)), kind=kind, **elsewhere)))
    if chance() < 0.03:
        word = rng.choice(("Reply to: {}", "Re: {}", "Comment on: {}", "{}: study protocol", "Letter to the editor: {}"))
        found.append(("letter", replace(work, title=word.format(work.title), **fresh, **place)))
    if chance() < 0.05:
        part = rng.choice((("Part I", "Part II"), ("part 1", "part 2"), ("phase I", "phase II"), ("6 months", "12 months")))
        for kind, words in zip("ab", part, strict=True):
            there = replace(work, title=f"{work.title}: {words}", **fresh, pages=f"{place['pages']}{(kind == 'b' and '1') or ''}")
            found.append((f"part{kind}", replace(there, volume=place["volume"], issue="")))
    if chance() < 0.05:
        found.append(("again", replace(work, year=str(year + rng.randrange(2, 9)), **fresh, **place)))
    if chance() < 0.03:
        # Two abstracts in one supplement, of one first author, under one DOI.
        congress = replace(
            work, **place | {"issue": "2 Suppl", "doi": f"10.3000/{rng.randrange(10**7)}", "pmid": ""}, kind="Conference Abstract",
            container="Annual Meeting Abstracts",
        )  # fmt: skip
        for number, kind in enumerate("xy"):
            title = congress.title if kind == "x" else " ".join(reversed(congress.title.split()))
            there = replace(congress, title=title, pages=f"A{int(place['pages']) + number}")
            found += [(f"abstract{kind}", there)] * 2
    if chance() < 0.01:
        book = {
            "doi": f"10.4000/{rng.randrange(10**7)}",
            "pmid": "",
            "container": "Handbook of the Spinal Cord",
            "volume": "",
            "issue": "",
        }
        for kind, name in zip("pq", rng.sample(SURNAMES, 2), strict=True):
            pages = f"{rng.randrange(1, 900)}-{rng.randrange(901, 999)}"
            found.append(
                (f"preface{kind}", replace(work, title="Preface", authors=f"{name}, Ana", pages=pages, kind="Chapter", **book))
            )
    if chance() < 0.03:
        key = f"NCT{rng.randrange(10**7, 10**8)}"
        found.append(
            (
                "register",
                Record(
                    source="ClinicalTrials.gov",
                    source_key=key,
                    title=work.title,
                    year=str(year - 2),
                    container="ClinicalTrials.gov",
                ),
            )
        )
    return found


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _authors(text: str, rng: random.Random) -> str:
    people = [(f, g) for f, _, g in (p.partition(", ") for p in text.split("; "))]
    form = rng.randrange(5)
    if rng.random() < 0.2:
        people = [(_bare(f), _bare(g)) for f, g in people]
    elif rng.random() < 0.1:
        people = [(f.replace("ü", "ue").replace("ä", "ae").replace("'", ""), g) for f, g in people]
    if rng.random() < 0.15:
        people = people[:1]
    written = (
        lambda f, g: f"{f}, {g}",
        lambda f, g: f"{f}, {g[:1]}.",
        lambda f, g: f"{f} {g[:1]}",
        lambda f, g: f"{g} {f}",
        lambda f, g: f"{g[:1]}. {f}",
    )[form]
    return "; ".join(written(f, g) if g else f for f, g in people)


def _container(text: str, rng: random.Random) -> str:
    form = rng.random()
    if text in TWO_NAMES:
        return TWO_NAMES[text] if form < 0.5 else text
    if form < 0.35:
        short = {"Journal": "J", "International": "Int", "American": "Am", "European": "Eur", "National": "Natl"}
        kept = [w for w in text.split() if w.casefold() not in ("of", "the", "and", "in", "for", "&")]
        return " ".join(short.get(w, w if len(w) <= 6 or len(kept) == 1 else w[:5] + ".") for w in kept)
    if form < 0.5:
        return text.upper()
    return f"{text} (London, England)" if form < 0.55 else text


def _pages(text: str, rng: random.Random) -> str:
    first, _, last = text.partition("-")
    form = rng.random()
    if not last or form < 0.5:
        return text
    if form < 0.75:
        same = 0
        while same < len(first) == len(last) and first[same] == last[same]:
            same += 1
        return f"{first}-{last[same:] or last}"
    return first if form < 0.85 else f"pp. {first}–{last}"
