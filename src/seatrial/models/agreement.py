"""Whether a package answers as the framework does, on real rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError, StepFailed
from seatrial.models.codec import Codec
from seatrial.models.export import Answer
from seatrial.models.predictor import Predictions, Predictor
from seatrial.models.signature import Signature

# float32 kernels sum in another order: exporters are seen to differ by 1e-7; a wrong export differs by far more.
TOLERANCE = 1e-5
_SHOWN = 5


def check_agreement(codec: Codec, signature: Signature, answer: Answer, packaged: Predictor, rows: pa.Table) -> None:
    """`StepFailed`, with the worst rows, unless the package and the framework agree on `rows`.

    Probabilities may differ by `TOLERANCE` (values of a regression by that fraction of their size, at least of 1);
    labels are equal, but where a probability lies within it of the threshold, or of another class's. Nothing is NaN.
    """
    if not rows.num_rows:
        raise InputError(
            "there are no rows to compare the package with the framework on.",
            path="rows",
            mend="Give some of the rows that the model was trained on.",
        )
    logits = _logits(answer(codec.encode(rows)), signature, rows.num_rows)
    given = packaged.predict(rows)
    if signature.task == "regression":
        expected, found = logits, np.asarray(given.labels, np.float64).reshape(-1, 1)
        scale = np.maximum(1.0, np.abs(expected))
        wrong_labels = np.zeros(rows.num_rows, bool)
    else:
        assert given.probabilities is not None  # noqa: S101  # a classifier's predictor has them
        expected, found, scale = _probabilities(logits, signature), given.probabilities, np.ones((1, 1))
        wrong_labels = _wrong_labels(expected, given, signature)
    with np.errstate(invalid="ignore"):
        gaps = (np.abs(expected - found) / scale).max(axis=1)
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    bad = (gaps > TOLERANCE) | wrong_labels
    if bad.any():
        raise _disagreement(np.flatnonzero(bad), gaps, expected, found)


def _logits(answered: NDArray[np.float64], signature: Signature, rows: int) -> NDArray[np.float64]:
    width = max(1, len(signature.classes)) if signature.task == "multiclass" else 1
    shapes = [(rows, width)] if signature.task == "multiclass" else [(rows,), (rows, 1)]
    if answered.shape not in shapes:
        raise InputError(
            f"the model answers {rows} rows with an array of shape {list(answered.shape)}.",
            path="Trained.fitted",
            mend=f"A {signature.task} model answers with {' or '.join(str(list(shape)) for shape in shapes)}.",
        )
    return answered.reshape(rows, width)


def _probabilities(logits: NDArray[np.float64], signature: Signature) -> NDArray[np.float64]:
    if signature.task == "binary":
        yes, no = _sigmoid(logits), _sigmoid(-logits)
        return np.hstack([yes, no] if signature.positive == signature.classes[0] else [no, yes])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def _wrong_labels(expected: NDArray[np.float64], given: Predictions, signature: Signature) -> NDArray[np.bool_]:
    names = np.array(signature.classes, object)
    if signature.threshold is not None and signature.positive is not None:
        place = signature.classes.index(signature.positive)
        margin = expected[:, place] - signature.threshold
        answers = names[np.where(margin >= 0, place, 1 - place)]
        clear = np.abs(margin) > TOLERANCE
    else:
        ordered = np.sort(expected, axis=1)
        answers, clear = names[expected.argmax(axis=1)], ordered[:, -1] - ordered[:, -2] > TOLERANCE
    return np.asarray(clear & (given.labels != answers))


def _disagreement(
    bad: NDArray[np.intp], gaps: NDArray[np.float64], expected: NDArray[np.float64], found: NDArray[np.float64]
) -> StepFailed:
    worst = bad[np.argsort(-gaps[bad], kind="stable")][:_SHOWN]
    lines = "".join(
        f"\n  row {row}: framework {_shown(expected[row])}, package {_shown(found[row])}, apart by {gaps[row]:.3g}"
        for row in worst
    )
    return StepFailed(
        f"the package and the framework disagree on {len(bad)} of {len(gaps)} rows, by more than {TOLERANCE:g} or in "
        f"the label; nothing was packaged. The worst:{lines}\n",
        path="model.onnx",
        mend="Answers of NaN come from the weights: train with a smaller step. Else a layer behaves otherwise when "
        "exported (randomness, a branch on data, a state): make its forward a pure function of the features.",
    )


def _shown(values: NDArray[np.float64]) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in values) + "]"
