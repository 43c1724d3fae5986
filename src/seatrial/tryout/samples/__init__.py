"""Samples of a service, with labels that came later, as the rows of a trial."""
