"""Mean errors of a regression from sums alone, by group."""

from __future__ import annotations

from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.quantities.means import found
from seatrial.assessors.quantities.slices import Found, Quantity
from seatrial.assessors.regression.error_metrics import ASYMPTOTIC
from seatrial.verdicts.bounds.interval import Interval, NoInterval, root
from seatrial.verdicts.bounds.mean_from_sums import asymptotic_summed_mean, summed_mean
from seatrial.verdicts.error_sums import GroupErrors


def mean_error_of(errors: GroupErrors, metric: str, clip: float | None) -> Quantity:
    """The metric ("mae", "rmse", "mean_error") in each group: with a clip its bounds hold at every size."""

    def of(group: int, confidence: float) -> Found:
        rows = int(errors.rows[group])
        if rows == 0:
            return Unmeasurable(f'no rows in group "{errors.names[group]}"')
        powers = errors.powers(metric, group)
        interval: Interval | NoInterval
        if clip is None:
            interval, stated = asymptotic_summed_mean(rows, powers, confidence=confidence), {"bound": ASYMPTOTIC}
        else:
            floor, ceiling = {"mae": (0.0, clip), "rmse": (0.0, clip**2), "mean_error": (-clip, clip)}[metric]
            interval = summed_mean(rows, powers[0], powers[1], floor=floor, ceiling=ceiling, confidence=confidence)
            stated = {"clip": f"{clip:g}", "rows_clipped": str(int(errors.clipped[group]))}
        if metric == "rmse" and isinstance(interval, Interval):
            interval = root(interval)
        return found(interval, rows, {"among": "rows", **stated})

    return Quantity(of)
