"""Tests of commands."""

#: What the result of a pooling command holds as JSON, promised to programs that read it.
PROMISED = (
    "estimate", "ci_low", "ci_high", "pi_low", "pi_high", "model_scale", "tau2", "i2", "h2", "q", "q_p", "k", "events", "n", "model", "measure",
)  # fmt: skip
