"""Mean errors of a regression from sums alone, by group."""

from __future__ import annotations

import math

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.quantities.means import measurement_of
from seatrial.assessors.quantities.slices import MeasurementResult, Quantity
from seatrial.assessors.regression.error_metrics import error_of, hinted
from seatrial.verdicts.bounds.asymptotic import UNLIMITED
from seatrial.verdicts.bounds.interval import root
from seatrial.verdicts.bounds.mean_from_sums import summed_mean
from seatrial.verdicts.error_sums import GroupErrors

EXAMPLE_CLIP = 10.0  # in a hint: sums do not say how far apart labels lie


def mean_error_of(errors: GroupErrors, metric: str, clip: float | None) -> Quantity | Unmeasurable:
    """The metric in each group; of clipped errors, where sums are of those, with bounds that hold at every size."""

    def of(group: int, confidence: float) -> MeasurementResult:
        rows = int(errors.rows[group])
        if rows == 0:
            return Unmeasurable(f'no rows in group "{errors.names[group]}"')
        powers = errors.powers(metric, group)
        if clip is None:
            mean = powers[0] / rows
            return Unmeasurable(UNLIMITED, math.sqrt(mean) if error_of(metric).root else mean, {"among": "rows"})
        floor, ceiling = error_of(metric).limits(clip, None)
        interval = summed_mean(rows, powers[0], powers[1], floor=floor, ceiling=ceiling, confidence=confidence)
        if error_of(metric).root:
            interval = root(interval)
        clipping = {"clip": f"{clip:g}", "rows_clipped": str(int(errors.clipped[group]))}
        return measurement_of(interval, rows, {"among": "rows", **clipping})

    return hinted(Quantity(of), EXAMPLE_CLIP if clip is None else None)
