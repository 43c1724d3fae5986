"""`seatrial.fairness`: how differently a model treats groups, from its answers alone, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seatrial.assessors.classification.rates import METRICS
from seatrial.assessors.contingency.assess_counts import claims_of, default_metrics, measure_cells
from seatrial.assessors.contingency.group_specs import suggestion
from seatrial.assessors.policy_settings import check_largest_weight, check_policy_settings
from seatrial.errors import InputError
from seatrial.report.terminal.measured import measured_lines, not_measured_lines
from seatrial.report.terminal.verdict import verdict_lines
from seatrial.report.words import confidence_percent, count
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.label_column import likely_positive
from seatrial.trial.validate import listed
from seatrial.tryout.count import count_cells
from seatrial.tryout.policy_file import policy_of_file
from seatrial.verdicts.contingency import Cells
from seatrial.verdicts.error_sums import ErrorSums, error_metrics
from seatrial.verdicts.evidence import Evidence, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.trial import Trial
from seatrial.verdicts.verdict import Verdict

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Fairness:
    """What was measured of groups and between them, and the verdict of a policy where there is one. Prints as a table.

    `cells` are the counts that everything comes from. Nothing here is counted as a use of test data, and nothing can
    be released by it.
    """

    cells: Cells | ErrorSums
    groups: tuple[str, ...]
    positive: str | None
    evidence: tuple[Evidence, ...]
    not_measured: tuple[NotMeasured, ...]
    confidence: float
    policy: Policy | None = None
    verdict: Verdict | None = None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        about = f"{count(self.cells.total)} rows by {', '.join(self.groups) or 'nothing'}"
        if isinstance(self.cells, Cells):
            classes = f'positive is "{self.positive}"' if self.positive else f"classes {listed(self.cells.classes)}"
            about = f"{about}; {classes}"
        lines = [f"{about}; bounds at {confidence_percent(self.confidence)}, all of a line's groups together."]
        trial = self._trial()
        if self.verdict is not None:
            lines += ["", *verdict_lines(self.verdict, trial)]
        lines += ["", *measured_lines(trial, Policy())]
        if missing := not_measured_lines(trial):
            lines += ["", "Not measured", *missing]
        return lines

    def _trial(self) -> Trial:
        return trial_of(self.evidence, self.not_measured, self.policy, self.confidence)


def fairness(
    data: Any,
    *,
    label: str,
    answer: str,
    groups: Sequence[str],
    metrics: Sequence[str] | None = None,
    positive: str | None = None,
    classes: Sequence[str] | None = None,
    task: Literal["regression"] | None = None,
    weight: str | None = None,
    clip: float | None = None,
    policy: str | Path | Policy | None = None,
    confidence: float = CONFIDENCE,
) -> Fairness:
    """Measures a model's answers by groups: each metric, every difference and every ratio of two groups, with bounds.

    `data` has a column of labels, one of answers and those of groups: a pandas, Polars, Arrow or Spark table, a path,
    or NumPy arrays by name. It is counted in one pass, in Spark by one aggregate; everything else comes from the counts
    and costs the same whatever the rows. `groups` are written as everywhere: "sex", "age:18,40,65", "sex*race". All
    bounds of one metric over the pairs of one grouping hold together at `confidence`, or at that of a `policy` (or its
    file), which is then judged. With `task="regression"` mean errors are compared, with a `clip` clipped
    ones. What is wrong with the data is an `InputError`.
    """
    regression = task == "regression"
    measurable = error_metrics(clipped=clip is not None) if regression else METRICS
    for metric in metrics or ():
        if metric not in measurable:
            raise InputError(f'unknown metric "{metric}".', path="metrics", hint=suggestion(metric, measurable))
    cells, specs = count_cells(
        data,
        label=label,
        answer=answer,
        groups=(groups,) if isinstance(groups, str) else tuple(groups),
        weight=weight,
        classes=classes,
        regression=regression,
        clip=clip,
    )
    positive_class = None if isinstance(cells, ErrorSums) else _positive(positive, cells.classes)
    if policy is not None and not isinstance(policy, Policy):
        kind: Literal["regression", "binary", "multiclass"] = "binary" if positive_class is not None else "multiclass"
        names = [spec.name for spec in specs]
        policy = policy_of_file(Path(policy), groups=names, task="regression" if regression else kind)
    if policy is not None:
        check_policy_settings(policy, specs, clip)
    largest_weight = None if policy is None else policy.largest_weight
    if largest_weight is not None and isinstance(cells, Cells):
        check_largest_weight(largest_weight, cells.weighing)
    required_claims = () if policy is None else tuple(requirement.claim for requirement in policy.require)
    at = confidence if policy is None else policy.confidence
    claims = dict.fromkeys([*required_claims, *claims_of(metrics or default_metrics(cells), specs)])
    measured = tuple(
        measure_cells(
            cells, tuple(claims), specs, positive=positive_class, confidence=at, largest_weight=largest_weight
        )
    )
    evidence = tuple(item for item in measured if isinstance(item, Evidence))
    missing = tuple(item for item in measured if isinstance(item, NotMeasured))
    verdict = None if policy is None else judge(policy, trial_of(evidence, missing, policy, at))
    return Fairness(cells, tuple(spec.name for spec in specs), positive_class, evidence, missing, at, policy, verdict)


def trial_of(
    evidence: tuple[Evidence, ...], missing: tuple[NotMeasured, ...], policy: Policy | None, confidence: float
) -> Trial:
    """What was measured as the record that is judged and shown; of no model that anybody could release."""
    digest = sha256(to_json(policy or Policy()))
    return Trial("", digest, "test", confidence, 0, evidence, missing, None)


def _positive(positive: str | None, classes: tuple[str, ...]) -> str | None:
    if positive is None:
        return likely_positive(classes)
    if positive not in classes:
        raise InputError(
            f"positive must be one of the classes, got {positive!r}.",
            path="positive",
            hint=f"There is: {listed(classes)}.",
        )
    return positive if len(classes) == 2 else None
