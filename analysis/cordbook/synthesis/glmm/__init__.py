"""Models of counts: binomial-normal, beta-binomial, and the conditional model of two arms."""
