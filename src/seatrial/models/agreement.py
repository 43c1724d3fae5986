"""Whether a package answers as the model it was made of does, on real rows; and where it does not, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError, StepFailed
from seatrial.models.disagreement_causes import Cause, likely_causes, swapped_classes
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from seatrial.models.codec import Codec

# float32 kernels sum in another order: exporters are seen to differ by 1e-7; a wrong export differs by far more.
TOLERANCE = 1e-5
_WORST = 5
_INPUTS_SHOWN = 6  # of a row that differs: one line of a terminal
_TEXT_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the two answer differently: its number, its inputs, both answers, and how far they are apart."""

    row: int
    inputs: Mapping[str, Any]
    original: tuple[float, ...] | str
    packaged: tuple[float, ...] | str
    gap: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a package's answers compare with the original's.

    Probabilities may differ by `TOLERANCE` (values of a regression by that fraction of their size, at least of 1);
    labels are equal, but where a probability lies within it of the threshold, or of another class's. Nothing is NaN.
    """

    name: str  # of the original: "XGBoost"
    rows: int
    differing: int
    largest_gap: float  # 0 where only labels are answered
    worst: tuple[Difference, ...] = ()
    causes: tuple[Cause, ...] = ()

    def __str__(self) -> str:
        owner = f"{self.name}'s" if self.name[0].isupper() else f"those of {self.name}"
        if not self.differing:
            return f"answers equal {owner} on {self.rows:,} rows, largest gap {self.largest_gap:.0e}"
        return f"answers are not {owner} on {self.differing:,} of {self.rows:,} rows"


def compare(original: Predictions, packaged: Predictor, rows: pa.Table, *, name: str) -> Agreement:
    """The agreement of a package with the `original` answers for the same `rows`; `InputError` if there are none."""
    if not rows.num_rows:
        raise InputError(
            "comparing the package with the framework takes at least one row, got 0.",
            path="rows",
            hint="Give some of the rows that the model was trained on.",
        )
    signature = packaged.signature
    answers = packaged.predict(rows)
    gaps, wrong = _gaps(original, answers, signature), _wrong_labels(original, answers, signature)
    bad = (gaps > TOLERANCE) | wrong
    largest = float(gaps.max())
    if not bad.any():
        return Agreement(name, rows.num_rows, 0, largest)

    def differ(table: pa.Table, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        expected, actual = _taken(original, places), packaged.predict(table)
        wrong = _wrong_labels(expected, actual, signature)
        return np.asarray((_gaps(expected, actual, signature) > TOLERANCE) | wrong)

    other_order = None
    if original.probabilities is not None and answers.probabilities is not None:
        other_order = swapped_classes(original.probabilities, answers.probabilities, TOLERANCE)
    why = (other_order,) if other_order else likely_causes(rows, signature, bad, gaps, differ)
    places = np.flatnonzero(bad)
    worst = places[np.argsort(-gaps[places], kind="stable")][:_WORST]
    suspected = [column for cause in why for column in cause.columns]
    shown = [*suspected, *(column.name for column in signature.inputs if column.name not in suspected)][:_INPUTS_SHOWN]
    return Agreement(
        name,
        rows.num_rows,
        len(places),
        largest,
        tuple(_difference(int(row), rows, shown, original, answers, float(gaps[row])) for row in worst),
        why,
    )


def compare_with_original(
    original: Predictions, packaged: Predictor, rows: pa.Table, *, name: str = "the original"
) -> tuple[str, ...]:
    """One note of how well the package agrees; a `StepFailed` with the worst rows and the causes, where it does not."""
    agreement = compare(original, packaged, rows, name=name)
    if agreement.differing:
        raise disagreement(agreement)
    return (str(agreement),)


def disagreement(agreement: Agreement) -> StepFailed:
    """The error of an agreement beyond tolerance: one screen."""
    lines = "".join(
        f"\n  row {difference.row}: {agreement.name} {_shown(difference.original)}, "
        f"package {_shown(difference.packaged)}, apart by {difference.gap:.3g}; "
        f"{', '.join(f'{key}={_value(value)}' for key, value in difference.inputs.items())}"
        for difference in agreement.worst
    )
    reasons = "".join(f"\n{cause.problem[0].upper()}{cause.problem[1:]}." for cause in agreement.causes)
    hints = " ".join(f"{cause.hint[0].upper()}{cause.hint[1:]}" for cause in agreement.causes)
    return StepFailed(
        f"the package and {agreement.name} disagree on {agreement.differing} of {agreement.rows} rows, by more than "
        f"{TOLERANCE:g} or in the label; nothing was packaged. The worst:{lines}{reasons}",
        path="model.onnx",
        hint=hints,
    )


def check_agreement(
    codec: Codec,
    signature: Signature,
    answer: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    packaged: Predictor,
    rows: pa.Table,
) -> None:
    """`StepFailed`, with the worst rows, unless the package and the framework's logits behind a codec agree."""
    logits = _logits(answer(codec.encode(rows)), signature, rows.num_rows)
    if signature.task == "regression":
        original = Predictions(logits.reshape(-1), None)
    else:
        probabilities = probabilities_of(logits, signature)
        original = Predictions(np.array(signature.classes, object)[probabilities.argmax(axis=1)], probabilities)
    compare_with_original(original, packaged, rows, name="the framework")


def _logits(answered: NDArray[np.float64], signature: Signature, rows: int) -> NDArray[np.float64]:
    width = max(1, len(signature.classes)) if signature.task == "multiclass" else 1
    shapes = [(rows, width)] if signature.task == "multiclass" else [(rows,), (rows, 1)]
    if answered.shape not in shapes:
        raise InputError(
            f"the model answers {rows} rows with an array of shape {list(answered.shape)}.",
            path="Trained.fitted",
            hint=f"A {signature.task} model answers with {' or '.join(str(list(shape)) for shape in shapes)}.",
        )
    return answered.reshape(rows, width)


def probabilities_of(logits: NDArray[np.float64], signature: Signature) -> NDArray[np.float64]:
    """Probabilities [n, classes] of logits [n, 1] of the positive class, or [n, classes]."""
    if signature.task == "binary":
        yes, no = _sigmoid(logits), _sigmoid(-logits)
        return np.hstack([yes, no] if signature.positive == signature.classes[0] else [no, yes])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def _gaps(original: Predictions, packaged: Predictions, signature: Signature) -> NDArray[np.float64]:
    """How far the answers are apart, in the units of `TOLERANCE`; infinite where one is NaN."""
    if signature.task == "regression":
        expected = np.asarray(original.labels, np.float64).reshape(-1, 1)
        actual = np.asarray(packaged.labels, np.float64).reshape(-1, 1)
        scale = np.maximum(1.0, np.abs(expected))
    elif original.probabilities is None or packaged.probabilities is None:
        return np.zeros(len(packaged.labels))
    else:
        expected, actual, scale = original.probabilities, packaged.probabilities, np.ones((1, 1))
    with np.errstate(invalid="ignore"):
        gaps = (np.abs(expected - actual) / scale).max(axis=1)
    return np.where(np.isnan(gaps), np.inf, gaps)


def _wrong_labels(original: Predictions, packaged: Predictions, signature: Signature) -> NDArray[np.bool_]:
    if signature.task == "regression":
        return np.zeros(len(packaged.labels), bool)
    if original.probabilities is None or packaged.probabilities is None:
        return np.asarray(original.labels != packaged.labels)
    expected, names = original.probabilities, np.array(signature.classes, object)
    if signature.threshold is not None and signature.positive is not None:
        place = signature.classes.index(signature.positive)
        margin = expected[:, place] - signature.threshold
        answers = names[np.where(margin >= 0, place, 1 - place)]
        clear = np.abs(margin) > TOLERANCE
    else:
        ordered = np.sort(expected, axis=1)
        answers, clear = names[expected.argmax(axis=1)], ordered[:, -1] - ordered[:, -2] > TOLERANCE
    return np.asarray(clear & (packaged.labels != answers))


def _taken(answers: Predictions, places: NDArray[np.intp]) -> Predictions:
    probabilities = None if answers.probabilities is None else answers.probabilities[places]
    return Predictions(answers.labels[places], probabilities)


def _difference(
    row: int, rows: pa.Table, shown: list[str], original: Predictions, packaged: Predictions, gap: float
) -> Difference:
    inputs = rows.select(shown).slice(row, 1).to_pylist()[0]
    return Difference(row, inputs, _answer(original, row), _answer(packaged, row), gap)


def _answer(answers: Predictions, row: int) -> tuple[float, ...] | str:
    if answers.probabilities is not None:
        return tuple(answers.probabilities[row].tolist())
    label = answers.labels[row]
    return label if isinstance(label, str) else (float(label),)


def _shown(answer: tuple[float, ...] | str) -> str:
    return repr(answer) if isinstance(answer, str) else "[" + ", ".join(f"{value:.6g}" for value in answer) + "]"


def _value(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _TEXT_SHOWN else f"{text[: _TEXT_SHOWN - 1]}…"
