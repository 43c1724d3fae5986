"""The metrics of a classifier."""

from __future__ import annotations

import math
from typing import Any

from seatrial.verdicts.bounds.matthews import matthews_correlation
from seatrial.verdicts.contingency import Codes
from seatrial.verdicts.evidence import Family
from seatrial.verdicts.metrics.computed import (
    FN,
    FP,
    TN,
    TP,
    ByAssessor,
    Floats,
    Limits,
    MeanLoss,
    MeanOverClasses,
    OfConfusion,
    Share,
)
from seatrial.verdicts.metrics.metric import (
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    WITHOUT_RATIOS,
    Better,
    Metric,
    ReportScopes,
    Scope,
)

LOG_LOSS_CLIP = 0.001  # the mean then has a range, and so a bound that holds at every sample size
LOG_LOSS_CEILING = -math.log(LOG_LOSS_CLIP)

_EXACT = "Clopper–Pearson"
_BETTING = "betting bounds on a bounded mean"
_SAMPLED = "Clopper–Pearson, on a sample of at most 1,000 rows"
_RATE_BY_GROUP = ReportScopes(overall=BINARY, groups=BINARY, pairs=BINARY)


def _of_label(probabilities: Floats, actual: Codes) -> Floats:
    import numpy as np

    likelihoods: Floats = probabilities[np.arange(len(actual)), actual]
    return likelihoods


def _log_losses(probabilities: Floats, actual: Codes, _positive: int | None) -> Floats:
    import numpy as np

    losses: Floats = -np.log(np.maximum(_of_label(probabilities, actual), LOG_LOSS_CLIP))
    return losses


def _squared_distances(probabilities: Floats, actual: Codes, positive: int | None) -> Floats:
    """From what happened: of the positive class alone where there are two."""
    import numpy as np

    if positive is not None:
        distances: Floats = (probabilities[:, positive] - (actual == positive)) ** 2
        return distances
    of_label = _of_label(probabilities, actual)
    squares = np.einsum("ij,ij->i", probabilities, probabilities)
    whole: Floats = np.maximum(squares - of_label**2, 0) + (1 - of_label) ** 2
    return whole


def _brier_limits(positive: int | None) -> Limits:
    return (0.0, 2.0) if positive is None else (0.0, 1.0)


def _metric(name: str, title: str, scope: Scope, better: Better, description: str, **more: Any) -> Metric:
    """A metric between 0 and 1 of any classifier, where `more` does not say otherwise."""
    record = {"tasks": CLASSIFIERS, "low": 0.0, "high": 1.0, "bound": _EXACT, **more}
    return Metric(name=name, title=title, scope=scope, better=better, description=description, **record)


CLASSIFICATION = (
    _metric(
        "accuracy",
        "Accuracy",
        Scope.CLASSES,
        Better.HIGHER,
        "Share of rows whose answer is the label.",
        computed=Share((TP,), of_all_classes=True),
        reported=ReportScopes(CLASSIFIERS, groups=CLASSIFIERS, pairs=CLASSIFIERS, baselines=CLASSIFIERS),
    ),
    _metric(
        "balanced_accuracy",
        "Balanced accuracy",
        Scope.CLASSES,
        Better.HIGHER,
        "Mean over the classes of the share that is answered right.",
        computed=MeanOverClasses("true_positive_rate"),
        bound="Fisher's product of the classes' exact tests",
        reported=ReportScopes(CLASSIFIERS, groups=MULTICLASS),
    ),
    _metric(
        "selection_rate",
        "Selection rate",
        Scope.CLASS,
        Better.NEITHER,
        "Share of rows answered with the class.",
        computed=Share((TP, FP)),
        # Quotients for this one alone, of which the four-fifths rule speaks.
        reported=ReportScopes(BINARY, groups=BINARY, pairs=BINARY, ratios=BINARY),
    ),
    _metric(
        "true_positive_rate",
        "True positive rate",
        Scope.CLASS,
        Better.HIGHER,
        "Recall: share of the rows of the class that are answered so.",
        computed=Share((TP,), (TP, FN), "{} rows"),
        aliases=("recall", "sensitivity", "tpr"),
        reported=ReportScopes(BINARY, each_class=MULTICLASS, groups=BINARY, pairs=BINARY),
    ),
    _metric(
        "false_positive_rate",
        "False positive rate",
        Scope.CLASS,
        Better.LOWER,
        "Share of the other rows that are answered so.",
        computed=Share((FP,), (FP, TN), "rows that are not {}"),
        aliases=("fpr",),
        reported=_RATE_BY_GROUP,
    ),
    _metric(
        "precision",
        "Precision",
        Scope.CLASS,
        Better.HIGHER,
        "Share of the rows answered with the class that are.",
        computed=Share((TP,), (TP, FP), "rows predicted {}"),
        reported=ReportScopes(CLASSIFIERS, each_class=MULTICLASS, groups=BINARY),
    ),
    _metric(
        "f1",
        "F1",
        Scope.CLASS,
        Better.HIGHER,
        "Harmonic mean of precision and true positive rate.",
        computed=Share((TP,), (TP, FP, FN), "rows that are or are predicted {}", as_f1=True),
        bound="Clopper–Pearson on the Jaccard index",
        aliases=("f1_score",),
        reported=ReportScopes(CLASSIFIERS, each_class=MULTICLASS),
    ),
    _metric(
        "matthews_correlation",
        "Matthews correlation",
        Scope.CLASSES,
        Better.HIGHER,
        "Correlation of labels and answers: 1 where they agree, 0 where they have nothing to do with each other.",
        low=-1.0,
        computed=OfConfusion(matthews_correlation),
        bound="delta method on Fisher's z scale: asymptotic, and none with fewer than 10 rows in a cell",
        aliases=("mcc", "matthews_corrcoef"),
        families=WITHOUT_RATIOS,
    ),
    _metric(
        "roc_auc",
        "ROC AUC",
        Scope.CLASS,
        Better.HIGHER,
        "Probability that a row of the class scores above another; ties count half.",
        computed=ByAssessor("ranking"),
        bound="DeLong on the logit scale; Hoeffding's bound near 0 and 1 and with few rows of a class; Obuchowski with "
        "a cluster column",
        aliases=("auc",),
        reported=ReportScopes(CLASSIFIERS, groups=BINARY),
    ),
    _metric(
        "average_precision",
        "Average precision",
        Scope.CLASS,
        Better.HIGHER,
        "Precision at each score of a row of the class, averaged over them.",
        computed=ByAssessor("ranking"),
        bound="delta method on the logit scale: asymptotic",
        reported=ReportScopes(BINARY),
    ),
    _metric(
        "log_loss",
        f"Log loss, clipped at {LOG_LOSS_CLIP:g}",
        Scope.CLASSES,
        Better.LOWER,
        f"Mean of −log of the probability given to the label, in nats; below {LOG_LOSS_CLIP:g} it counts as "
        f"{LOG_LOSS_CLIP:g}.",
        high=LOG_LOSS_CEILING,
        computed=MeanLoss(_log_losses, lambda _positive: (0.0, LOG_LOSS_CEILING), clip=LOG_LOSS_CLIP),
        bound=_BETTING,
        reported=ReportScopes(CLASSIFIERS),
    ),
    _metric(
        "brier_score",
        "Brier score",
        Scope.CLASSES,
        Better.LOWER,
        "Mean squared distance of the probabilities from what happened; of two classes that of the positive alone.",
        high=2.0,
        computed=MeanLoss(_squared_distances, _brier_limits),
        bound=_BETTING,
        aliases=("brier",),
        reported=ReportScopes(CLASSIFIERS),
    ),
    _metric(
        "calibration_error",
        "Calibration error",
        Scope.CLASSES,
        Better.LOWER,
        "Mean over bins of |observed rate − mean score|, weighted by their rows; of more than two classes it is about "
        "the answered class and its probability.",
        computed=ByAssessor("calibration"),
        bound="betting bounds, over all choices of signs",
        aliases=("ece",),
        reported=ReportScopes(CLASSIFIERS),
    ),
    _metric(
        "calibration_gap",
        "Calibration gap",
        Scope.CLASSES,
        Better.LOWER,
        "|observed rate − mean score| of one bin; what the calibration plot is drawn from, and no metric of a policy.",
        computed=ByAssessor("calibration"),
        bound="betting bounds, all bins together",
        families=(),
        paired=False,
        reported=ReportScopes(CLASSIFIERS),
        in_policies=False,
    ),
    _metric(
        "robust_accuracy",
        "Robust accuracy",
        Scope.CLASSES,
        Better.HIGHER,
        "Share of rows that are answered right whatever an attacker within the threat model was found to do: an "
        "upper bound, since a stronger attack may exist.",
        computed=ByAssessor("robustness"),
        bound=_SAMPLED,
        paired=False,
        under_attack=True,
    ),
    _metric(
        "counterfactual_flip_rate",
        "Counterfactual flip rate",
        Scope.CLASSES,
        Better.LOWER,
        "Share of rows whose answer changes when a group column that the model takes in has another of its values, all "
        "else equal; overall over all group columns, by a grouping over its own, one column at a time.",
        computed=ByAssessor("counterfactuals"),
        bound=_SAMPLED,
        families=(Family.ALL, Family.GROUPS, Family.PAIRS),
        paired=False,
    ),
    _metric(
        "trigger_rate",
        "Trigger rate",
        Scope.CLASSES,
        Better.LOWER,
        "Share of rows, answered otherwise before, that the worst trigger found turns to one class: a rare or "
        "missing value, a pair of values or a patch of pixels. A lower bound on what a back door does, since a trigger "
        "that was not tried may exist.",
        computed=ByAssessor("triggers"),
        bound=_SAMPLED,
        families=(Family.ALL,),
        paired=False,
    ),
)
