"""Keras: export of a model."""
