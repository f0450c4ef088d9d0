"""Templates can only lay out: what they show is escaped, what they state comes from the model."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from jinja2 import UndefinedError, nodes

from cordbook.display.html import templates
from cordbook.display.html.inline_interval_plot import InlineIntervalPlot
from cordbook.display.html.pieces import Cell, Facts, Link, numbers, shown, texts
from cordbook.display.html.table import Table, folded

NAMES = sorted(path.name for path in templates.FOLDER.iterdir())
HOSTILE = "<script>{{7*7}}</script> `x` $y$ {est}`z` \"'>\n\n# no heading"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_takes_no_text_for_markup(name):
    parsed = templates._environment().parse((templates.FOLDER / name).read_text(encoding="utf-8"))
    assert {f.name for f in parsed.find_all(nodes.Filter)} <= {"capital", "myst", "quoted"}
    # ``~`` would escape by the rules of Jinja2, which know nothing of Markdown.
    assert not list(parsed.find_all((nodes.Concat, nodes.FilterBlock, nodes.MarkSafe, nodes.EvalContextModifier)))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_states_no_number(name):
    parsed = templates._environment().parse((templates.FOLDER / name).read_text(encoding="utf-8"))
    told = "".join(data.data for data in parsed.find_all(nodes.TemplateData))
    assert not numbers(re.sub(r"<[^>]*>", "", told))


@dataclass(frozen=True)
class Model:
    title: str = HOSTILE
    preview: str = HOSTILE
    description: str = HOSTILE
    way: object = (Link(HOSTILE, "x.html"), HOSTILE, Cell(HOSTILE, (HOSTILE,), "strong"))


@pytest.fixture
def template(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "FOLDER", tmp_path)
    templates._environment.cache_clear()
    yield lambda text: (tmp_path / "x").write_text(text, encoding="utf-8")
    templates._environment.cache_clear()


def test_whatever_a_model_holds_stays_text(template):
    template(
        '<p title="{{ page.title }}">{{ page.title }}</p>\n\n{% set way = page.way %}{{ way }}\n\n{% for x in way %}{{ x }}{% endfor %}'
    )
    source = templates.page_source("x", Model())
    assert "<script" not in source
    assert not re.search(r"[`{}$]", source)
    assert "# no heading" in source
    assert not re.search(r"^# ", source, flags=re.M)


def test_a_name_that_no_model_has_is_an_error(template):
    template("{{ page.titel }}")
    with pytest.raises(UndefinedError, match="titel"):
        templates.page_source("x", Model())


def test_blocks_stand_apart_by_one_blank_line(template):
    template("\n\n\na\nb\n\n\n\n{% if false %}\nx\n{% endif %}\n\n## c\n\n\n")
    assert templates.page_source("x", Model()) == "a\nb\n\n## c\n"


PIECES = (
    Facts("f1", "Short 2", (("Studies", "3"), ("Result", (Link("4%", "x5.html"), " (6 to 7)")))),
    Table("t8", "Rows 9", ("A", "B"), ((Link("x", "10.html"), Cell("11", ("12%",))), ("y", InlineIntervalPlot(0.5, 0.1, 0.9))), ("r13", "r14"), numeric=(1,)),
    folded(Table("t", "More", ("A",), (("15",), ("16",)))),
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_shows_the_texts_that_it_tells_of(piece):
    told = re.sub(r"<[^>]*>", " ", shown(piece))
    assert all(" ".join(part.split()) in told for part in texts(piece))


def test_numbers_are_those_that_readers_see():
    assert numbers(PIECES) == ("2", "3", "4%", "6", "7", "9", "11", "12%", "2", "15", "16")
    assert PIECES[0]["Result"] == "4% (6 to 7)"


def test_a_number_that_is_not_text_is_refused():
    with pytest.raises(TypeError, match="neither text nor a piece"):
        numbers(("x", 3))
