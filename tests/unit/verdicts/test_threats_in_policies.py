import json

import pytest

from seatrial.stores.documents import from_json, to_json
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.policy.document import read_policy
from seatrial.verdicts.policy.threat import Mutable, ThreatModel

ROBUST = {"metric": "robust_accuracy", "threat": "pixels", "at_least": 0.75}
PIXELS = {"norm": "linf", "budget": 0.1, "low": 0.0, "high": 1.0, "shape": [8, 8]}
PEOPLE = {
    "norm": "table",
    "budget": 20.0,
    "mutable": {"hours": {"low": 1, "high": 80, "step": 1, "cost": 1.0}, "occupation": {"values": ["Sales", "Tech"]}},
    "constraints": ["capital_loss <= capital_gain"],
}


def _mistakes(threat: object, *require: dict[str, object]) -> list[tuple[str | None, str]]:
    found = read_policy({"threat": threat, "require": list(require)})
    assert not isinstance(found, Policy)
    return [(one.key, str(one.error)) for one in found]


def test_a_policy_names_its_threat_models_and_they_are_part_of_it() -> None:
    found = read_policy({"require": [ROBUST], "threat": {"pixels": PIXELS, "people": PEOPLE}})
    assert isinstance(found, Policy)
    assert found.require == (Requirement("robust_accuracy", at_least=0.75, threat="pixels"),)
    assert found.threat["pixels"] == ThreatModel("linf", 0.1, 0.0, 1.0, (8, 8))
    assert found.threat["people"].mutable["hours"] == Mutable(1, 80, 1)
    assert str(found.require[0]) == "robust_accuracy under pixels ≥ 0.75"


def test_a_stored_policy_reads_as_it_was() -> None:
    found = read_policy({"require": [ROBUST], "threat": {"pixels": PIXELS, "people": PEOPLE}})
    assert isinstance(found, Policy)
    stored = to_json(found)
    assert from_json(Policy, stored, path="policy.json") == found
    stated = {key: value for key, value in json.loads(stored).items() if value is not None}
    stated["require"] = [{key: value for key, value in one.items() if value is not None} for one in stated["require"]]
    assert read_policy(stated) == found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": 0.0}, "pixels.budget: 0 lets nobody change anything"),
        ({"budget": 2.0}, "pixels.budget: 2 leaves the range of the inputs. It is 1 wide."),
        ({"low": 1.0, "high": 0.0}, "pixels.low: low and high must say within which range"),
        ({"norm": "l3"}, "pixels.norm"),
        ({"budgt": 1.0}, "pixels.budgt: unknown key"),
        ({"norm": "l0", "budget": 1.5, "high": 9.0}, "pixels.budget: 1.5 is not a number of inputs"),
        ({"shape": [0, 8]}, "pixels.shape"),
        ({"examples": 7}, "pixels.examples: 7 is not 0 to 6"),
        ({"examples": 2, "shape": [64, 64]}, "pixels.examples: they are images of at most 32 × 32 pixels"),
        (
            {"require": ["agpd"]},
            'pixels.require: "agpd" must be a tier of attacks within linf. Name some of noise, fgsm, pgd, apgd',
        ),
        ({"tiers": ["discrete"]}, 'pixels.tiers: "discrete" must be a tier of attacks within linf'),
        ({"tiers": ["noise"], "require": ["pgd"]}, 'pixels.require: "pgd" is required, but tiers leaves it out'),
        ({"require": ["discrete"]}, 'pixels.require: "discrete" must be a tier'),
        ({"norm": "patch", "budget": 9, "high": 9.0}, "a patch needs the shape of an image that it fits on"),
        ({"constraints": ["a <= b"]}, 'Write norm = "table"'),
    ],
)
def test_each_mistake_in_a_threat_model_is_named(change: dict[str, object], words: str) -> None:
    ((key, said),) = _mistakes({"pixels": {**PIXELS, **change}})
    assert key == "threat"
    assert words in said


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"step": 0}, "mutable.hours.step"),
        ({"cost": -1.0}, "mutable.hours.cost"),
        ({"low": 5, "high": 1}, "mutable.hours.low: 5 is not below 1"),
        ({"values": ["a"], "low": 1}, "mutable.hours.values"),
    ],
)
def test_each_mistake_in_a_column_that_can_change_is_named(column: dict[str, object], words: str) -> None:
    ((_, said),) = _mistakes({"people": {**PEOPLE, "mutable": {"hours": column}}})
    assert words in said


def test_robust_accuracy_needs_a_threat_model_that_is_there_and_other_metrics_have_none() -> None:
    ((key, said),) = _mistakes({"pixels": PIXELS}, {**ROBUST, "threat": "pixel"})
    assert (key, 'Did you mean "pixels"?' in said) == ("threat", True)
    ((key, _),) = _mistakes({}, {"metric": "robust_accuracy", "at_least": 0.5})
    assert key == "threat"
    ((key, _),) = _mistakes({"pixels": PIXELS}, {"metric": "accuracy", "threat": "pixels", "at_least": 0.5})
    assert key == "threat"
