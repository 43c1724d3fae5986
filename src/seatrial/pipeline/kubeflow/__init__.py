"""Runs as runs of Kubeflow Pipelines: one task a step."""
