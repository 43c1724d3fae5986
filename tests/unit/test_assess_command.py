import json
from collections.abc import Iterator

import pytest

from seatrial.cli.trial.assess import command
from seatrial.errors import InputError
from seatrial.trial import self_test
from seatrial.trial.self_test.case import Result

RIGHT = Result("a plain model", "fail: robust_accuracy", "fail: robust_accuracy", right=True)
WRONG = Result("swapped weights", "inconclusive", "pass", right=False)


@pytest.mark.parametrize(("results", "status"), [([RIGHT], 0), ([RIGHT, WRONG], 1)])
def test_a_blind_trial_is_told_and_fails(
    results: list[Result], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> Iterator[Result]:
        yield from results

    monkeypatch.setattr(self_test, "run_self_test", run)
    assert command(self_test=True) == status
    said = capsys.readouterr().out
    assert ("WRONG            swapped weights: pass" in said) == bool(status)
    assert command(self_test=True, json=True) == status
    assert json.loads(capsys.readouterr().out)["ok"] is not bool(status)


def test_nothing_to_assess_says_what_there_is() -> None:
    with pytest.raises(InputError, match="--self-test"):
        command()
