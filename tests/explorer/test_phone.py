"""The plot of the explorer on a phone: legible, nothing over anything else, nothing beyond its edges."""

import pytest

from tests.explorer.test_page import PHONE, lay_out

LEGIBLE_PX = 12.9


@pytest.fixture(scope="module")
def address(tmp_path_factory, evidence_js):
    return lay_out(tmp_path_factory.mktemp("phone"), evidence_js.read_text(encoding="utf-8")).as_uri()


def texts_are_legible(page, plot):
    """The texts of a plot on an open page, each large enough, within its edges and over no other."""
    scale, texts = page.evaluate(
        """(plot) => {
             const svg = document.querySelector(plot), box = svg.getBoundingClientRect();
             return [box.width / svg.viewBox.baseVal.width, [...svg.querySelectorAll('text')].map(t => {
               const r = t.getBoundingClientRect();
               return {words: t.textContent, size: parseFloat(t.getAttribute('font-size')),
                       l: r.left - box.left, r: box.right - r.right, x: [r.left, r.right], y: [r.top + 2, r.bottom - 2]};
             })];
           }""",
        plot,
    )
    for i, one in enumerate(texts):
        assert one["size"] * scale >= LEGIBLE_PX, one
        assert min(one["l"], one["r"]) >= -1, one
        for other in texts[i + 1 :]:
            beside = one["x"][1] <= other["x"][0] or other["x"][1] <= one["x"][0]
            over = one["y"][1] <= other["y"][0] or other["y"][1] <= one["y"][0]
            assert beside or over, (one["words"], other["words"])
    return texts


@pytest.mark.parametrize("query", ["", "#outcome=tumour", "#outcome=ais_improved&role=treated,comparator,natural_course"])
def test_the_plot_is_legible_on_a_phone(browser, address, query):
    page = browser.new_page(viewport=PHONE)
    page.goto(address + query)
    assert len(texts_are_legible(page, ".cbx-plot svg")) > 20
    page.close()
