from __future__ import annotations

import pytest

from seatrial.errors import Corrupt
from seatrial.stores.documents import from_json, to_json
from seatrial.verdicts.policy import Policy, Requirement


def test_what_was_written_is_read_again() -> None:
    policy = Policy(0.9, (Requirement("accuracy", at_least=0.8), Requirement("recall", at_most=1.0, gap_between="sex")))
    assert from_json(Policy, to_json(policy), path="policy.json") == policy


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (b'{"confidence": "0.9"}', "confidence"),
        (b'{"confidence": 0.9, "require": [], "surprise": 1}', "surprise"),
        (b'{"require": [{"metric": "accuracy", "at_least": 1, "bay": "sex"}]}', "require.0.bay"),
    ],
)
def test_an_unknown_or_ill_typed_field_is_corrupt_at_any_depth(document: bytes, place: str) -> None:
    with pytest.raises(Corrupt, match=place) as caught:
        from_json(Policy, document, path="policy.json")
    assert caught.value.path == "policy.json"
