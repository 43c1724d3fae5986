"""Whether the package answers as the bare graph did, and labels as the file itself does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError, field
from seatrial.models.finished.onnx.outputs import Answers, Outputs
from seatrial.models.predictor import Predictions

# A softmax in float64, by NumPy and by onnxruntime: the last digits differ, and no more.
_SOFTMAX = 1e-9
# Between float32 probabilities so close to each other, or to the threshold, either label is right.
_EDGE = 1e-6


def with_own_ties(outputs: Outputs, answers: Answers) -> Outputs:
    """The outputs, labelled as the file's own label does where both probabilities are exactly one half.

    A forest of four trees votes so for 8 % of the rows of scikit-learn's make_classification(4000), and answers the
    first class there.
    """
    if outputs.label is None or outputs.threshold is None or outputs.form != "probabilities":
        return outputs
    label_values = answers[outputs.label].reshape(-1)
    own = np.array(_texts(label_values), object)
    scores = np.concatenate([answers[name].reshape(len(label_values), -1) for name in outputs.tensors], axis=1)
    tied = scores[:, -1] == outputs.threshold
    tied_labels = set(own[tied])
    negative = next(name for name in outputs.classes if name != outputs.positive)
    # The label is a name or, where no class is called 0 or 1, a place.
    accepted = {negative} if {"0", "1"} & set(outputs.classes) else {negative, str(outputs.classes.index(negative))}
    if len(tied_labels) != 1 or not tied_labels <= accepted:
        return outputs
    note = (
        f"{int(tied.sum()):,} of {len(label_values):,} rows have a probability of exactly {outputs.threshold:g}: they "
        f'are answered "{negative}", as the file\'s own label does'
    )
    return replace(outputs, threshold=math.nextafter(outputs.threshold, 1.0), notes=(*outputs.notes, note))


def check_consistency(
    outputs: Outputs, answers: Answers, packaged: Predictions, *, threshold: float | None, real: bool, path: str
) -> tuple[str, ...]:
    """Notes about the file's own label; an `InputError` where the package answers otherwise than the file.

    Probabilities and values are the same bits. `asked` is the threshold that the user wants: then the file's own
    label follows another.
    """
    expected = _expected(outputs, answers)
    actual = _actual(outputs, packaged)
    if expected.shape != actual.shape or not np.allclose(
        expected, actual, rtol=0, atol=_SOFTMAX if outputs.form == "logits" else 0, equal_nan=True
    ):
        raise InputError(
            "the model answers the same rows otherwise when it is asked again.",
            path=path,
            hint="Export it for inference (torch: module.eval()): something random is in the graph.",
        )
    if outputs.label is None or threshold is not None or not real:
        return ()
    return _about_labels(outputs, answers[outputs.label], packaged, path)


def _expected(outputs: Outputs, answers: Answers) -> NDArray[Any]:
    if outputs.form == "labels":
        return np.zeros(0)
    parts = [np.asarray(answers[name], np.float64) for name in outputs.tensors]
    whole = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    if outputs.task == "regression":
        return whole[:, list(outputs.columns)] if outputs.columns else whole
    if outputs.form == "logits":
        both = np.concatenate([np.zeros_like(whole), whole], axis=1) if outputs.one_column else whole
        powers = np.exp(both - both.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return np.concatenate([1 - whole, whole], axis=1) if outputs.one_column else whole


def _actual(outputs: Outputs, packaged: Predictions) -> NDArray[Any]:
    if outputs.form == "labels":
        return np.zeros(0)
    if packaged.probabilities is not None:
        return packaged.probabilities
    values = np.asarray(packaged.labels, np.float64).reshape(-1, 1)
    return values if packaged.interval is None else np.concatenate([values, packaged.interval], axis=1)


def _texts(labels: NDArray[Any]) -> list[str]:
    """The file's own labels as texts: of booleans 0 and 1."""
    return [str(int(value)) if labels.dtype.kind in "biu" else str(value) for value in labels.reshape(-1)]


def _about_labels(outputs: Outputs, label_values: NDArray[Any], packaged: Predictions, path: str) -> tuple[str, ...]:
    own = np.array(_texts(label_values), object)
    if not set(own) <= set(outputs.classes):
        places = {str(place): name for place, name in enumerate(outputs.classes)}
        if not set(own) <= set(places):
            strange = sorted(set(own) - set(outputs.classes))
            raise InputError(
                f'the model\'s output "{outputs.label}" gives {", ".join(strange[:3])}, which '
                f"{'is' if len(strange) == 1 else 'are'} none of the classes {', '.join(outputs.classes)}.",
                path=path,
                hint=f"Name the classes in the order of the probabilities: {field('classes', 'a,b,c')}.",
            )
        own = np.array([places[name] for name in own], object)
    differ = (own != packaged.labels) & _clear(outputs, packaged)
    if not differ.any():
        return ()
    count, first = int(differ.sum()), int(differ.argmax())
    rule = (
        f'"{outputs.positive}" from a probability of {outputs.threshold:g}'
        if outputs.threshold is not None
        else "the class of the largest probability"
    )
    problem = (
        f'the file\'s own output "{outputs.label}" is not {rule} on {count} of {len(own)} rows (row {first}: '
        f'"{own[first]}" against "{packaged.labels[first]}")'
    )
    if 2 * count > len(own):
        raise InputError(
            f"{problem}: the classes may be in another order than the probabilities.",
            path=path,
            hint=f"Name them in the order of the probabilities, {field('classes', 'a,b,c')}; or the threshold that the "
            f"file's label follows, {field('threshold')}.",
        )
    return (f"{problem}; measured is the rule, not that output ({field('threshold')} sets another)",)


def _clear(outputs: Outputs, packaged: Predictions) -> NDArray[np.bool_]:
    assert packaged.probabilities is not None  # noqa: S101  # who gives scores and a label has them
    if outputs.threshold is not None and outputs.positive is not None:
        place = outputs.classes.index(outputs.positive)
        return np.asarray(np.abs(packaged.probabilities[:, place] - outputs.threshold) > _EDGE)
    ordered = np.sort(packaged.probabilities, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] > _EDGE)
