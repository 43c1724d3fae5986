"""Evidence, bounds, policy and verdict: values and pure functions."""
