"""From a percent back to the count that it was made of: only where there is one such count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of ``n`` patients that a stated percent may stand for, and what to say of them.

    ``count`` is the only one that fits, None where there is none or more than one.
    """

    counts: tuple[int, ...]
    n: int
    stated: str

    @property
    def count(self) -> int | None:
        return self.counts[0] if len(self.counts) == 1 else None

    @property
    def why(self) -> str:
        """A sentence for the person who extracts."""
        if self.count is not None:
            return f"{self.count} of {self.n} is the only count that rounds to {self.stated}%."
        if not self.counts:
            return f"No count of {self.n} patients rounds to {self.stated}%: the report may count other patients, or have a slip."
        shown = ", ".join(map(str, self.counts[:4])) + (f" ... {self.counts[-1]}" if len(self.counts) > 4 else "")
        return f"{len(self.counts)} counts of {self.n} patients round to {self.stated}% ({shown}), so the count cannot be told."


def is_percent(text: str) -> bool:
    """Is it a percent as printed: digits, maybe decimals, a percent sign?

    >>> is_percent("43.8 %"), is_percent("7")
    (True, False)
    """
    return text.rstrip().endswith("%")


def counts_for_percent(stated: str, n: int) -> Counted:
    """All counts of ``n`` that round to a percent as stated, with the decimals as stated.

    A half may have been rounded up, down or to even, so a count that lies right between two percents fits both: an offer is made
    only where every custom gives the same count. ``stated`` is a percent such as ``43.8`` or ``43.8 %``, with a point or a
    comma. Raises ``ValueError`` for what is not a percentage from 0 to 100, or for no patients.

    >>> counts_for_percent("43.8%", 16).count
    7
    >>> counts_for_percent("44", 250).counts
    (109, 110, 111)
    >>> counts_for_percent("12", 8).counts      # 1 of 8 is 12.5%
    (1,)
    """
    match = re.fullmatch(r"([0-9]{1,3})(?:[.,]([0-9]{1,9}))?\s*%?", stated.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"{stated!r} is not a percent written as 43 or 43.8")
    if n < 1:
        raise ValueError("a percent of no patients has no count")
    whole, decimals = match.group(1), match.group(2) or ""
    percent = Fraction(int(whole + decimals), 10 ** len(decimals))
    if percent > 100:
        raise ValueError(f"{stated!r} is more than 100 percent")
    half = Fraction(1, 2 * 10 ** len(decimals))
    # Counts c with |100 c / n - percent| <= half, ends included.
    low, high = (percent - half) * n / 100, (percent + half) * n / 100
    first, last = max(0, -(-low.numerator // low.denominator)), min(n, high.numerator // high.denominator)
    return Counted(tuple(range(first, last + 1)), n, whole + (f".{decimals}" if decimals else ""))
