"""A table's files: what their footers say, and where their columns lie."""
