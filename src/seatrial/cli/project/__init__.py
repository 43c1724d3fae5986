"""Commands on a project: start it, look at it, run it."""
