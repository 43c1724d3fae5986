"""The models that a claim compares with."""
