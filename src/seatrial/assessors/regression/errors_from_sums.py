"""Mean errors of a regression from sums alone, by group."""

from __future__ import annotations

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.quantities.means import found
from seatrial.assessors.quantities.slices import Found, Quantity
from seatrial.assessors.regression.error_metrics import ASYMPTOTIC, error_of
from seatrial.verdicts.bounds.interval import Interval, NoInterval, root
from seatrial.verdicts.bounds.mean_from_sums import asymptotic_summed_mean, summed_mean
from seatrial.verdicts.error_sums import GroupErrors


def mean_error_of(errors: GroupErrors, metric: str, clip: float | None) -> Quantity:
    """The metric in each group; of clipped errors, where sums are of those, with bounds that hold at every size."""

    def of(group: int, confidence: float) -> Found:
        rows = int(errors.rows[group])
        if rows == 0:
            return Unmeasurable(f'no rows in group "{errors.names[group]}"')
        powers = errors.powers(metric, group)
        interval: Interval | NoInterval
        if clip is None:
            interval, stated = asymptotic_summed_mean(rows, powers, confidence=confidence), {"bound": ASYMPTOTIC}
        else:
            floor, ceiling = error_of(metric).limits(clip, None)
            interval = summed_mean(rows, powers[0], powers[1], floor=floor, ceiling=ceiling, confidence=confidence)
            stated = {"clip": f"{clip:g}", "rows_clipped": str(int(errors.clipped[group]))}
        if error_of(metric).root and isinstance(interval, Interval):
            interval = root(interval)
        return found(interval, rows, {"among": "rows", **stated})

    return Quantity(of)
