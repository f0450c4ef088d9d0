"""Percent to count, against trying every count with every custom of rounding."""

from __future__ import annotations

from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cordbook.intake.extraction.percent import counts_for_percent, is_percent

PLACES = Context(prec=60)


def rounded(count: int, n: int, decimals: int) -> set[str]:
    """How reports may print a share: half up, half down, half to even. Exact: the digits end where n divides, else 40 of them decide."""
    share = PLACES.divide(Decimal(100 * count), Decimal(n))
    step = Decimal(1).scaleb(-decimals)
    return {str(share.quantize(step, mode, PLACES)) for mode in (ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN)}


@given(st.integers(1, 400), st.integers(0, 3), st.data())
@settings(deadline=None, max_examples=300)
def test_the_same_counts_as_trying_each(n, decimals, draw):
    number = draw.draw(st.integers(0, 100 * 10**decimals))
    stated = f"{Decimal(number).scaleb(-decimals):.{decimals}f}"
    tried = tuple(c for c in range(n + 1) if stated in rounded(c, n, decimals))
    assert counts_for_percent(stated, n).counts == tried


@given(st.integers(1, 5000), st.integers(0, 4), st.data())
@settings(deadline=None, max_examples=300)
@example(8, 0, None)
def test_a_printed_share_leads_back_to_its_count_or_is_refused(n, decimals, draw):
    count = 1 if draw is None else draw.draw(st.integers(0, n))
    for stated in rounded(count, n, decimals):
        found = counts_for_percent(stated, n)
        assert count in found.counts
        assert found.count in (None, count)
        # It is refused only where another count would be printed alike.
        assert (found.count is None) == (len(found.counts) > 1)
        assert all(abs(Fraction(100 * c, n) - Fraction(stated)) <= Fraction(1, 2 * 10**decimals) for c in found.counts)


def test_it_says_why_not():
    assert "7 of 16 is the only count" in counts_for_percent("43,8 %", 16).why
    assert counts_for_percent("50", 7).why.startswith("No count of 7 patients rounds to 50%")
    assert "3 counts of 250 patients round to 44% (109, 110, 111)" in counts_for_percent("44%", 250).why
    assert "... " in counts_for_percent("44%", 5000).why


@pytest.mark.parametrize("wrong", ["", "%", "-3", "101", "100.1", "4e1", "a third", "1.2.3", "٤٣", "1000"])
def test_what_is_no_percent_is_refused(wrong):
    with pytest.raises(ValueError, match=r"percent"):
        counts_for_percent(wrong, 20)


def test_no_patients():
    with pytest.raises(ValueError, match="no patients"):
        counts_for_percent("5", 0)


def test_a_percent_is_told_from_a_count():
    assert is_percent("43.8 %")
    assert not is_percent("43.8")
