"""A metric as a quantity of each group, and over all slices of a claim."""
