"""A model or a data set that is known to be bad, the requirement that has to catch it, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.assessors.assessor import Subject
from seatrial.assessors.policy_settings import settings_of_policy
from seatrial.assessors.run_trial import run_trial
from seatrial.models.predictor import Predictor
from seatrial.stores.documents import sha256, to_json
from seatrial.trial.batch_dependence import find_batch_dependence, flag_batch_dependence
from seatrial.verdicts.judge import Finding, judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse
from seatrial.verdicts.verdict import Outcome, Verdict

_SEED = 7
_BUDGET_S = 60.0


@dataclass(frozen=True, slots=True)
class Case:
    """One planted subject. A bad one names the requirement that must not pass, and how it must fail."""

    name: str
    make: Callable[[], Subject]
    require: tuple[Requirement, ...]  # everything that is asked of it
    policy: Policy  # the same with its threat models
    caught_by: int | None = None  # the requirement that has to catch it; None: a good one, and all must hold
    as_: Outcome | None = Outcome.FAIL  # or inconclusive, with this flag; None: whatever is no pass
    flag: str | None = None
    otherwise: Mapping[str, Callable[[], Predictor]] = field(default_factory=dict)  # the model as it runs elsewhere


@dataclass(frozen=True, slots=True)
class Result:
    """What the trial said of a case, and whether that is what it has to say."""

    name: str
    expected: str
    found: str
    right: bool


def case(
    name: str,
    make: Callable[[], Subject],
    *require: Requirement,
    caught_by: int | None = None,
    flag: str | None = None,
    policy: Policy | None = None,
    either: bool = False,
    otherwise: Mapping[str, Callable[[], Predictor]] | None = None,
) -> Case:
    """A case whose policy asks for `require`; with a flag it has to be inconclusive, `either` way it must not pass."""
    whole = replace(policy or Policy(), require=require)
    outcome = None if either else Outcome.FAIL if flag is None else Outcome.INCONCLUSIVE
    return Case(name, make, require, whole, caught_by, outcome, flag, otherwise or {})


def judge_case(trial_case: Case) -> Verdict:
    """Runs the whole trial on the case, and judges it by the case's policy."""
    subject = settings_of_policy(trial_case.policy, trial_case.make())
    rows = subject.tables[subject.measured].num_rows
    trial = run_trial(
        subject,
        trial_case.policy,
        data="test",
        use=TestUse(sha256(trial_case.name.encode()), rows, 1),
        model=sha256(trial_case.name.encode()),
        policy_digest=sha256(to_json(trial_case.policy)),
        seed=_SEED,
        budget_s=_BUDGET_S,
        progress=lambda _claim: None,
    )
    table = subject.tables[subject.measured]
    answers = subject.predictor.predict(table)
    dependence = find_batch_dependence(subject.predictor, table, answers, otherwise=trial_case.otherwise)
    return judge(trial_case.policy, flag_batch_dependence(trial, dependence))


def try_case(trial_case: Case) -> Result:
    """Judges the case, and compares the verdict with what it has to be."""
    verdict = judge_case(trial_case)
    if trial_case.caught_by is None:
        wrong = [finding for finding in verdict.findings if finding.outcome is not Outcome.PASS]
        return Result(trial_case.name, "passes", _said(wrong) or "passes", not wrong)
    finding = verdict.findings[trial_case.caught_by]
    flags = {flag.code for evidence in finding.deciding for flag in evidence.flags}
    right = finding.outcome is not Outcome.PASS if trial_case.as_ is None else finding.outcome is trial_case.as_
    right &= trial_case.flag is None or trial_case.flag in flags
    expected = f"{trial_case.as_ or 'no pass'}: {finding.requirement}" + (
        f" ({trial_case.flag})" if trial_case.flag else ""
    )
    return Result(trial_case.name, expected, _said([finding], sorted(flags)), right)


def _said(findings: Sequence[Finding], flags: Sequence[str] = ()) -> str:
    outcomes = "; ".join(f"{finding.outcome}: {finding.requirement}" for finding in findings)
    return f"{outcomes} ({', '.join(flags)})" if flags else outcomes
