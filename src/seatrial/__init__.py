"""Seatrial: from object storage to a model you can put to sea."""

from __future__ import annotations

__version__ = "0.1.0"
