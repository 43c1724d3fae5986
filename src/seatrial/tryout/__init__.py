"""A finished model and a table: the trial alone, from the command line, from Python and from notebooks."""
