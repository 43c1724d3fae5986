"""Intervals of every measured quantity, one method or quantity a file: pure functions of rows or counts."""
