"""A pipeline that encodes the columns, and boosted trees of XGBoost. Any other estimator may stand there."""

from __future__ import annotations

import pandas as pd
from columns import CLASSES, LABEL, NUMBERS, POSITIVE, TEXTS
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier, XGBRegressor

from seatrial import Trained

FEATURES = [*NUMBERS, *TEXTS]
LEARNING_RATE = 0.1
DEPTH = 4


def train(train: pd.DataFrame, validation: pd.DataFrame, *, rounds: int, seed: int) -> Trained:
    """Fits on `train`; `validation` is there to choose by."""
    kind = XGBClassifier if CLASSES else XGBRegressor
    estimator = kind(n_estimators=rounds, max_depth=DEPTH, learning_rate=LEARNING_RATE, random_state=seed, n_jobs=1)
    places = {name: place for place, name in enumerate(CLASSES)}  # XGBoost takes the classes by number
    label = train[LABEL].map(places) if CLASSES else train[LABEL]
    fitted = make_pipeline(encoder(), estimator).fit(train[FEATURES], label)
    checked = validation[LABEL].map(places) if CLASSES else validation[LABEL]
    print(f"score on validation: {fitted.score(validation[FEATURES], checked):.3f}", flush=True)
    return Trained(fitted, classes=tuple(CLASSES), positive=POSITIVE or None)


def encoder() -> ColumnTransformer:
    """Numbers as they are, missing ones too; a column a text."""
    parts = [("passthrough", NUMBERS), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS)]
    return make_column_transformer(*(part for part in parts if part[1]))
