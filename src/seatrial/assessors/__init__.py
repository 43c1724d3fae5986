"""Measuring: one module a kind of claim. Nothing here decides."""
