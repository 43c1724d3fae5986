"""A release as a page that people read."""
