"""Tables: escaped, with heads and row names that a screen reader can use."""

from html.parser import HTMLParser

from cordbook.display.html.table import Cell, Table
from cordbook.display.tables.estimate_tables import summary_of_findings
from cordbook.review.estimates.phrases import phrase, plain_sentence


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def read(table):
    reader = _Reader()
    reader.feed(table.to_html())
    return reader


def test_text_of_any_kind_stays_text():
    nasty = "<img src=x onerror=alert(1)>\"'&"
    reader = read(Table("t", nasty, ("A", nasty), ((Cell(nasty), Cell(nasty, href="x.html", numeric=True)),), (nasty,)))
    assert "img" not in [tag for tag, _ in reader.tags]
    assert "".join(reader.text).count(nasty) == 4
    assert ("tr", {"id": nasty}) in reader.tags


def test_rows_and_columns_have_heads():
    reader = read(
        Table("t", "C", ("Name", "Count"), ((Cell("a"), Cell("1", numeric=True)), (Cell("b"), Cell("2", numeric=True))))
    )
    heads = [attrs for tag, attrs in reader.tags if tag == "th"]
    assert [h["scope"] for h in heads] == ["col", "col", "row", "row"]
    assert heads[1]["class"] == "cb-number"
    assert any(tag == "caption" for tag, _ in reader.tags)


def test_an_empty_table_is_still_a_table():
    assert "<tbody>" in Table("t", "Nothing yet", ("A",), ()).to_html()


def test_the_summary_says_what_the_estimates_say(estimates):
    chosen = [estimates["ais-improved-cell-therapy"], estimates["ais-improved-treated-v-control"]]
    frame = summary_of_findings(chosen, "S").to_frame()
    assert list(frame["Studies, patients"]) == [f"{phrase(e, 'k')} {phrase(e, 'people')}" for e in chosen]
    assert list(frame["Outcome"]) == [f"{e.title} {plain_sentence(e)}" for e in chosen]
    assert frame["Pooled result (95% CI)"][0].startswith(phrase(chosen[0], "point"))
    assert frame["With, per 1,000"][0].split()[0] == f"{1000 * chosen[0].result.estimate:.0f}"
    assert frame["Pooled result (95% CI)"][1].startswith("OR ")


def test_the_plain_text_form_holds_every_cell():
    table = Table("t", "C", ("A", "B"), ((Cell("x"), Cell("y")),))
    assert all(word in repr(table) for word in ("C", "A", "B", "x", "y"))
