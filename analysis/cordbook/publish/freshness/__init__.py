"""What is stale: digests of inputs, records of what chapters read, estimates computed before."""
