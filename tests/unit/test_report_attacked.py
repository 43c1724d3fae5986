"""Under attack: what an attacker may do, what was tried and broke how much, what is doubted; in words, on the page."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seatrial.report.attacked import UnderThreat, allowed_by, under_threats
from seatrial.report.gallery import pictures
from seatrial.report.html import render_report
from seatrial.verdicts.evidence import Claim, Evidence, Family, Flag
from seatrial.verdicts.example_images import CONDITION, MOST_BYTES, Example, read_examples, shades, write_examples
from seatrial.verdicts.policy import Policy
from seatrial.verdicts.policy.threat import MOST_EXAMPLES, Mutable, ThreatModel
from tests.report_sample import (
    ATTACKED,
    IMAGE,
    MASKED,
    THREAT,
    UNDER_ATTACK,
    attacked_view,
    robust,
    tried_trial,
)


def under(one: Evidence, policy: Policy = UNDER_ATTACK) -> UnderThreat:
    (found,) = under_threats(tried_trial(one), policy)
    return found


def test_the_accuracy_without_an_attack_stands_beside_that_under_one() -> None:
    assert [(mark.label, mark.estimate) for mark in under(robust()).plot.marks] == [
        ("as the data is", "0.910"),
        ("not broken by these attacks", "0.630"),
    ]


def test_attacks_of_one_kind_are_put_together_and_those_that_broke_nothing_are_named() -> None:
    assert [(one.name, one.broke) for one in under(robust()).attacks] == [
        ("None", "10"),
        ("Noise", "0"),
        ("One step", "0"),
        ("Projected gradient", "25"),
        ("Auto-PGD", "0"),
        ("Auto-PGD, targeted", "2"),
        ("Square", "0"),
    ]
    assert under(robust()).standing == "63 of 100"


def test_what_was_left_out_is_said_with_its_reason() -> None:
    assert under(robust()).left_out == "Minimum norm, Transfer: the budget of 60 s was spent"
    assert under(robust({**ATTACKED, "left_out": "nothing"})).left_out == ""


def test_a_model_without_gradients_says_why() -> None:
    facts = dict(under(robust({**ATTACKED, "gradients": "only the model's answers are known"})).facts)
    assert facts["gradients"] == "none: only the model's answers are known"
    assert facts["attacked"] == "100 of 900 rows"


def test_the_page_says_that_the_low_bound_is_about_these_attacks_and_doubts_in_words() -> None:
    told = render_report(attacked_view(robust(flags=(MASKED,))))
    section = told[told.index('id="attacks"') :]
    assert "is no bound on robustness: a stronger attack may exist." in section
    assert "Gradients vanish: <bdi>the gradient of 90 of 90 rows is zero" in section
    assert "inconclusive" in section


def test_a_doubt_that_nobody_named_yet_is_shown_by_its_code() -> None:
    (found,) = under(robust(flags=(Flag("new-sign", "something"),))).doubts
    assert found.sign == "new-sign"


def test_groups_under_attack_are_no_threats_of_their_own() -> None:
    by = replace(robust(), claim=Claim("robust_accuracy", Family.GROUPS, "site", threat="pixels"), slice="site=A")
    assert len(under_threats(tried_trial(robust(), by), UNDER_ATTACK)) == 1


@pytest.mark.parametrize(
    ("threat", "said"),
    [
        (THREAT, "Each input of an image of 2 × 2 may change by at most 0.1, within 0 to 1."),
        (ThreatModel("l2", 1.5, 0, 1), "All inputs together may move by at most 1.5 in Euclidean distance, within 0"),
        (ThreatModel("l0", 3, 0, 1), "At most 3 inputs may change, each to anything within 0 to 1."),
        (ThreatModel("patch", 3, 0, 1, (8, 8)), "One square of 3 × 3 pixels of an image of 8 × 8 may become anything"),
        (
            ThreatModel("table", 2, mutable={"age": Mutable(low=18, step=1, direction="up", cost=2)}),
            "age: up only in steps of 1 within 18 to the highest seen, at a cost of 2 each.",
        ),
        (ThreatModel("table", 2, mutable={"job": Mutable(values=("a", "b"))}), "job: one of a, b."),
        (ThreatModel("table", 2, mutable={"a": Mutable()}, constraints=("a <= b",)), "Always: a <= b."),
    ],
)
def test_every_threat_is_told_in_sentences(threat: ThreatModel, said: str) -> None:
    assert said in " ".join(allowed_by(threat))


def test_a_threat_that_the_policy_does_not_hold_is_told_as_the_evidence_does() -> None:
    assert under(robust(), Policy()).allowed == ("linf ≤ 0.1 within 0 to 1",)


def test_a_picture_is_drawn_before_and_after_with_what_was_changed() -> None:
    told = render_report(attacked_view(robust({**ATTACKED, CONDITION: write_examples([IMAGE])})))
    assert re.search(r"<b><bdi>3</bdi></b> answered as <b><bdi>5</bdi></b>", told)
    for what in ("as it is", "what was changed", "attacked"):
        assert f'aria-label="3, {what}"' in told
    assert "They are rows of the measured data." in told


def test_a_drawing_holds_every_pixel_once() -> None:
    (found,) = pictures({CONDITION: write_examples([IMAGE])})
    for _, drawing in found.drawings:
        lengths = [int(length) for shade in drawing for length in re.findall(r"h(\d+)", shade.runs)]
        assert sum(lengths) == found.width * found.height


images = arrays.arrays(np.uint8, st.sampled_from([(1, 1), (8, 8), (5, 7), (28, 28), (32, 32, 3), (32, 32), (4, 4, 1)]))


@pytest.mark.simulation
@given(st.lists(st.tuples(st.text(max_size=9), images), max_size=9))
def test_examples_come_back_as_they_were_written_as_many_as_fit(given_ones: list[tuple[str, np.ndarray]]) -> None:
    written = [Example(name, name, "square", image, image[::-1]) for name, image in given_ones]
    text = write_examples(written)
    found = read_examples(text)
    assert len(text) <= MOST_BYTES
    assert len(found) <= MOST_EXAMPLES
    for one, other in zip(found, written, strict=False):
        assert (one.label, one.answer, one.attack) == (other.label, other.answer, other.attack)
        assert np.array_equal(one.before, other.before)
        assert np.array_equal(one.after, other.after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "{}",
        "[1]",
        '[{"label": "a"}]',
        '[{"label":"a","answer":"b","attack":"c","shape":[4],"before":"AAAAAA==","after":"AAAAAA=="}]',
        '[{"label":"a","answer":"b","attack":"c","shape":[2,2],"before":"AAAA","after":"AAAA"}]',
        '[{"label":"a","answer":"b","attack":"c","shape":[9999,9999],"before":"AAAA","after":"AAAA"}]',
    ],
)
def test_what_is_no_example_is_none(text: str) -> None:
    assert read_examples(text) == ()


def test_shades_span_the_range_of_the_inputs() -> None:
    image = shades(np.array([-1.0, 0.0, 1.0, 3.0]), low=-1, high=1, shape=(2, 2))
    assert image.tolist() == [[0, 128], [255, 255]]
