"""What a policy states of its settings decides: whoever asks for a trial cannot choose others for its requirements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seatrial.assessors.assessor import Subject
from seatrial.assessors.contingency.group_specs import GroupSpec, Part
from seatrial.assessors.subject_checks import heavier_row, weight_column_needed
from seatrial.errors import InputError, Problems, SeatrialError
from seatrial.verdicts.contingency import WeightSums
from seatrial.verdicts.policy import Policy


def groups_of_policy(policy: Policy, groups: Sequence[GroupSpec]) -> tuple[GroupSpec, ...]:
    """The groupings with the bins that the policy states.

    Raises `InputError` where a grouping that a requirement rests on has other bins: different ones can hide a gap.
    """
    decisive = {requirement.claim.column for requirement in policy.require}
    problems: list[SeatrialError] = []
    binned: list[GroupSpec] = []
    for spec in groups:
        parts = []
        for part in spec.parts:
            policy_edges = tuple(policy.bins.get(part.column, ()))
            if spec.name in decisive and part.edges and part.edges != policy_edges:
                problems.append(_other_bins(part, policy_edges))
            parts.append(Part(part.column, part.edges or policy_edges))
        binned.append(GroupSpec(tuple(parts)))
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    return tuple(binned)


def settings_of_policy(policy: Policy, subject: Subject) -> Subject:
    """The subject with the clip, the quantile and the largest weight of the policy, where it states them.

    Raises `InputError` where somebody asked for others.
    """
    settings = {}
    for name in ("clip", "quantile", "largest_weight"):
        of_policy, of_subject = getattr(policy, name), getattr(subject, name)
        if of_policy is not None and of_subject is not None and of_subject != of_policy:
            raise InputError(
                f"the policy states a {name} of {of_policy:g}, and {of_subject:g} was asked for.",
                path=f"policy.{name}",
                hint=f"Leave the {name} out, or change the policy.",
            )
        settings[name] = of_subject if of_policy is None else of_policy
    return replace(subject, **settings)


def check_policy_settings(policy: Policy, groups: Sequence[GroupSpec], clip: float | None) -> None:
    """`InputError` where rows were counted in other bins, or with another clip, than the policy states."""
    for spec, policy_spec in zip(groups, groups_of_policy(policy, groups), strict=True):
        for part, of_policy in zip(spec.parts, policy_spec.parts, strict=True):
            if part != of_policy:
                edges = ",".join(f"{edge:.15g}" for edge in of_policy.edges)
                raise InputError(
                    f'the policy states bins of "{part.column}", and the rows are grouped by each of its values.',
                    path="groups",
                    hint=f'Write "{part.column}:{edges}".',
                )
    if policy.clip is not None and clip != policy.clip:
        raise InputError(
            f"the policy states a clip of {policy.clip:g}, and the errors were summed with {clip or 'none'}.",
            path="clip",
            hint=f"Write clip={policy.clip:g}.",
        )


def check_largest_weight(largest_weight: float, weighing: WeightSums | None) -> None:
    """`InputError` where a counted row weighs more than the policy says that anybody does, or none has a weight."""
    if weighing is None:
        raise weight_column_needed()
    if weighing.heaviest > largest_weight:
        raise heavier_row("a row", weighing.heaviest, largest_weight, path="policy.largest_weight")


def _other_bins(part: Part, policy_edges: Sequence[float]) -> InputError:
    of_part, of_policy = (", ".join(f"{edge:.15g}" for edge in edges) for edges in (part.edges, policy_edges))
    if policy_edges:
        problem = f'the policy states the bins {of_policy} of "{part.column}", and {of_part} were asked for.'
        return InputError(problem, path="policy.bins", hint=f'Write "{part.column}" for the bins of the policy.')
    return InputError(
        f'a requirement rests on groups of "{part.column}", and the policy does not state their bins ({of_part}).',
        path="policy.bins",
        hint=f"Write {part.column} = [{of_part}] below [policy.bins] in the policy.",
    )
