"""Which nodes pods may run on."""

from __future__ import annotations

import pytest

from seatrial.cluster.node_choice import Toleration, node_choice, toleration_mistake


def test_nothing_to_choose_is_nothing_to_say() -> None:
    assert node_choice({}, ()) == {}


def test_labels_and_taints_stand_as_kubernetes_writes_them() -> None:
    assert node_choice(
        {"disk": "ssd"}, (Toleration("spot", operator="Exists"), Toleration("team", value="models"))
    ) == {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [
            {"key": "spot", "operator": "Exists"},
            {"key": "team", "operator": "Equal", "value": "models"},
        ],
    }


@pytest.mark.parametrize(
    ("toleration", "words"),
    [
        (Toleration("spot", operator="exists"), 'operator must be one of Equal, Exists, got "exists".'),
        (Toleration("spot", value="yes", effect="Never"), "effect must be one of NoSchedule,"),
        (Toleration("spot"), 'the toleration of "spot" must have a value'),
        (Toleration("spot", operator="Exists", value="yes"), 'the toleration of "spot" must have a value'),
    ],
)
def test_what_kubernetes_refuses_is_told_before(toleration: Toleration, words: str) -> None:
    mistake = toleration_mistake((toleration,))
    assert mistake is not None
    assert mistake[0].startswith(words)
    assert toleration_mistake((Toleration("team", value="models"),)) is None
