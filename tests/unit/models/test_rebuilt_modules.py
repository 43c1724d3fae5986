"""A packaged module made anew from the project's factory: the same weights, or an error."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from seatrial.assessors.robustness.gradients import NO_FACTORY, NoGradients, gradients_of
from seatrial.assessors.robustness.under_attack import scores_of
from seatrial.attacks.input_space import input_space_of
from seatrial.errors import InputError
from seatrial.models.codec import Codec
from seatrial.models.frameworks.torch.rebuild import rebuild
from seatrial.models.package import Provenance, build_package
from seatrial.models.runtime import load_predictor
from seatrial.models.trained import Trained

pytestmark = pytest.mark.simulation

CODEC = Codec.from_statistics(numbers={"age": (40.0, 12.0), "hours": (38.0, 9.0)}, vocabularies={"job": ["a", "b"]})
ROWS = pa.table({"age": [20.0, 45.5, None], "hours": [40.0, 10.0, 80.0], "job": ["a", "z", None]})
PROVENANCE = Provenance("c" * 64, "k" * 64, {}, (), "3.11.2")


def network(width: int, hidden: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Flatten(0)
    )


def other(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, 9), nn.ReLU(), nn.Linear(9, 1), nn.Flatten(0))


def nothing() -> str:
    return "no module"


def packaged(**changes: object) -> dict[str, bytes]:
    torch.manual_seed(3)
    fitted = network(CODEC.width).eval()
    trained = Trained(fitted, CODEC, classes=("no", "yes"), positive="yes", threshold=0.3)
    trained = replace(trained, **changes)  # type: ignore[arg-type]  # each test names fields of its own
    return build_package(trained, rows=ROWS, provenance=PROVENANCE)


def test_the_rebuilt_module_gives_the_packages_answers_and_their_slope() -> None:
    files = packaged(factory=network, arguments={"width": CODEC.width})
    predictor = load_predictor(files)
    space = input_space_of(predictor.signature.inputs, [ROWS], {})
    differentiated = gradients_of(files)
    assert not isinstance(differentiated, NoGradients)
    assert not isinstance(differentiated, str)
    points = space.points(ROWS)
    scores, gradient = differentiated(space).scores_and_gradient(points, lambda scores: np.eye(2)[[1] * len(scores)])
    answers = predictor.predict(ROWS)
    assert answers.probabilities is not None
    expected = scores_of(predictor.signature, answers.probabilities)
    assert scores[:, 1] - scores[:, 0] == pytest.approx(expected[:, 1] - expected[:, 0], abs=1e-5)
    step = 1e-2
    for column in (0, 1):
        moved = points[:2].copy()
        moved[:, column] += step
        after = predictor.predict(space.table(moved)).probabilities
        assert after is not None
        log_odds = np.log(after[:, 1] / after[:, 0]) - (expected[:2, 1] - expected[:2, 0])
        here = np.log(answers.probabilities[:2, 1] / answers.probabilities[:2, 0]) - (expected[:2, 1] - expected[:2, 0])
        assert gradient[:2, column] == pytest.approx((log_odds - here) / step, rel=0.05, abs=1e-4)


def test_without_a_factory_the_model_is_a_black_box_and_says_why() -> None:
    files = packaged()
    assert rebuild(files) is None
    assert gradients_of(files) == NoGradients(NO_FACTORY)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factory": other, "arguments": {"width": CODEC.width}}, "differs"),
        ({"factory": network, "arguments": {"width": CODEC.width, "hidden": 9}}, "differs"),
        ({"factory": network, "arguments": {}}, "did not make the module"),
        ({"factory": nothing}, "gave a str"),
        ({"factory": lambda: None}, "cannot be found again by its name"),
        ({"factory": network, "arguments": {"width": [1]}}, "neither a number, a text"),
    ],
)
def test_a_factory_that_does_not_make_this_module_is_refused_at_packaging(
    changes: dict[str, object], words: str
) -> None:
    with pytest.raises(Exception, match=words) as caught:
        packaged(**changes)
    assert type(caught.value).__module__ == "seatrial.errors"


def test_a_factory_of_what_is_no_module_behind_a_codec_is_refused() -> None:
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
    with pytest.raises(InputError, match="a factory makes a PyTorch module behind a codec anew"):
        build_package(Trained(estimator, factory=network), rows=ROWS, provenance=PROVENANCE)
