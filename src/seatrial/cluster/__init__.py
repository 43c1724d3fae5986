"""Kubernetes as every room meets it: names, quantities, YAML, pods of the restricted standard, and its API server."""
