"""A few images before and after an attack, as a condition of evidence: small, quantised, and only where asked for.

They are rows of the measured data, which a report otherwise never shows: a threat model says how many may be.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.verdicts.policy.threat import MOST_EXAMPLES, MOST_SIDE

CONDITION = "examples"
MOST_BYTES = 16_000  # of the text: evidence is read whole, and signed
_TOP = 255

Image = NDArray[np.uint8]  # [height, width] or [height, width, channels]


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One image: its label, and the wrong answer that this attack brought about."""

    label: str
    answer: str
    attack: str
    before: Image
    after: Image


def shades(values: NDArray[np.float64], *, low: float, high: float, shape: Sequence[int]) -> Image:
    """Inputs within `low` to `high` as an image of 256 shades."""
    scaled = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(np.round(scaled * _TOP), dtype=np.uint8).reshape(tuple(shape))


def write_examples(examples: Sequence[Example]) -> str:
    """As many of them as fit, as text; "" where none does."""
    fitting: list[dict[str, object]] = []
    for example in examples[:MOST_EXAMPLES]:
        if max(example.before.shape[:2]) > MOST_SIDE:
            continue
        document: dict[str, object] = {
            "label": example.label,
            "answer": example.answer,
            "attack": example.attack,
            "shape": list(example.before.shape),
            "before": base64.b64encode(example.before.tobytes()).decode(),
            "after": base64.b64encode(example.after.tobytes()).decode(),
        }
        if len(_text([*fitting, document])) > MOST_BYTES:
            break
        fitting.append(document)
    return _text(fitting) if fitting else ""


def read_examples(text: str) -> tuple[Example, ...]:
    """The examples in the text of a condition; none where it is not one."""
    try:
        return tuple(
            Example(
                str(entry["label"]),
                str(entry["answer"]),
                str(entry["attack"]),
                *(_image(entry[name], entry["shape"]) for name in ("before", "after")),
            )
            for entry in json.loads(text)
        )
    except (ValueError, KeyError, TypeError):
        return ()


def _image(text: str, shape: Sequence[int]) -> Image:
    if len(shape) not in (2, 3) or not all(isinstance(side, int) and 0 < side <= MOST_SIDE for side in shape):
        raise ValueError(f"{shape} is not a shape of a small image")
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8).reshape(tuple(shape))


def _text(documents: Sequence[dict[str, object]]) -> str:
    return json.dumps(documents, ensure_ascii=False, separators=(",", ":"))
