"""A pipeline that encodes the columns, and boosted trees of LightGBM. Any other estimator may stand there."""

from __future__ import annotations

import pandas as pd
from columns import CLASSES, LABEL, NUMBERS, POSITIVE, TEXTS
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from seatrial import Trained

FEATURES = [*NUMBERS, *TEXTS]
LEARNING_RATE = 0.1
LEAVES = 15


def train(train: pd.DataFrame, validation: pd.DataFrame, *, rounds: int, seed: int) -> Trained:
    """Fits on `train`; `validation` is there to choose by."""
    kind = LGBMClassifier if CLASSES else LGBMRegressor
    estimator = kind(
        n_estimators=rounds, num_leaves=LEAVES, learning_rate=LEARNING_RATE, random_state=seed, n_jobs=1, verbose=-1
    )
    fitted = make_pipeline(encoder(), estimator).fit(train[FEATURES], train[LABEL])
    print(f"score on validation: {fitted.score(validation[FEATURES], validation[LABEL]):.3f}", flush=True)
    return Trained(fitted, positive=POSITIVE or None)


def encoder() -> ColumnTransformer:
    """Numbers as they are, missing ones too; a column a text."""
    parts = [("passthrough", NUMBERS), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS)]
    return make_column_transformer(*(part for part in parts if part[1]))
