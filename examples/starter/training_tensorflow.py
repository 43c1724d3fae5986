"""An MLP in Keras, behind a codec that is fitted on the training rows and becomes part of the model."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
from columns import CLASSES, LABEL, NUMBERS, POSITIVE, TEXTS

from seatrial import Codec, Trained

HIDDEN = 64
BATCH_ROWS = 256
LEARNING_RATE = 3e-3
PATIENCE = 5  # epochs without a better validation loss


def train(train: pd.DataFrame, validation: pd.DataFrame, *, epochs: int, seed: int) -> Trained:
    """Fits on `train`, and keeps the epoch with the least loss on `validation`."""
    keras.utils.set_random_seed(seed)
    codec = fit_codec(train)
    middle, scale = (0.0, 1.0) if CLASSES else (float(train[LABEL].mean()), float(train[LABEL].std()) or 1.0)
    module = network(codec.width, middle, scale)
    loss = "mse" if not CLASSES else "binary_crossentropy" if len(CLASSES) == 2 else "sparse_categorical_crossentropy"
    module.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), loss=loss)
    module.fit(
        *arrays(train, codec),
        validation_data=arrays(validation, codec),
        epochs=epochs,
        batch_size=BATCH_ROWS,
        callbacks=[keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)],
        verbose=2,
    )
    return Trained(module, codec, classes=tuple(CLASSES), positive=POSITIVE or None)


def network(width: int, middle: float, scale: float) -> keras.Model:
    """One probability a row (of the second class), one a class, or an amount in the label's own unit."""
    layers = [keras.layers.Input((width,)), keras.layers.Dense(HIDDEN, activation="relu")]
    if not CLASSES:
        layers += [keras.layers.Dense(1), keras.layers.Rescaling(scale, middle)]
    elif len(CLASSES) == 2:
        layers += [keras.layers.Dense(1, activation="sigmoid")]
    else:
        layers += [keras.layers.Dense(len(CLASSES), activation="softmax")]
    return keras.Sequential(layers)


def arrays(rows: pd.DataFrame, codec: Codec) -> tuple[np.ndarray, np.ndarray]:
    """Features float32[n, width], and labels float32[n]: the place of the class, or the amount."""
    label = rows[LABEL].map({name: place for place, name in enumerate(CLASSES)}) if CLASSES else rows[LABEL]
    features = codec.encode(pa.Table.from_pandas(rows[[*NUMBERS, *TEXTS]], preserve_index=False))
    return features, label.to_numpy(np.float32)


def fit_codec(train: pd.DataFrame) -> Codec:
    """Numbers around 0, and a feature for each text."""
    return Codec.from_statistics(
        numbers={name: (float(train[name].mean()), float(train[name].std())) for name in NUMBERS},
        vocabularies={name: sorted(set(train[name])) for name in TEXTS},
    )
