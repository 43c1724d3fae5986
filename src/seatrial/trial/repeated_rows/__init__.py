"""Rows that are copies of each other: how many independent ones they are worth, and whether that turns a verdict."""
