"""A made-up table, so that a new project runs before there is any data: who leaves a phone company."""

from __future__ import annotations

import csv
import math
import random
from pathlib import Path

ROWS = 4_000
LABEL = "left"
_SEED = 7
_NAMES = ("customer_id", "age", "plan", "region", "monthly_fee", "support_calls", "months", LABEL)
_PLANS = {"basic": 0.0, "family": -0.6, "premium": 0.5}
_REGIONS = ("north", "south", "east", "west")


def write_made_up_rows(path: Path) -> None:
    """The same bytes every time. Whoever calls the support often, and came lately, leaves more often."""
    chance = random.Random(_SEED)  # noqa: S311  # nothing secret
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_NAMES)
        for number in range(1, ROWS + 1):
            plan = chance.choice(tuple(_PLANS))
            fee = round(chance.gauss(30, 8), 2)
            calls = int(chance.expovariate(0.7))
            months = chance.randint(1, 60)
            score = 0.9 * calls - 0.06 * months + 0.04 * (fee - 30) + _PLANS[plan]
            left = chance.random() < 1 / (1 + math.exp(-score))
            age = "" if chance.random() < 0.05 else chance.randint(18, 85)
            writer.writerow((number, age, plan, chance.choice(_REGIONS), fee, calls, months, "yes" if left else "no"))
