"""From points to a codec's features, as arrays, so that an attack can ask thousands of times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seatrial.attacks.input_space import MISSING, InputSpace
from seatrial.attacks.losses import Floats
from seatrial.attacks.threats import Rows
from seatrial.models.codec import Codec

Encode = Callable[[Rows], NDArray[np.float32]]


def encoder(codec: Codec, space: InputSpace) -> tuple[Encode, Floats]:
    """What turns points of this space into features float32[n, w] as `Codec.encode` does, and the scale of each number.

    The space's columns must be the codec's, in its order: numbers first.
    """
    if space.columns != codec.columns:
        raise ValueError("the space is not that of the codec's columns")
    numbers = len(codec.numbers)
    mean = np.array([number.mean for number in codec.numbers])
    scale = np.array([number.scale for number in codec.numbers])
    slots, starts, start = [], [], numbers
    for vocabulary in codec.vocabularies:  # which feature each text of the space turns on
        places = {value: place for place, value in enumerate(vocabulary.values)}
        unknown = len(vocabulary.values)
        slots.append(np.array([places.get(text, unknown) for text in space.texts[vocabulary.name]]))
        starts.append(start)
        start += unknown + 1

    def encode(points: Rows) -> NDArray[np.float32]:
        features = np.zeros((len(points), start), np.float32)
        raw = points[:, :numbers]
        standard = (np.where(raw == MISSING, mean, raw) - mean) / scale
        features[:, :numbers] = np.clip(standard, -codec.clip, codec.clip)
        rows = np.arange(len(points))
        for place, (slot, first) in enumerate(zip(slots, starts, strict=True)):
            features[rows, first + slot[points[:, numbers + place].astype(np.intp)]] = 1.0
        return features

    return encode, scale
