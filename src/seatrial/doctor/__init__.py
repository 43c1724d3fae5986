"""Checks of everything below, and the mend for each."""
