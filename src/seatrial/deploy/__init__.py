"""A release rendered for a target, and sent exactly as rendered."""

from __future__ import annotations

from seatrial.deploy.find_target import find_target, target_names

__all__ = ["find_target", "target_names"]
