"""Robust accuracy as a claim: counted on the model that answers, with exact bounds, and inconclusive where in doubt."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from seatrial.assessors.assessor import Subject
from seatrial.assessors.robustness import robust_accuracy
from seatrial.assessors.robustness.robust_accuracy import CUT_SHORT, NOT_RUN
from seatrial.assessors.robustness.under_attack import UnderAttack, offset_of, scores_of
from seatrial.attacks.input_space import MISSING, InputSpace, build_threat, input_space_of
from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.trial.self_test.networks import Model, Network, Quantised, blobs, fitted
from seatrial.verdicts.bounds.proportions import proportion
from seatrial.verdicts.evidence import Claim, Evidence, Family, NotMeasured
from seatrial.verdicts.policy import Requirement
from seatrial.verdicts.policy.threat import Mutable, ThreatModel
from seatrial.verdicts.thresholds import outcome
from seatrial.verdicts.verdict import Outcome

INPUTS = tuple(f"x{place}" for place in range(12))
CLASSES = ("a", "b", "c")
SIGNATURE = Signature(tuple(Column(name, "number") for name in INPUTS), "multiclass", CLASSES)
PIXELS = ThreatModel("linf", 0.12, 0.0, 1.0)
ROBUST = Claim("robust_accuracy", threat="pixels")


@dataclass
class Packaged:
    model: Model
    signature: Signature = SIGNATURE

    def predict(self, rows: pa.Table) -> Predictions:
        points = np.column_stack([rows.column(name).to_numpy() for name in INPUTS])
        probabilities = np.exp(self.model.ask(points))
        return Predictions(np.array(CLASSES, object)[probabilities.argmax(axis=1)], probabilities)


@cache
def network(robust: bool = False) -> Network:
    threat = build_threat(input_space_of(SIGNATURE.inputs, [], {}), PIXELS, rows(), name="pixels") if robust else None
    return fitted(*blobs(1200, seed=1), seed=1, threat=threat)


@cache
def rows() -> pa.Table:
    points, actual = blobs(300, seed=2)
    columns = {name: pa.array(points[:, place]) for place, name in enumerate(INPUTS)}
    site = np.where(np.arange(300) % 3 == 0, "north", "south")
    return pa.table({**columns, "y": pa.array(np.array(CLASSES, object)[actual]), "site": pa.array(site)})


def subject(model: Model, *, threat: ThreatModel = PIXELS, white: bool = True) -> Subject:
    predictor = Packaged(model)
    under = UnderAttack(
        predictor, rows(), 300, {"pixels": threat}, differentiated=(lambda _space: model) if white else None
    )
    return Subject(predictor, {"test": rows()}, "y", "multiclass", groups=("site",), under_attack=under)


def tried(subject: Subject, *claims: Claim, budget_s: float = 60) -> list[Evidence | NotMeasured]:
    return list(robust_accuracy.assess(subject, claims or (ROBUST,), confidence=0.975, seed=1, budget_s=budget_s))


@pytest.mark.simulation
def test_a_plain_model_falls_a_robust_one_stands_and_both_have_exact_bounds() -> None:
    (plain,), (robust,) = tried(subject(network())), tried(subject(network(robust=True)))
    assert isinstance(plain, Evidence)
    assert isinstance(robust, Evidence)
    assert plain.estimate < 0.65 < 0.8 < robust.estimate
    exact = proportion(round(robust.estimate * 300), 300, confidence=0.975)
    assert (robust.low, robust.high, robust.method) == (exact.low, exact.high, exact.method)
    assert robust.flags == ()
    assert robust.conditions["threat"] == "linf ≤ 0.12 within 0 to 1"
    assert robust.conditions["sample"] == "300 of 300 rows"
    assert "apgd-ce" in robust.conditions["attacks"]


@pytest.mark.simulation
def test_groups_are_answered_for_like_any_rate() -> None:
    by, gap = (Claim("robust_accuracy", family, "site", threat="pixels") for family in (Family.GROUPS, Family.PAIRS))
    found = tried(subject(network()), by, gap)
    assert {one.slice for one in found if one.claim == by} == {"site=north", "site=south"}
    assert {one.slice for one in found if one.claim == gap} == {"site: north − south"}
    assert all(isinstance(one, Evidence) for one in found)


@pytest.mark.simulation
def test_a_masked_gradient_flags_the_claim() -> None:
    (found,) = tried(subject(Quantised(network())))
    assert isinstance(found, Evidence)
    assert "zero-gradients" in {flag.code for flag in found.flags}


@pytest.mark.simulation
def test_a_black_box_says_that_it_is_one() -> None:
    (found,) = tried(subject(network(), white=False))
    assert isinstance(found, Evidence)
    assert found.conditions["attacks"] == "noise square transfer"
    assert found.conditions["gradients"] == "only the model's answers are known"


def test_what_the_time_does_not_allow_is_left_out_openly() -> None:
    (found,) = tried(subject(network()), budget_s=0.0)
    assert isinstance(found, Evidence)
    assert "the budget of 0 s was spent" in found.conditions["left_out"]


def test_a_suite_that_the_budget_cut_short_decides_nothing() -> None:
    easy = Requirement("robust_accuracy", at_least=0.1, threat="pixels")
    (late,) = tried(subject(network(robust=True)), budget_s=0.0)
    assert isinstance(late, Evidence)
    assert CUT_SHORT in {flag.code for flag in late.flags}
    assert outcome(easy, late) is Outcome.INCONCLUSIVE


@pytest.mark.simulation
def test_the_tiers_that_a_policy_names_suffice_and_no_other_runs() -> None:
    (found,) = tried(subject(network(robust=True), threat=replace(PIXELS, tiers=("noise", "square"))))
    assert isinstance(found, Evidence)
    assert found.conditions["attacks"] == "noise square"
    assert found.flags == ()


def test_a_tier_that_a_policy_names_and_that_did_not_run_decides_nothing() -> None:
    (found,) = tried(subject(network(robust=True), threat=replace(PIXELS, tiers=("noise",))), budget_s=0.0)
    assert isinstance(found, Evidence)
    assert [flag.code for flag in found.flags] == [NOT_RUN]


@pytest.mark.simulation
def test_gradients_that_exist_elsewhere_could_have_been_followed() -> None:
    blind = subject(network(robust=True), white=False)
    assert blind.under_attack is not None
    (found,) = tried(replace(blind, under_attack=replace(blind.under_attack, gradients_exist=True)))
    assert isinstance(found, Evidence)
    assert [flag.code for flag in found.flags] == [CUT_SHORT]


@pytest.mark.simulation
def test_without_a_tier_that_the_policy_requires_the_claim_is_inconclusive() -> None:
    demanding = replace(PIXELS, require=("apgd", "square"))
    (late,) = tried(subject(network(robust=True), threat=demanding), budget_s=0.0)
    (whole,) = tried(subject(network(robust=True), threat=demanding))
    (blind,) = tried(subject(network(robust=True), threat=demanding, white=False))
    assert isinstance(late, Evidence)
    assert isinstance(whole, Evidence)
    assert isinstance(blind, Evidence)
    assert [flag.code for flag in late.flags if flag.code == NOT_RUN] == [NOT_RUN, NOT_RUN]
    assert outcome(Requirement("robust_accuracy", at_least=0.1, threat="pixels"), late) is Outcome.INCONCLUSIVE
    assert whole.flags == ()
    assert [flag.detail for flag in blind.flags if flag.code == NOT_RUN] == [
        "the policy requires the attack apgd, which did not run: the model has no gradients"
    ]


@pytest.mark.parametrize(
    ("threat", "words"),
    [
        (ThreatModel("linf", 0.1, 0.0, 0.5), "has values outside 0 to 0.5"),
        (ThreatModel("table", 1.0, mutable={"age": Mutable()}), '"age", which is not an input'),
        (ThreatModel("table", 1.0, mutable={"x0": Mutable(values=("a",))}), "is a number column"),
        (ThreatModel("table", 1.0, mutable={"x0": Mutable()}, constraints=("x0 < x99",)), '"x99" must be a column'),
    ],
)
def test_a_threat_that_does_not_fit_the_inputs_is_not_measured_and_says_why(threat: ThreatModel, words: str) -> None:
    (found,) = tried(subject(network(), threat=threat))
    assert isinstance(found, NotMeasured)
    assert words in found.reason


def test_answers_alone_cannot_be_attacked() -> None:
    (found,) = tried(replace(subject(network()), under_attack=None))
    assert isinstance(found, NotMeasured)
    assert found.reason == "attacks need the model and its inputs, not its answers alone"


def test_a_model_that_gives_nan_when_it_is_attacked_is_not_measured() -> None:
    class Breaks(Network):
        def ask(self, rows: np.ndarray) -> np.ndarray:
            found = super().ask(rows)
            return np.where((rows > 0.999).any(axis=1, keepdims=True), np.nan, found)

    plain = network()
    (found,) = tried(subject(Breaks(plain.first, plain.shift, plain.second, plain.level)))
    assert isinstance(found, NotMeasured)
    assert "gives NaN for an example that an attack made" in found.reason


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_the_largest_score_is_the_class_that_the_threshold_answers(threshold: float) -> None:
    signature = Signature((), "binary", ("no", "yes"), "yes", threshold)
    chance = np.linspace(0.015, 0.985, 98)
    scores = scores_of(signature, np.column_stack([1 - chance, chance]))
    assert ((scores.argmax(axis=1) == 1) == (chance >= threshold)).all()
    assert offset_of(signature).shape == (2,)


def test_points_and_rows_are_the_same_rows() -> None:
    table = pa.table({"age": [30.0, None], "job": ["Sales", None], "other": [1, 2]})
    columns = (Column("age", "number"), Column("job", "text"))
    space: InputSpace = input_space_of(
        columns, [table], {"t": ThreatModel("table", 1, mutable={"job": Mutable(values=("Tech",))})}
    )
    points = space.points(table)
    assert points.tolist() == [[30.0, 0.0], [MISSING, 1.0]]
    assert space.texts["job"] == ("Sales", "", "Tech")
    points[0, 1] = 2
    back = space.table(points)
    assert back.column("age").to_pylist() == [30.0, None]
    assert back.column("job").to_pylist() == ["Tech", ""]


def test_a_text_that_no_number_can_be_added_to_is_named() -> None:
    space = input_space_of((Column("job", "text"),), [], {})
    with pytest.raises(InputError, match='"job" is text'):
        build_threat(space, PIXELS, pa.table({}), name="pixels")
