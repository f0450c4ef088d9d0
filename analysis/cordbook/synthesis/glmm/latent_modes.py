"""Where the posterior of a study's standard normal effect peaks: the centre of its quadrature nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Newton takes about 5 steps, halving the bracket about 40.
MAX_STEPS = 100
# Steps of 4 standard deviations at most keep Newton near the data until a bracket is known.
LONGEST_STEP = 4.0


def posterior_modes(
    derivatives: Callable[[Array], tuple[Array, Array]], tau: float, shape: tuple[int, ...], tolerance: float
) -> Array:
    """Return the modes of ``log-likelihood(tau z) - z^2 / 2``, an array of ``shape``.

    The slope falls with z, so that its sign tells on which side the mode lies. Newton's step is taken where it stays between
    the points known to lie below and above, else the middle: where a log-likelihood is a steep edge beside a flat plain,
    Newton alone leaps to and fro for ever.

    Parameters
    ----------
    derivatives : callable
        Score and information of each study at predictors moved by ``tau z``, arrays of ``shape``; the information is at least 0.
    tau : float
        Standard deviation of the effects, above 0.
    tolerance : float
        Largest last step.

    Examples
    --------
    One event among two, from 0: the mode stays there.

    >>> import numpy as np
    >>> half = lambda eta: (1 - 2 / (1 + np.exp(-eta)), np.full_like(eta, 0.5))
    >>> float(posterior_modes(half, 1.0, (1,), 1e-9)[0])
    0.0
    """
    mode = np.zeros(shape)
    low, high = np.full(shape, -np.inf), np.full(shape, np.inf)
    for _ in range(MAX_STEPS):
        score, information = derivatives(tau * mode)
        slope = tau * score - mode
        low, high = np.where(slope >= 0.0, mode, low), np.where(slope <= 0.0, mode, high)
        goal = mode + np.clip(slope / (1.0 + tau * tau * information), -LONGEST_STEP, LONGEST_STEP)
        leaps = ((goal <= low) | (goal >= high)) & np.isfinite(high - low)
        goal[leaps] = 0.5 * (low[leaps] + high[leaps])
        step = np.abs(goal - mode).max()
        mode = goal
        if step < tolerance:
            break
    return mode
