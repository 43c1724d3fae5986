"""Checks of everything below, and the hint for each."""

from __future__ import annotations

from seatrial.doctor.check import Check
from seatrial.doctor.examine import examine

__all__ = ["Check", "examine"]
