"""Our own server, asked as anybody's: the answers are those of the package behind it."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.errors import InputError
from seatrial.models.endpoints import RequestLimits, open_endpoint
from seatrial.models.finished import ModelOptions
from tests.real.served.conftest import Sea, Server, rows


@pytest.mark.parametrize("path", ["/v2/models/census", "/v2/models/census/versions/1", "/v2/models/census/infer"])
def test_a_served_release_answers_as_its_package_does(
    sea: Sea, server: Server, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    table = rows(700, 5)
    endpoint = open_endpoint(
        f"{server.address}{path}",
        schema=table.schema,
        label=None,
        labels=None,
        options=ModelOptions(positive=">50K"),
        rows=table,
        limits=RequestLimits(rows_per_request=150, requests_per_s=200),
    )
    found, expected = endpoint.predict(table), sea.predictor.predict(table)
    assert endpoint.signature.inputs == sea.predictor.signature.inputs
    assert endpoint.signature.classes == sea.predictor.signature.classes
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.probabilities is not None
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert endpoint.notes == ()


def test_another_model_is_not_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    table = rows(3, 5)
    with pytest.raises(
        InputError, match=r"does not know the model \(status 404: This server does not have model 'other'"
    ):
        open_endpoint(
            f"{server.address}/v2/models/other",
            schema=table.schema,
            label=None,
            labels=None,
            options=ModelOptions(),
            rows=table,
        )
