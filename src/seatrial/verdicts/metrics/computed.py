"""How metrics are computed: declared once, and read by whoever counts rows and by whoever has each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from seatrial.verdicts.bounds.interval import Interval, NoInterval
from seatrial.verdicts.contingency import Codes, ConfusionTable, Margins, Sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Mask: TypeAlias = "NDArray[np.bool_]"
Limits = tuple[float, float]

TP, FP, FN, TN = "true positive", "false positive", "false negative", "true negative"
EVERY_ROW = (TP, FP, FN, TN)


@dataclass(frozen=True, slots=True)
class Share:
    """The share of `hits` among rows, in terms of one class against the rest; `rows_named` has "{}" for the class.

    With `of_all_classes` a hit is a row whose answer is its label, whatever the class. With `as_f1` the share is a
    Jaccard index J, and the metric is F1 = 2 J / (1 + J), which grows with it.
    """

    hits: tuple[str, ...]
    among: tuple[str, ...] = EVERY_ROW
    rows_named: str = "rows"
    of_all_classes: bool = False
    as_f1: bool = False

    assessor = "rates"

    @property
    def among_depends_on_the_answer(self) -> bool:
        """Whether two models have different rows that the share is among."""
        return (TP in self.among) != (FN in self.among) or (FP in self.among) != (TN in self.among)

    @property
    def among_is_disjoint(self) -> bool:
        """Whether each row counts for one class: that of its label, or of its answer."""
        return set(self.among) in ({TP, FN}, {TP, FP})

    def counts(self, margins: Margins, code: int) -> tuple[Sums, Sums]:
        """The hits, and the rows that they are among, of each group: [groups]."""
        if self.of_all_classes:
            return margins.right.sum(axis=1), margins.rows
        return _added(margins, code, self.hits), _added(margins, code, self.among)

    def hit_rows(self, actual: Codes, answered: Codes, code: int) -> Mask:
        """Which rows are hits."""
        return actual == answered if self.of_all_classes else _rows(actual == code, answered == code, self.hits)

    def among_rows(self, actual: Codes, answered: Codes, code: int) -> Mask | None:
        """Which rows the share is among; None: all."""
        if self.of_all_classes or self.among == EVERY_ROW:
            return None
        return _rows(actual == code, answered == code, self.among)


@dataclass(frozen=True, slots=True)
class MeanOverClasses:
    """The plain mean over all classes of another metric, which is a `Share`."""

    metric: str

    assessor = "rates"


class BoundOfTable(Protocol):
    """An estimate and its bounds from one table of label by answer."""

    def __call__(self, table: ConfusionTable, *, confidence: float) -> Interval | NoInterval:
        """The interval, each bound one-sided at `confidence`."""
        ...


@dataclass(frozen=True, slots=True)
class OfConfusion:
    """Any function of the table of labels by answers of a group."""

    interval: BoundOfTable

    assessor = "rates"


@dataclass(frozen=True, slots=True)
class MeanLoss:
    """The mean of a loss of the probabilities [rows, classes], given each row's label and the positive class if any.

    `limits` are those of the loss, by the positive class. Where probabilities below `clip` count as `clip`, evidence
    says of how many rows.
    """

    loss: Callable[[Floats, Codes, int | None], Floats]
    limits: Callable[[int | None], Limits]
    clip: float | None = None

    assessor = "probabilities"


@dataclass(frozen=True, slots=True)
class MeanError:
    """The mean of a loss of errors (prediction minus label), given the predicted quantile if any.

    With `clipped`, errors count as at most a clip, and `limits` of clip and quantile are those of the loss. `root` is
    the root of the mean.
    """

    loss: Callable[[Floats, float | None], Floats]
    limits: Callable[[float, float | None], Limits]
    clipped: bool = False
    root: bool = False
    of_quantile: bool = False

    assessor = "errors"

    def range(self, clip: float, quantile: float | None) -> Limits:
        """The values that the metric can have."""
        low, high = self.limits(clip, quantile)
        return (low**0.5, high**0.5) if self.root else (low, high)


@dataclass(frozen=True, slots=True)
class ByAssessor:
    """Computed by the assessor of that name (`assessors.run_trial`), in a way of its own."""

    assessor: str


Computed = Share | MeanOverClasses | OfConfusion | MeanLoss | MeanError | ByAssessor


def _added(margins: Margins, code: int, cells: tuple[str, ...]) -> Sums:
    """Rows of these cells of a class against the rest, as sums that are exact where rows are counted."""
    import numpy as np

    right, actual, answered = (each[:, code] for each in (margins.right, margins.actual, margins.answered))
    if cells == EVERY_ROW:
        return margins.rows
    sums: dict[str, Callable[[], Sums]] = {
        TP: lambda: right,
        FP: lambda: answered - right,
        FN: lambda: actual - right,
        TN: lambda: margins.rows - actual - answered + right,
    }
    whole: dict[frozenset[str], Callable[[], Sums]] = {  # one sum each: fewer roundings where weights are summed
        frozenset((TP, FN)): lambda: actual,
        frozenset((TP, FP)): lambda: answered,
        frozenset((FP, TN)): lambda: margins.rows - actual,
        frozenset((TP, FP, FN)): lambda: actual + answered - right,
    }
    whole_sum = whole.get(frozenset(cells))
    return whole_sum() if whole_sum is not None else np.sum([sums[cell]() for cell in cells], axis=0)


def _rows(actual: Mask, answered: Mask, cells: tuple[str, ...]) -> Mask:
    import numpy as np

    each = {TP: actual & answered, FP: ~actual & answered, FN: actual & ~answered, TN: ~actual & ~answered}
    mask: Mask = np.logical_or.reduce([each[cell] for cell in cells])
    return mask
