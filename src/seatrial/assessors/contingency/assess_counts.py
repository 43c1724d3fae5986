"""A fairness report from cells alone: every rate or mean error, by every grouping, with all differences and ratios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seatrial.assessors.answers.labels import class_code
from seatrial.assessors.answers.model_answers import Unmeasurable
from seatrial.assessors.claims import unmeasured
from seatrial.assessors.classification.rates import METRICS, RateCounts, metric_and_class, rate_of
from seatrial.assessors.contingency.count_tables import part_name
from seatrial.assessors.contingency.group_specs import MAX_GROUPS, GroupSpec
from seatrial.assessors.quantities.slices import Quantity, cached_quantity, of_groups
from seatrial.assessors.regression.errors_from_sums import mean_error_of
from seatrial.verdicts.bounds.weighted_mean import EQUAL_ROWS, counted_assumption, sums_of_equal_weights
from seatrial.verdicts.contingency import Cells
from seatrial.verdicts.error_sums import ErrorSums, GroupErrors
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.metrics import METRICS as KNOWN

OF_CELLS = "rows, counted"  # what `data` says in the conditions of evidence that is no trial's
BINARY = ("accuracy", "selection_rate", "true_positive_rate", "false_positive_rate", "precision")
SEVERAL = ("accuracy", "balanced_accuracy", "precision", "f1")


def default_metrics(cells: Cells | ErrorSums) -> tuple[str, ...]:
    """The metrics of a report in which nobody asks for others."""
    if isinstance(cells, ErrorSums):
        return cells.metrics
    return BINARY if len(cells.classes) <= 2 else SEVERAL


def claims_of(metrics: Sequence[str], specs: Sequence[GroupSpec]) -> Iterator[Claim]:
    """Each metric overall, and of each grouping for its groups, their differences and their ratios."""
    for metric in metrics:
        yield Claim(metric)
    for spec in specs:
        for metric in metrics:
            for family in KNOWN[metric].families:
                if family is not Family.ALL:
                    yield Claim(metric, family, spec.name)


def measure_cells(
    cells: Cells | ErrorSums,
    claims: Sequence[Claim],
    specs: Sequence[GroupSpec],
    *,
    positive: str | None,
    confidence: float,
    largest_weight: float | None = None,
) -> Iterator[Evidence | NotMeasured]:
    """Answers each claim on each of its slices; the bounds of one claim hold together at `confidence`.

    The same quantities and bounds as in a trial. Cells that hold weights are bounded from their sums
    (`verdicts.summed`), where a trial bets row by row and has tighter bounds.
    """
    if isinstance(cells, Cells) and largest_weight is None:
        cells = _without_equal_weights(cells)
    measurable = cells.metrics if isinstance(cells, ErrorSums) else METRICS
    counted_by_column: dict[str | None, RateCounts | GroupErrors] = {}
    quantities: dict[Claim, Quantity | Unmeasurable] = {}
    by_name = {spec.name: spec for spec in specs}
    shared_conditions = {
        "data": OF_CELLS,
        "rows": str(cells.total),
        "weights": "unweighted" if isinstance(cells, ErrorSums) or cells.weighing is None else "weighted",
    }
    for claim in claims:
        if claim.column is not None and claim.column not in by_name:
            yield unmeasured(claim, f'the rows are not grouped by "{claim.column}"')
            continue
        if claim.against is not None or claim.threat is not None or claim.metric not in measurable:
            yield unmeasured(claim, "it is not measured from labels and answers alone")
            continue
        if claim.column not in counted_by_column:
            counted_by_column[claim.column] = _counted(cells, by_name.get(claim.column or ""), positive, largest_weight)
        counted = counted_by_column[claim.column]
        names = counted.names if isinstance(counted, GroupErrors) else counted.margins.names
        if len(names) > MAX_GROUPS:
            yield unmeasured(claim, f'column "{claim.column}" has {len(names)} groups, more than {MAX_GROUPS}')
            continue
        same = replace(claim, family=Family.ALL if claim.column is None else Family.GROUPS)
        if same not in quantities:
            quantities[same] = _quantity(counted, claim, cells.clip if isinstance(cells, ErrorSums) else None)
        quantity = quantities[same]
        if isinstance(quantity, Unmeasurable):
            yield unmeasured(claim, quantity.reason)
            continue
        yield from of_groups(claim, names, quantity, confidence=confidence, stated=shared_conditions)


def _without_equal_weights(cells: Cells) -> Cells:
    """The cells of rows that all weigh alike as those of rows without weights, where rows are not few."""
    weighed = cells.weighing
    if weighed is None or cells.total < EQUAL_ROWS:
        return cells
    equal = sums_of_equal_weights(weighed.heaviest, cells.total, float(weighed.sums.sum()))
    return replace(cells, weighing=None) if equal else cells


def _counted(
    cells: Cells | ErrorSums, spec: GroupSpec | None, positive: str | None, largest_weight: float | None
) -> RateCounts | GroupErrors:
    columns = () if spec is None else tuple(part_name(part) for part in spec.parts)
    if isinstance(cells, ErrorSums):
        return cells.by(*columns)
    weighed = cells.weighing
    return RateCounts(
        cells.by(*columns),
        cells.classes,
        lambda: cells.tables(*columns),
        None if positive is None else cells.classes.index(positive),
        None if weighed is None else cells.weighted_by(*columns),
        None
        if weighed is None
        else counted_assumption(
            weighed.heaviest, cells.total, (float(weighed.sums.sum()), float(weighed.squares.sum())), largest_weight
        ),
    )


def _quantity(counted: RateCounts | GroupErrors, claim: Claim, clip: float | None) -> Quantity | Unmeasurable:
    if isinstance(counted, GroupErrors):
        if claim.of_class is not None:
            return Unmeasurable("a regression has no classes")
        return cached_quantity(mean_error_of(counted, claim.metric, clip))
    code = counted.positive
    if claim.of_class is not None:
        code = class_code(claim.of_class, counted.classes)
        if code is None:
            return Unmeasurable(f'the data do not have a class "{claim.of_class}"')
    about = metric_and_class(claim, code)
    return about if isinstance(about, Unmeasurable) else cached_quantity(rate_of(counted, *about))
