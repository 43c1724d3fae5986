"""`seatrial.assess`: an honest verdict on a model and a frame, from Python and notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.models.signature import Task
from seatrial.trial.question import BUDGET_S, SEED, Question
from seatrial.trial.spelling import python_argument
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.command import split_groups
from seatrial.tryout.open_inputs import try_model
from seatrial.tryout.policy_file import DEFAULT
from seatrial.tryout.uses import use_recorder


def assess(
    model: Any,
    data: Any,
    *,
    label: str,
    groups: str | Sequence[str] = (),
    task: Task | None = None,
    positive: str | None = None,
    classes: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    threshold: float | None = None,
    weight: str | None = None,
    train: Any = None,
    against: str | Path | None = None,
    margin: float | None = None,
    policy: str | Path = DEFAULT,
    clip: float | None = None,
    quantile: float | None = None,
    largest_weight: float | None = None,
    columns: Sequence[str] | None = None,
    token: str | None = None,
    ca: str | None = None,
    seed: int = SEED,
    budget_s: float = BUDGET_S,
) -> Assessment:
    """Measures a model on rows that it was not trained on, and judges what was measured.

    `model` is the path or the bytes of a model file, the address of an endpoint (`token`: a reference, "env:NAME";
    `ca`: the file of its authority, "file:PATH"), a fitted model of a framework that `Trained` takes, which is exported
    first, or a function: it is given rows as the same kind of frame that `data` is, and answers with labels or values
    [n], or with probabilities [n] (of the positive class) or [n, classes]. `data` is a path, or a pandas, Polars or
    Arrow table, or a NumPy matrix with `columns`. Everything else means what it means to `seatrial try`; the use of the
    test data is counted as there. What is wrong with model or data is an `InputError`.
    """
    question = Question(
        label=label,
        task=task,
        positive=positive,
        classes=None if classes is None else tuple(classes),
        groups=split_groups((groups,)) if isinstance(groups, str) else tuple(groups),
        inputs=None if inputs is None else tuple(inputs),
        threshold=threshold,
        weight=weight,
        clip=clip,
        quantile=quantile,
        largest_weight=largest_weight,
        margin=margin,
        seed=seed,
        budget_s=budget_s,
    )
    return try_model(
        model,
        data,
        question,
        policy=str(policy),
        train=train,
        against=against,
        columns=columns,
        classes=classes,
        token=token,
        ca=ca,
        surface=python_argument,
        uses=use_recorder(os.environ, Path.home()),
        now=datetime.now(UTC),
    )
