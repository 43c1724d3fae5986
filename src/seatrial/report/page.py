"""The page as values: every sentence and number that the templates set. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.report.attacked import UnderThreat, under_threats
from seatrial.report.calibration import CalibrationPlot, calibration_plot
from seatrial.report.classes import ClassTable, class_table
from seatrial.report.comparisons import Comparison, comparisons
from seatrial.report.gaps import Gap, gaps
from seatrial.report.groups import Column, columns
from seatrial.report.methods import Method, methods_used
from seatrial.report.overall import Metric, about_rows, base_rate, of_the_rows, overall_metrics
from seatrial.report.provenance import Fact, FactGroup, fact_groups, rows_and_use
from seatrial.report.requirements import RequirementCard, gravest_first, requirement_card, requirement_title
from seatrial.report.view import ReportView, TryInputs, WaiverNote
from seatrial.report.words import confidence_percent, count, moment, short_digest
from seatrial.verdicts.judge import Finding, Outcome

NO_VERDICT = "none"
_WORDS = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive", NO_VERDICT: "No verdict"}


@dataclass(frozen=True, slots=True)
class Page:
    """All sections, in the order of the page."""

    title: str
    made_with: str
    rehearsal: bool
    released: bool
    doubts: tuple[str, ...]
    assumptions: tuple[str, ...]
    waivers: tuple[WaiverNote, ...]
    waived: bool
    outcome: str
    word: str
    why: str
    facts: tuple[Fact, ...]
    contents: tuple[tuple[str, str], ...]
    policy_confidence: str
    judged_confidence: str
    requirements: tuple[RequirementCard, ...]
    columns: tuple[Column, ...]
    bounds_note: str
    comparisons: tuple[Comparison, ...]
    under_threats: tuple[UnderThreat, ...]
    overall: tuple[Metric, ...]
    classes: ClassTable | None
    calibration: CalibrationPlot | None
    not_measured: tuple[Gap, ...]
    unasked: tuple[str, ...]
    data_facts: tuple[Fact, ...]
    rows_themselves: tuple[Metric, ...]
    data_notes: tuple[str, ...]
    methods: tuple[Method, ...]
    provenance: tuple[FactGroup, ...]
    reproduce: tuple[str, ...]


def page_of(view: ReportView) -> Page:
    """The page for a release or a rehearsal."""
    trial = view.trial
    outcome = NO_VERDICT if view.verdict.outcome is None else view.verdict.outcome.value
    tried = view.tried or TryInputs("", "")
    overall, under = overall_metrics(trial, unit=tried.label), under_threats(trial, view.policy)
    compared_with, classes = comparisons(trial), class_table(trial)
    calibration = calibration_plot(trial)
    compared = columns(trial, view.policy)
    missing = gaps(trial)
    methods = methods_used(evidence.method for evidence in trial.evidence)
    optional = {
        "comparisons": ("Compared", compared_with), "attacks": ("Under attack", under),
        "groups": ("Groups", compared), "classes": ("Classes", classes), "overall": ("Overall", overall),
        "calibration": ("Calibration", calibration), "not-measured": ("Not measured", missing or tried.unasked),
        "data": ("Data", True), "methods": ("Methods", methods),
        "provenance": ("Provenance", True), "reproduce": ("Do it again", view.reproduce),
    }  # fmt: skip
    return Page(
        title=view.title,
        made_with=view.made_with,
        rehearsal=trial.test_use is None,
        released=view.digest is not None,
        doubts=tried.notes,
        assumptions=tried.assumptions,
        waivers=view.waivers,
        waived=view.waived,
        outcome=outcome,
        word=_WORDS[outcome],
        why=why(view),
        facts=tuple(_facts(view)),
        contents=(("requirements", "Requirements"), *((key, text) for key, (text, there) in optional.items() if there)),
        policy_confidence=confidence_percent(view.policy.confidence),
        judged_confidence=confidence_percent(trial.confidence),
        requirements=tuple(requirement_card(finding, trial) for finding in gravest_first(view.verdict.findings)),
        columns=compared,
        bounds_note=f"Each bound is one-sided at {confidence_percent(trial.confidence)} confidence.",
        comparisons=compared_with,
        under_threats=under,
        overall=overall,
        classes=classes,
        calibration=calibration,
        not_measured=missing,
        unasked=tried.unasked,
        data_facts=tuple(_data_facts(view)),
        rows_themselves=of_the_rows(trial),
        data_notes=tuple(_data_notes(view)),
        methods=methods,
        provenance=fact_groups(
            trial, view.provenance, view.signature, release=view.digest, signature_key=view.signature_key
        ),
        reproduce=view.reproduce,
    )


def why(view: ReportView) -> str:
    """The verdict in one sentence."""
    if view.verdict.outcome is None:
        nothing = "asks for nothing" if not view.verdict.findings else "asks only for what does not apply yet"
        return f"The policy {nothing}, so nothing was decided and nothing can be deployed."
    findings = view.verdict.findings
    failed = [requirement_title(finding.requirement) for finding in findings if finding.outcome is Outcome.FAIL]
    unsure = [requirement_title(finding.requirement) for finding in findings if finding.outcome is Outcome.INCONCLUSIVE]
    if view.verdict.outcome is Outcome.PASS:
        few = {1: "The one requirement holds.", 2: "Both requirements hold."}
        held = sum(finding.outcome is Outcome.PASS for finding in findings)
        idle = len(findings) - held
        apart = "" if not idle else f" {idle} more {'does' if idle == 1 else 'do'} not apply."
        return few.get(held, f"All {held} requirements hold.") + apart
    if failed:
        more = f" This data cannot decide {len(unsure)} more." if unsure else ""
        return f"{_share(failed, findings)} {'does' if len(failed) == 1 else 'do'} not hold: {_listed(failed)}.{more}"
    share = _share(unsure, findings)
    return f"The data cannot decide {share[:1].lower()}{share[1:]}: {_listed(unsure)}."


def _share(some: list[str], findings: Sequence[Finding]) -> str:
    return "The one requirement" if len(findings) == 1 else f"{len(some)} of {len(findings)} requirements"


def _listed(titles: list[str]) -> str:
    lowered = [title[:1].lower() + title[1:] if title[1:2].islower() else title for title in titles]
    return lowered[0] if len(lowered) == 1 else f"{'; '.join(lowered[:-1])}; and {lowered[-1]}"


def _facts(view: ReportView) -> Iterator[Fact]:
    use, tried = view.trial.test_use, view.tried
    yield Fact("created", moment(view.created))
    rows = f"{view.trial.data} data" if use is None else f"{count(use.rows)} rows"
    table = (
        "" if tried is None else f" of {tried.data.rstrip('/').rpartition('/')[2]}"
    )  # the section on data has it all
    yield Fact("measured on", f"{rows}{table}")
    if tried is not None:
        yield Fact("label", tried.label)
    if rate := base_rate(view.trial):
        positive = None if view.signature is None else view.signature.positive
        yield Fact("positive" if positive is None else f"positive: {positive}", rate)
    if use is not None:
        yield Fact("this test data", f"use {use.use}")
    yield Fact("bounds at", confidence_percent(view.trial.confidence))
    if view.digest is not None:
        yield Fact("release", short_digest(view.digest), mono=True)
        yield Fact("signed by", view.signer or (short_digest(view.signature_key) if view.signature_key else "nobody"))


def _data_facts(view: ReportView) -> Iterator[Fact]:
    if view.tried is not None:
        yield Fact("table", view.tried.data)
        yield Fact("label", view.tried.label)
        if view.tried.groups:
            yield Fact("groups", ", ".join(view.tried.groups))
        if view.tried.weight is not None:
            yield Fact("rows count by", view.tried.weight)
    yield from rows_and_use(view.trial)


def _data_notes(view: ReportView) -> Iterator[str]:
    use, alpha = view.trial.test_use, 1 - view.policy.confidence
    if use is None:
        yield f"Everything here was measured on the {view.trial.data} data, at {_at(view.trial.confidence)}."
        yield "A rehearsal uses up no test data. Its numbers guide development; they are not a verdict."
    else:
        yield (
            f"Looking at the same data again is counted. Use k is measured and judged at 1 − α / (k (k + 1)): with "
            f"α = {alpha:.4g} and k = {use.use} that is {_at(view.trial.confidence)}. However many uses there will be, "
            f"their errors sum to at most α, so a model that should fail passes with a probability of at most "
            f"{confidence_percent(alpha)}."
        )
        yield (
            "That holds as long as each new candidate depends on earlier uses only through “it did not pass”. Whoever "
            "steers by the estimates in reports like this one can defeat it: in a simulation, models that guess, "
            "combined by their reported accuracy, did so within 60 uses. Develop on other data: a project's --rehearse "
            "reads only validation data."
        )
        if view.tried is not None:
            yield f"Uses are counted {view.tried.counted}, for whoever tries models there."
        yield "Data that shares its rows counts as the same data, whatever its order, file, columns or types."
    of_the_model = (evidence for evidence in view.trial.evidence if not about_rows(evidence.claim.metric))
    if any(evidence.conditions.get("weights") == "unweighted" for evidence in of_the_model):
        yield "Results are unweighted: each row counts once, whatever part of the population it stands for."


def _at(confidence: float) -> str:
    return f"{confidence_percent(confidence)} confidence"
