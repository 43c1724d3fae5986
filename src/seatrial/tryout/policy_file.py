"""Policies to start from: better than the obvious baseline, or what a file says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from seatrial.assessors.contingency.group_specs import GroupSpec
from seatrial.errors import InputError, Problems, SeatrialError, field
from seatrial.models.signature import Task
from seatrial.stores.toml_positions import Place, line_of, read_toml
from seatrial.trial.measure import compared_models
from seatrial.trial.question import Question
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.document import read_policy

DEFAULT = "default"
BASELINE = "baseline"  # what a requirement calls the best answer that needs no model
MARGIN = 0.01  # of accuracy: below it nobody notices that the new model answers worse than the one that runs
METRIC: dict[Task, str] = {"binary": "accuracy", "multiclass": "accuracy", "regression": "mae"}


def default_metric(task: Task, clip: float | None) -> str:
    """What the default policy is about; without a clip no bound on a regression's errors holds."""
    return METRIC[task] if clip is None or task != "regression" else f"clipped_{METRIC[task]}"


def default_policy(
    task: Task, *, clip: float | None = None, against: str | None = None, margin: float | None = None
) -> Policy:
    """Better than the baseline; no worse than the model `against` by `margin`. Gaps between groups are only reported.

    Without a `margin`, a classifier may be worse by `MARGIN`; a regression, whose metric has the label's unit, by
    nothing.
    """
    metric = default_metric(task, clip)
    require = [Requirement(metric, no_worse_than=BASELINE)]
    if against is not None:
        allowed = margin if margin is not None else 0.0 if task == "regression" else MARGIN
        require.append(Requirement(metric, no_worse_than=against, margin=allowed))
    return Policy(require=tuple(require))


def policy_for(policy: str, question: Question, groups: Sequence[GroupSpec], task: Task, against: str | None) -> Policy:
    """The policy that is named: "default", or a file's. It is made to compare with `against` where it does not yet."""
    if policy == DEFAULT:
        return default_policy(task, clip=question.clip, against=against, margin=question.margin)
    own_policy = policy_of_file(Path(policy), groups=[spec.name for spec in groups], task=task)
    if against is None or compared_models(own_policy):
        return own_policy
    clip = question.clip if own_policy.clip is None else own_policy.clip
    comparison = default_policy(task, clip=clip, against=against, margin=question.margin).require[-1]
    return replace(own_policy, require=(*own_policy.require, comparison))


def policy_of_file(path: Path, *, groups: Collection[str], task: Task) -> Policy:
    """The `[policy]` of a file: all of its mistakes at once, each with its line. Other tables are not looked at."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            "the policy file does not exist.",
            path=str(path),
            hint=f"Write {field('policy', 'default')}, or name a .toml file.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror).lower()
        raise InputError(f"the policy cannot be read: {problem}.", path=str(path), hint="Name another file.") from None
    document, positions = read_toml(text, str(path))
    section = document.get("policy")
    if not isinstance(section, dict):
        raise InputError(
            "the file does not have a [policy].",
            path=str(path),
            hint="Write [[policy.require]] with a metric and a bound.",
        )
    read = read_policy(section, groups=groups, task=task)
    if isinstance(read, Policy):
        return read
    problems: list[SeatrialError] = []
    for mistake in read:
        requirement: Place = () if mistake.index is None else ("require", mistake.index)
        place: Place = ("policy", *requirement, *(() if mistake.key is None else (mistake.key,)))
        where = ".".join(str(part) for part in place)
        line = line_of(positions, place)
        problems.append(
            InputError(f"{where}: {mistake.error.problem}", path=str(path), line=line, hint=mistake.error.hint)
        )
    raise Problems(problems)
