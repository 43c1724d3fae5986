"""Makes the samples beside this file importable: `report_sample` is used by unit tests and by tests on real parts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
