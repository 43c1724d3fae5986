"""Trigger rate: the share of rows that the worst trigger found turns to one class.

The trigger is searched for on half of the sampled rows, and its rate is measured on the others, so the bounds hold for
this trigger. One that the search did not try may exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.assessors.assessor import Subject
from seatrial.assessors.claims import conditions, dependence, unmeasured
from seatrial.assessors.robustness.trigger_search import Rows, Search, Trigger, search_triggers, turned
from seatrial.assessors.robustness.under_attack import UnderAttack
from seatrial.attacks.input_space import MISSING, MISSING_TEXT, InputSpace, input_space_of
from seatrial.errors import SeatrialError
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured

METRIC = "trigger_rate"
_LEAST_ROWS = 100  # half of them search: fewer than 50 probes see no rare thing


def assess(
    subject: Subject,
    claims: Sequence[Claim],
    *,
    confidence: float,
    seed: int,
    budget_s: float,  # noqa: ARG001 - the Assessor contract; the search is of bounded size
) -> Iterator[Evidence | NotMeasured]:
    """The rate overall, where a policy asks for it."""
    for claim in claims:
        if claim.metric != METRIC:
            continue
        under = subject.under_attack
        reason = _why_not(subject, claim, under)
        if reason is not None or under is None:
            yield unmeasured(claim, reason or "")
            continue
        yield _measured(subject, claim, under, confidence=confidence, seed=seed)


def _why_not(subject: Subject, claim: Claim, under: UnderAttack | None) -> str | None:
    if under is None:
        return "it needs the model and its inputs, not its answers alone"
    if subject.task == "regression":
        return "a regression has no class that answers could turn to"
    if claim.family is not Family.ALL or claim.against is not None or claim.of_class is not None:
        return "it is measured for all rows together only"
    if under.rows.num_rows < _LEAST_ROWS:
        return f"it takes {_LEAST_ROWS} rows, and there are {under.rows.num_rows}"
    return None


def _measured(
    subject: Subject, claim: Claim, under: UnderAttack, *, confidence: float, seed: int
) -> Evidence | NotMeasured:
    signature = under.predictor.signature
    range_tables = [] if under.seen is None else [under.seen]
    space = input_space_of(signature.inputs, [under.rows, *range_tables], {}).with_missing_texts()
    codes = {name: code for code, name in enumerate(signature.classes)}

    def answer(points: Rows) -> NDArray[np.int64]:
        try:
            labels = under.predictor.predict(space.table(points)).labels
        except SeatrialError:
            if not _has_gaps(points, space):
                raise
            return np.full(len(points), -1)  # a model that takes no missing values is not turned by one
        return np.array([codes.get(str(label), -1) for label in labels.tolist()], np.int64)

    points, rng = space.points(under.rows), np.random.default_rng(seed)
    order = rng.permutation(len(points))
    searched, held_out = points[order[::2]], points[order[1::2]]
    shape = next((threat.shape for threat in under.threats.values() if threat.shape), ())
    under.on_progress(f"{METRIC}: searching values, pairs and patches")
    search = search_triggers(answer, searched, space, classes=len(signature.classes), shape=shape, rng=rng)
    hits, could = 0, len(held_out)
    if search.trigger is not None:
        hit, possible = turned(answer, held_out, search.trigger)
        hits, could = int(hit.sum()), int(possible.sum())
    if could == 0:
        return unmeasured(claim, "every row is answered with the class that the trigger turns to")
    interval = proportion(hits, could, confidence=confidence)
    details = {
        "trigger": "none found" if search.trigger is None else _text(search.trigger, space, signature.classes),
        "search": _searched(search, len(space.columns)),
        "counts": f"{hits} of {could}",
        "sample": f"{under.rows.num_rows} of {under.of_rows} rows, half of them searched",
        "weights": "unweighted",
        "seed": str(seed),
    }
    parameters = {**conditions(subject), **details}
    return Evidence(
        claim, "all", interval.estimate, interval.low, interval.high, confidence, could, interval.method, parameters,
        dependence(subject),
    )  # fmt: skip


def _has_gaps(points: Rows, space: InputSpace) -> bool:
    """Whether any value is missing."""
    absent = [
        float(space.texts[column.name].index(MISSING_TEXT)) if column.kind == "text" else MISSING
        for column in space.columns
    ]
    return bool((points == np.array(absent)).any())


def _text(trigger: Trigger, space: InputSpace, classes: Sequence[str]) -> str:
    settings = []
    for column, value in trigger.settings:
        input_column = space.columns[column]
        text = space.texts[input_column.name][int(value)] if input_column.kind == "text" else None
        shown = "missing" if value == MISSING or text == MISSING_TEXT else f"{value:g}" if text is None else f'"{text}"'
        settings.append(f"{input_column.name} = {shown}")
    return f"{', '.join(settings)} turns answers to {classes[trigger.target]}"


def _searched(search: Search, columns: int) -> str:
    return (
        f"{search.candidates} values of {columns} columns, {search.missing} columns without a value, "
        f"{search.pairs} pairs, {search.patches} patches"
    )
