"""Whether a release's policy still holds on rows that it answered in service, measured as a trial measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.assessors.claims import BASELINE, ONE_COLUMN
from seatrial.assessors.contingency.group_specs import parse_groups
from seatrial.errors import InputError, field
from seatrial.models.runtime import load_predictor
from seatrial.rows import Rows, rows_of
from seatrial.serve.sampling.sampled_row import REQUEST_ID, ROW
from seatrial.trial.flag_answers import flag_answers
from seatrial.trial.measure import TrialInputs, UseRecorder, measure
from seatrial.trial.model import Model
from seatrial.trial.progress import ProgressCallback, no_progress
from seatrial.trial.question import Question
from seatrial.trial.validate import groups_of
from seatrial.tryout.assessment import Assessment
from seatrial.tryout.samples.join_labels import JoinedRows, join_labels
from seatrial.tryout.samples.recorded_answers import answer_columns, differing_answers, recorded_answers
from seatrial.tryout.samples.sample_files import SampledRows, skipped_words
from seatrial.tryout.samples.sample_notes import sample_assumptions, sample_flags, sample_notes
from seatrial.verdicts.evidence import Claim, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import Trial

_ASKED_ANEW = frozenset({"robust_accuracy", "trigger_rate", "counterfactual_flip_rate"})
_OF_ALL_INPUTS = frozenset({"one_column_accuracy", "unknown_values", "duplicate_share"})
_WHOLE = "all"  # the slice of a claim of which no slice was measured


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """A release that verifies: what it is called, its digests, package and policy."""

    title: str
    digest: str  # of release.json
    model: str  # digest of the package
    package: Mapping[str, bytes]
    policy: Policy


@dataclass(frozen=True, slots=True)
class SampledAssessment:
    """What came of it, and what the samples were like."""

    assessment: Assessment
    samples: SampledRows
    joined: JoinedRows
    differing_answers: int | None  # of the service and the release; None where no file has every input

    def document(self) -> dict[str, Any]:
        """What the samples were like, for `--json`."""
        samples, joined = self.samples, self.joined
        return {
            "rows": joined.table.num_rows,
            "labelled": joined.labelled,
            "shares": list(samples.shares),
            "kept": list(samples.kept),
            "dropped": list(samples.dropped),
            "files": samples.files,
            "skipped": [{"file": name, "reason": reason} for name, reason in samples.skipped],
            "rows_of_other_releases": samples.other_rows,
            "repeated_rows": joined.repeated_rows,
            "contested_rows": joined.contested_rows,
            "repeated_labels": joined.repeated_labels,
            "contested_labels": joined.contested_labels,
            "labels_of_unsampled_rows": joined.unknown_labels,
            "unusable_labels": joined.unusable_labels,
            "unread_files": samples.unread,
            "compared_rows": samples.complete.num_rows,
            "differing_answers": self.differing_answers,
        }


def assess_samples(
    release: ServedRelease,
    samples: SampledRows,
    labels: Rows,
    question: Question,
    *,
    origin: str,
    uses: UseRecorder,
    counted: str,
    now: datetime,
    on_progress: ProgressCallback = no_progress,
    reproduce: tuple[str, ...] = (),
) -> SampledAssessment:
    """Joins the labels, measures what the release's policy requires, and judges; the use of the rows is counted.

    `question` names the label, and groups, weight and cluster where there are any: columns that samples do not keep are
    looked for beside the labels. What cannot be measured on samples is not measured, with the reason.
    """
    predictor = load_predictor(release.package)
    signature = predictor.signature
    _check_samples(samples, question, origin)
    specs = parse_groups(question.groups)
    wanted = [source for spec in specs for source in spec.sources]
    wanted += [name for name in (question.weight, question.cluster, release.policy.time) if name is not None]
    absent = [name for name in dict.fromkeys(wanted) if name not in samples.table.column_names]
    beside = [name for name in absent if name in labels.schema.names]
    lost = set(absent) - set(beside)
    on_progress("joining the labels", 0, None)
    joined = join_labels(samples.table, _typed(labels, [question.label, *beside]), label=question.label, beside=beside)
    if not joined.labelled:
        raise InputError(
            f"none of the {joined.table.num_rows:,} sampled rows has a label.",
            path=labels.origin,
            hint=f"Labels are found by request_id and row, which begins at 0; the column is {field('label')}.",
        )
    for name in (question.weight, question.cluster):
        if name in lost:
            raise InputError(
                f"the samples do not keep {name!r}, and the labels do not have it.",
                path=origin,
                hint="Give it as a column of the labels.",
            )
    differing = differing_answers(samples.complete, predictor) if samples.complete.num_rows else None
    own = differing == 0 and not samples.dropped
    model = Model(release.title, predictor, release.package, recorded_as=release.model)
    if not own:
        answers = recorded_answers(signature, samples.kept)
        model = Model(release.title, answers, needs=answer_columns(signature), recorded_as=release.model)
    time = release.policy.time if release.policy.time not in lost else None
    columns = [*samples.kept, *(() if own else answer_columns(signature)), question.label]
    columns += [name for name in wanted if name not in lost]
    rows = replace(rows_of(joined.table.select(list(dict.fromkeys(columns)))), origin=origin)
    kept_specs = [spec for spec in specs if not set(spec.sources) & lost]
    question = replace(
        question,
        groups=tuple(text for text, spec in zip(question.groups, specs, strict=True) if spec in kept_specs),
        task=signature.task,
        positive=signature.positive,
        classes=signature.classes if signature.task == "multiclass" else None,
    )
    reasons = dict(_reasons(release.policy, samples, lost, own=own))
    measurable = tuple(requirement for requirement in release.policy.require if requirement not in reasons)
    policy = replace(release.policy, require=measurable, time=time)
    measured = measure(
        question, TrialInputs(model, rows), policy, groups=groups_of(question, rows), uses=uses, on_progress=on_progress
    )
    trial = _with_gaps(measured.trial, {requirement.claim: reason for requirement, reason in reasons.items()}, samples)
    trial = flag_answers(trial, tuple(sample_flags(samples, differing, release.title)))
    assessment = Assessment(
        model=release.title,
        data=origin,
        label=question.label,
        verdict=judge(release.policy, trial),
        policy=release.policy,
        trial=trial,
        signature=model.signature,
        provenance=predictor.provenance,
        notes=(*sample_notes(samples, joined, differing, release.title, lost), *measured.notes),
        assumptions=tuple(sample_assumptions(samples, joined)),
        unasked=("Drift of inputs and answers: releases do not record how these were distributed",),
        groups=tuple(spec.name for spec in kept_specs),
        created=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        reproduce=reproduce,
        counted=counted,
    )
    return SampledAssessment(assessment, samples, joined, differing)


_KEY = (REQUEST_ID, ROW)


def _check_samples(samples: SampledRows, question: Question, origin: str) -> None:
    if not samples.table.num_rows:
        others = f" {samples.other_rows:,} are of other releases." if samples.other_rows else ""
        skipped = f" Left out: {skipped_words(samples.skipped)}." if samples.skipped else ""
        raise InputError(
            f"there are no sampled rows of this release.{others}{skipped}",
            path=origin,
            hint="Name the release that was served, and where it kept samples: seatrial serve --sample 0.01.",
        )
    if not samples.kept:
        raise InputError(
            "the samples keep none of the inputs: nobody could tell their rows from others, to count the uses.",
            path=origin,
            hint="Keep at least one input that tells rows apart.",
        )
    if question.label in (*samples.table.column_names, *_KEY):
        raise InputError(
            f"the label has the name of a column of the samples, {question.label!r}.",
            path=origin,
            hint=f"Rename it beside the labels, and name it: {field('label')}.",
        )


def _typed(labels: Rows, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The tables of labels with ids as texts and places as whole numbers; `InputError` where they are none.

    Without a column `row` they are labels of row 0: each request had one.
    """
    names = list(dict.fromkeys([REQUEST_ID, *([ROW] if ROW in labels.schema.names else []), *columns]))
    for read in labels.tables(names):
        table = read if ROW in names else read.append_column(ROW, pa.array(np.zeros(read.num_rows, np.int64)))
        try:
            ids = pc.cast(table[REQUEST_ID], pa.string())
            places = pc.cast(table[ROW], pa.int64())
        except pa.ArrowException as error:
            raise InputError(
                f"request_id must hold texts and row whole numbers: {str(error).splitlines()[0]:.100}.",
                path=labels.origin,
                hint="Write the ids as the samples have them, and the row's place in its request, from 0.",
            ) from None
        table = table.set_column(table.column_names.index(REQUEST_ID), REQUEST_ID, ids)
        yield table.set_column(table.column_names.index(ROW), ROW, places)


def _reasons(policy: Policy, samples: SampledRows, lost: set[str], *, own: bool) -> Iterator[tuple[Requirement, str]]:
    """The requirements that samples cannot answer, and why."""
    dropped = ", ".join(samples.dropped)
    inputs = f"the samples do not keep {dropped}" if dropped else "the service answered otherwise than the release does"
    for requirement in policy.require:
        claim, reference = requirement.claim, requirement.no_worse_than
        sources = set((claim.column or "").split("*"))
        if reference is not None and reference not in (BASELINE, ONE_COLUMN):
            yield requirement, f"samples hold answers of this release alone: {reference} was not asked"
        elif missing := sorted(sources & lost):
            yield requirement, f"neither samples nor labels have {', '.join(missing)}"
        elif (claim.metric in _ASKED_ANEW or claim.threat is not None) and not own:
            yield requirement, f"it needs the model asked anew, and {inputs}"
        elif dropped and (claim.metric in _OF_ALL_INPUTS or reference == ONE_COLUMN):
            yield requirement, f"it needs every input, and {inputs}"
        elif claim.metric == "test_overlap":
            yield requirement, "it is a claim about the trial's test data; rows in service may be whose they like"


def _with_gaps(trial: Trial, reasons: Mapping[Claim, str], samples: SampledRows) -> Trial:
    """The trial in which these claims are not measured; nor what needs every input, where one is missing."""
    void = {item.claim for item in trial.evidence if samples.dropped and item.claim.metric in _OF_ALL_INPUTS}
    void |= reasons.keys()
    return replace(
        trial,
        evidence=tuple(item for item in trial.evidence if item.claim not in void),
        not_measured=(
            *(item for item in trial.not_measured if item.claim not in void),
            *(NotMeasured(claim, _WHOLE, reason) for claim, reason in reasons.items()),
        ),
    )
