"""Commands on a release: read it, check it, use it."""
