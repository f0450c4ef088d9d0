"""Profile-likelihood intervals of the variances between studies and within them.

The variance asked for is held at a value, the other is fitted to it, and the interval holds the values at which twice the restricted
log-likelihood lies within the chi2 quantile (one degree of freedom) of its top. It is metafor's ``confint`` of an ``rma.mv`` fit; see Hardy and
Thompson (1996), Statistics in Medicine 15:619-629, for the profile of a single variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri

from cordbook.synthesis.multilevel.model import LEVELS, Block, MultilevelFit, fit_multilevel

#: Of an end, as a share of the larger of the variance and the typical sampling variance.
TOLERANCE = 1e-10
#: How often the outer point is doubled before an end counts as out of reach.
DOUBLINGS = 60


def variance_intervals(
    blocks: Sequence[Block], levels: Sequence[str], fit: MultilevelFit, level: float
) -> Mapping[str, tuple[float, float | None]]:
    """Return the limits of the variance of each fitted level; the upper one is None where the likelihood stays high.

    Parameters
    ----------
    blocks, levels
        As in `fit_multilevel`.
    fit : MultilevelFit
        What `fit_multilevel` found with them.
    level : float
        Confidence level, between 0 and 1.

    Examples
    --------
    >>> ones = np.ones((2, 1))
    >>> blocks = [Block(np.array(y), ones, np.eye(2) * 0.01) for y in ([0.1, 0.3], [0.9, 0.6], [0.4, 0.5])]
    >>> low, high = variance_intervals(blocks, LEVELS, fit_multilevel(blocks, LEVELS), 0.95)["study"]
    >>> low, round(high, 2)
    (0.0, 1.32)
    """
    drop = float(chdtri(1, 1 - level)) / 2
    typical = float(np.mean(np.concatenate([np.diag(block.V) for block in blocks])))
    return {name: _limits(blocks, levels, fit, name, drop, typical) for name in levels}


def _limits(
    blocks: Sequence[Block], levels: Sequence[str], fit: MultilevelFit, name: str, drop: float, typical: float
) -> tuple[float, float | None]:
    others = tuple(other for other in levels if other != name)
    top = getattr(fit, name)

    def above(value: float) -> float:
        """How far the profile at this variance lies above the cut."""
        held = fit_multilevel([_holding(block, name, value) for block in blocks], others, climbs=1)
        return held.loglik - fit.loglik + drop

    width = TOLERANCE * max(top, typical)
    low = 0.0 if top == 0.0 or above(0.0) >= 0.0 else float(brentq(above, 0.0, top, xtol=width, rtol=TOLERANCE))
    inner, outer = top, max(2 * top, typical)
    for _ in range(DOUBLINGS):
        if above(outer) < 0.0:
            return low, float(brentq(above, inner, outer, xtol=width, rtol=TOLERANCE))
        inner, outer = outer, 2 * outer
    return low, None


def _holding(block: Block, name: str, value: float) -> Block:
    """The study with a variance of that level as part of its sampling covariance, where no fit can change it."""
    held = value * (np.ones_like(block.V) if name == LEVELS[0] else np.eye(block.y.size))
    return replace(block, V=block.V + held)
