"""What a trial says: each thing once, the gravest first, and no more than a screen holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import seatrial
from seatrial import Assessment
from seatrial.report.comparisons import reference_sentences
from seatrial.report.terminal.assessment import not_measured, note_lines, sections
from seatrial.trial.data_checks.note import Note
from seatrial.verdicts.evidence import Claim, Evidence

Make = Callable[..., Path]


@pytest.fixture
def found(model: Make, people: pa.Table) -> Assessment:
    return seatrial.assess(model(), people, label="rich", groups=["sex", "age:30,50"])


def missing(assessment: Assessment) -> tuple[str, ...]:
    return not_measured(assessment.trial, assessment.unasked)


def test_everybody_comes_before_the_widest_gaps(found: Assessment) -> None:
    text = str(found)
    assert text.index("Verdict: PASS") < text.index("Overall") < text.index("Widest gaps") < text.index("Not measured")


def test_the_number_stands_beside_what_needs_no_model(found: Assessment) -> None:
    (line,) = reference_sentences(found.trial)
    assert line.startswith("Accuracy 0.838; majority class no: 0.535; by ")


def test_groups_are_shown_by_their_gaps_alone(found: Assessment) -> None:
    gaps = dict(sections(found.trial))["Widest gaps between groups (each group's own numbers are in the report)"]
    assert {one.claim.family for one in gaps.evidence} == {"pairs"}


def test_classes_are_shown_by_their_ends(found: Assessment) -> None:
    recalls = [
        Evidence(Claim("true_positive_rate", of_class=name), "all", value, 0.0, 1.0, 0.975, 9, "clopper-pearson")
        for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.7))
    ]
    shown = dict(sections(replace(found.trial, evidence=tuple(recalls))))
    assert shown["Overall"].evidence == ()
    ends = shown["Classes, the lowest and the highest (all are in the report)"].evidence
    assert [one.claim.of_class for one in ends] == ["a", "b"]


def test_what_was_not_asked_for_is_offered(found: Assessment, model: Make, people: pa.Table) -> None:
    assert not any("groups=" in line for line in missing(found))
    assert any('against="FILE"' in line for line in missing(found))
    bare = seatrial.assess(model("b.onnx", bias=-15.0), people, label="rich")
    assert any("groups=" in line for line in missing(bare))


def test_a_reason_is_said_once_whatever_it_keeps_from_being_measured(model: Make, people: pa.Table) -> None:
    ones = people.filter(pc.equal(people["rich"], pa.scalar("yes")))
    found = seatrial.assess(model(), ones, label="rich", groups=["sex"])
    assert found.outcome == "inconclusive"
    said = [line for line in missing(found) if 'the label "yes"' in line]
    assert len(said) == 2  # overall, and by sex
    assert "and 11 more" in said[0]


def test_doubts_beyond_a_screen_are_counted(found: Assessment) -> None:
    many = replace(found, notes=tuple(Note("constant", f"c{place}", f"c{place} is constant.") for place in range(20)))
    told = list(note_lines(many.tried().notes))
    assert told[0] == "! c0 is constant."
    assert told[-1] == "! 12 more: see the report"


def test_an_error_without_a_ceiling_is_said_to_have_asymptotic_bounds(model: Make, people: pa.Table) -> None:
    regression = model(answer="value", weights=(0.5, 0.5), bias=-19.5)
    assert any("clip=" in line for line in missing(seatrial.assess(regression, people, label="wage")))
    assert not any("clip=" in line for line in missing(seatrial.assess(regression, people, label="wage", clip=50)))
