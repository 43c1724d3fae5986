"""Views for a terminal: the verdict, what was measured, a tried model; and text that cannot drive it."""
