"""Services of every documented kind, each as a script: what they are sent, and what their answers are taken for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.errors import SeatrialError, TargetError
from seatrial.models.endpoints import Endpoint, RequestLimits, open_endpoint
from seatrial.models.finished import ModelOptions
from tests.real.endpoints.conftest import Asked, Reply, Script, Scripted, scripted

ROWS = pa.table({"a": pa.array(np.arange(0, 50) / 50), "b": pa.array([1, 2] * 25), "y": pa.array(["no", "yes"] * 25)})
YES = np.arange(0, 50) / 50


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


def opened(server: Scripted, path: str, **options: Any) -> Endpoint:
    return open_endpoint(
        f"{server.address}{path}",
        schema=ROWS.schema,
        label="y",
        labels=("no", "yes"),
        options=ModelOptions(positive="yes", **options),
        rows=ROWS,
        limits=RequestLimits(rows_per_request=20, requests_per_s=1000, retries=0),
    )


def scoring(form: str, answer: Callable[[list[float]], Any]) -> Script:
    """A scoring script that knows one form of request, and answers from the column a."""

    def script(asked: Asked, _before: int) -> Reply:
        given = asked.document.get(form)
        if given is None:
            return Reply(500, {"message": f"KeyError: {form}"})
        rows = given.get("data") if isinstance(given, dict) else given
        if not isinstance(rows, list):
            return Reply(400, {"message": "no rows"})
        return Reply(document=answer([row["a"] if isinstance(row, dict) else row[0] for row in rows]))

    return script


@pytest.mark.parametrize("form", ["input_data", "dataframe_split", "Inputs", "data"])
def test_a_scoring_script_is_asked_in_the_form_it_knows(form: str) -> None:
    with scripted(scoring(form, lambda a: [[1 - one, one] for one in a])) as server:
        endpoint = opened(server, "/score")
        found = endpoint.predict(ROWS)
        opening = len(server.asked) - 3  # the rows are three requests
    assert opening == {"input_data": 1, "dataframe_split": 2, "Inputs": 3, "data": 5}[form]
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[:, 1], YES)
    assert endpoint.notes[0] == "inputs: a, b"
    assert endpoint.signature.threshold == 0.5


@pytest.mark.parametrize(
    ("answer", "probabilities"),
    [
        (lambda a: ["yes" if one >= 0.5 else "no" for one in a], False),
        (lambda a: [int(one >= 0.5) for one in a], False),
        (lambda a: {"predictions": ["yes" if one >= 0.5 else "no" for one in a]}, False),
        (lambda a: json.dumps({"result": ["yes" if one >= 0.5 else "no" for one in a]}), False),
        (lambda a: {"Results": [{"no": 1 - one, "yes": one} for one in a]}, True),
        (lambda a: {"probability": list(a), "label": ["yes" if one >= 0.5 else "no" for one in a]}, True),
        (lambda a: list(a), True),
    ],
    ids=["labels", "codes", "predictions", "JSON in JSON", "classes as keys", "columns", "fractions"],
)
def test_what_a_scoring_script_answers_is_recognised(answer: Callable[[list[float]], Any], probabilities: bool) -> None:
    with scripted(scoring("input_data", answer)) as server:
        endpoint = opened(server, "/score")
        found = endpoint.predict(ROWS)
    assert found.labels.tolist() == ["yes" if one >= 0.5 else "no" for one in YES]
    assert endpoint.signature.probabilities is probabilities
    assert (found.probabilities is not None) is probabilities


def test_what_the_usual_form_is_answered_with_is_shown_when_no_form_is_taken() -> None:
    def script(asked: Asked, before: int) -> Reply:
        return Reply(400, {"message": f"refused {next(iter(asked.document))}"})

    message = r"status 400: refused input_data\. It takes no form that Azure ML"
    with scripted(script) as server, pytest.raises(TargetError, match=message):
        opened(server, "/score")
    assert len(server.asked) == 5


def test_a_script_that_answers_for_fewer_rows_is_said() -> None:
    script = scoring("input_data", lambda a: ["yes"] * (len(a) - 1))
    with scripted(script) as server, pytest.raises(TargetError, match="answers for 19 rows, and was asked for 20"):
        opened(server, "/score")


def sklearn_server(*, probabilities: bool) -> Script:
    """As MLServer's runtime for scikit-learn: no inputs or outputs named, `predict` unless `predict_proba` is asked."""

    def script(asked: Asked, _before: int) -> Reply:
        if asked.method == "GET":
            return Reply(document={"name": "m", "versions": [], "platform": "", "inputs": [], "outputs": []})
        [tensor] = asked.document["inputs"]
        rows, columns = tensor["shape"]
        a = np.array(tensor["data"], float).reshape(rows, columns)[:, 0]
        names = [output["name"] for output in asked.document.get("outputs", [])] or ["predict"]
        if "predict_proba" in names and not probabilities:
            return Reply(400, {"error": "SKLearnModel only supports 'predict'"})
        outputs = {
            "predict": {"shape": [rows, 1], "datatype": "INT64", "data": (a >= 0.5).astype(int).tolist()},
            "predict_proba": {"shape": [rows, 2], "datatype": "FP64", "data": np.stack([1 - a, a], 1).ravel().tolist()},
        }
        return Reply(document={"outputs": [{"name": name, **outputs[name]} for name in names]})

    return script


@pytest.mark.parametrize("probabilities", [True, False])
def test_a_server_that_names_nothing_is_asked_for_probabilities_too(probabilities: bool) -> None:
    with scripted(sklearn_server(probabilities=probabilities)) as server:
        endpoint = opened(server, "/v2/models/m")
        found = endpoint.predict(ROWS)
    assert found.labels.tolist() == ["yes" if one >= 0.5 else "no" for one in YES]
    assert (found.probabilities is not None) is probabilities
    assert "inputs: one matrix of a, b, in this order" in endpoint.notes
    assert "labels: 0 to 1 stand for no, yes" in endpoint.notes


def test_a_matrix_server_gets_the_columns_that_are_named() -> None:
    def script(asked: Asked, _before: int) -> Reply:
        if asked.method == "GET":
            inputs = [{"name": "input__0", "datatype": "FP32", "shape": [-1, 1]}]
            outputs = [{"name": "output__0", "datatype": "FP32", "shape": [-1, 2]}]
            return Reply(document={"inputs": inputs, "outputs": outputs})
        [tensor] = asked.document["inputs"]
        a = np.array(tensor["data"])
        data = np.stack([1 - a, a], 1).ravel().tolist()
        output = {"name": "output__0", "datatype": "FP32", "shape": [len(a), 2], "data": data}
        return Reply(document={"outputs": [output]})

    with scripted(script) as server:
        found = opened(server, "/v2/models/m", inputs=("a",)).predict(ROWS)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[:, 1], YES.astype(np.float32))


def test_an_endpoint_has_no_package_and_says_so_by_having_none() -> None:
    with scripted(scoring("input_data", lambda a: list(a))) as server:
        endpoint = opened(server, "/score")
    assert not hasattr(endpoint, "package")
    assert endpoint.predict(ROWS.slice(0, 0)).labels.tolist() == []


def test_rows_that_lack_a_column_are_an_error_before_anything_is_asked() -> None:
    with scripted(scoring("input_data", lambda a: list(a))) as server:
        endpoint = opened(server, "/score")
        before = len(server.asked)
        with pytest.raises(SeatrialError, match="b: the rows do not have this column"):
            endpoint.predict(ROWS.select(["a"]))
        assert len(server.asked) == before
