"""What the server answers beside inference: documents about the model, rows in kind, Azure ML's routes, metrics."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from seatrial.models.codec import Codec
from seatrial.models.predictor import ArrayPredictor, Predictions
from seatrial.serve.application import Application
from seatrial.serve.inference import Limits
from seatrial.serve.model_server import create_app
from seatrial.serve.observation.access_log import AccessLog
from seatrial.serve.sampling.sampler import Sampler
from tests.unit.serve.conftest import Echo
from tests.unit.serve.test_application import INFER, REQUEST, Broken, ask

CODEC = Codec.from_statistics(numbers={"p": (0.5, 0.25)}, vocabularies={"größe": ["b", "日本"]})
ROWS = [{"p": 0.25, "größe": "日本"}, {"p": 1.0, "größe": "c"}, {"p": None, "größe": "b"}]
CSV_ROWS = "p,größe\n0.25,日本\n1,c\n"


@pytest.fixture
def app(echo: ArrayPredictor) -> Application:
    return create_app(echo, "census", "2", codec=CODEC, digest="sha256:abc")


def send(app: Application, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response: httpx.Response = ask(app, lambda client: client.request(method, path, content=content, headers=named))
    return response


def metrics_after(app: Application, *requests: tuple[str, str, bytes]) -> dict[tuple[str, str], float]:
    """What /metrics tells after these, by name and the values of the labels, in the order of their names."""

    async def use(client: httpx.AsyncClient) -> str:
        for method, path, content in requests:
            await client.request(method, path, content=content)
        return (await client.get("/metrics")).text

    families = text_string_to_metric_families(ask(app, use))
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_rows_as_objects_are_answered_in_kind(app: Application) -> None:
    response = send(app, "POST", "/predict", json.dumps(ROWS).encode())
    assert response.json() == [
        {"predicted": "no", "probability=no": 0.75, "probability=yes": 0.25},
        {"predicted": "yes", "probability=no": 0.0, "probability=yes": 1.0},
        {"predicted": None, "probability=no": None, "probability=yes": None},
    ]
    assert response.headers["seatrial-unanswered-rows"] == "1"


def test_rows_as_csv_are_answered_in_kind(app: Application) -> None:
    response = send(app, "POST", "/predict", CSV_ROWS.encode(), content_type="text/csv; charset=utf-8")
    assert response.headers["content-type"] == "text/csv"
    assert response.text == "predicted,probability=no,probability=yes\nno,0.75,0.25\nyes,0.0,1.0\n"


def test_azures_routes_are_there(app: Application) -> None:
    assert send(app, "GET", "/").text == "Healthy"
    answer = send(app, "POST", "/score", json.dumps({"input_data": ROWS[:1]}).encode())
    assert answer.json() == [{"predicted": "no", "probability=no": 0.75, "probability=yes": 0.25}]
    assert send(app, "GET", "/swagger.json?version=3").json() == send(app, "GET", "/openapi.json").json()


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        (INFER, "text/csv", 415),
        (INFER, "multipart/form-data; boundary=a", 415),
        (INFER, "application/json; charset=latin-1", 415),
        ("/predict", "application/octet-stream", 415),
        ("/score", "text/csv", 415),
        ("/predict", "application/vnd.apache.arrow.stream", 415),
    ],
)
def test_a_type_that_is_not_taken_is_a_415(app: Application, path: str, content_type: str, status: int) -> None:
    response = send(app, "POST", path, b"{}", content_type=content_type)
    assert response.status_code == status
    assert "is not taken" in response.json()["error"]


@pytest.mark.parametrize("root", ["/v2/models/census", "/v2/models/census/versions/2"])
def test_the_configuration_names_types_as_triton_does(app: Application, root: str) -> None:
    config = send(app, "GET", f"{root}/config").json()
    assert config["input"] == [
        {"name": "p", "data_type": "TYPE_FP64", "dims": [-1]},
        {"name": "größe", "data_type": "TYPE_STRING", "dims": [-1]},
    ]
    assert (config["name"], config["backend"]) == ("census", "onnxruntime")


@pytest.mark.parametrize("path", ["/v2/models/stats", "/v2/models/census/stats", "/v2/models/census/versions/2/stats"])
def test_statistics_count_requests_and_rows(app: Application, path: str) -> None:
    async def use(client: httpx.AsyncClient) -> Any:
        await client.post(INFER, content=json.dumps(REQUEST).encode())
        await client.post(INFER, content=b"{}")
        return (await client.get(path)).json()

    (statistics,) = ask(app, use)["model_stats"]
    assert (statistics["name"], statistics["version"]) == ("census", "2")
    assert (statistics["inference_count"], statistics["execution_count"]) == (3, 1)
    counts = {name: value["count"] for name, value in statistics["inference_stats"].items()}
    assert counts == {"success": 1, "fail": 1, "compute_infer": 1}


def test_the_index_has_the_one_model(app: Application) -> None:
    assert send(app, "POST", "/v2/repository/index", b'{"ready": true}').json() == [
        {"name": "census", "version": "2", "state": "READY", "reason": ""}
    ]


def test_while_it_ends_it_is_not_ready_and_closes_connections(app: Application) -> None:
    app.drain()
    for path in ("/v2/health/ready", "/v2/models/census/ready"):
        assert send(app, "GET", path).status_code == 503
    live, answer = send(app, "GET", "/v2/health/live"), send(app, "POST", INFER, json.dumps(REQUEST).encode())
    assert (live.status_code, answer.status_code) == (200, 200)
    assert live.headers["connection"] == answer.headers["connection"] == "close"


def test_metrics_count_by_route_and_outcome(echo: ArrayPredictor, app: Application) -> None:
    good, bad = ("POST", INFER, json.dumps(REQUEST).encode()), ("POST", INFER, b"{}")
    found = metrics_after(app, good, good, bad, ("POST", "/predict", json.dumps(ROWS).encode()))
    assert found["seatrial_request_duration_seconds_count", "answered,infer"] == 2
    assert found["seatrial_request_duration_seconds_count", "bad_request,infer"] == 1
    assert found["seatrial_request_duration_seconds_count", "answered,predict"] == 1
    assert found["seatrial_batch_rows_sum", ""] == 9
    assert found["seatrial_batch_rows_bucket", "4.0"] == 3
    assert found["seatrial_rows_total", ""] == 9
    assert found["seatrial_queue_depth", ""] == 0
    assert any(name == "seatrial_release_info" and "sha256:abc" in labels for name, labels in found)


@pytest.mark.parametrize("accept", ["text/plain;version=abc", "application/openmetrics-text;version=1.x", "a;b=;,"])
def test_metrics_are_given_whatever_the_scraper_says_it_takes(app: Application, accept: str) -> None:
    response = send(app, "GET", "/metrics", accept=accept)
    assert response.status_code == 200
    assert "seatrial_queue_depth 0.0" in response.text


def test_metrics_count_inputs_and_answers_in_the_bins_of_the_release(app: Application) -> None:
    found = metrics_after(app, ("POST", "/predict", json.dumps(ROWS).encode()))
    inputs = {labels: rows for (name, labels), rows in found.items() if name == "seatrial_input_rows_total"}
    assert inputs == {"-1..0,p": 1, "2..3,p": 1, "missing,p": 1, "日本,größe": 1, "unknown,größe": 1, "b,größe": 1}
    answers = {labels: rows for (name, labels), rows in found.items() if name == "seatrial_answer_rows_total"}
    assert answers == {"no": 1, "yes": 1, "no answer": 1}
    shares = {labels: rows for (name, labels), rows in found.items() if name == "seatrial_probability_rows_total"}
    assert shares == {"0.2..0.3": 1, ">=0.9": 1, "missing": 1}


def test_a_release_without_a_codec_has_no_bins_of_inputs(echo: ArrayPredictor) -> None:
    found = metrics_after(create_app(echo, "census", "2"), ("POST", "/predict", json.dumps(ROWS).encode()))
    assert not any(name == "seatrial_input_rows_total" for name, _ in found)
    assert ("seatrial_answer_rows_total", "yes") in found


def test_a_request_id_comes_back_unless_it_is_no_token(app: Application) -> None:
    assert send(app, "GET", "/v2", x_request_id="a-1").headers["x-request-id"] == "a-1"
    for identity in ("", "a b", "a" * 129):
        assert "x-request-id" not in send(app, "GET", "/v2", x_request_id=identity).headers


@pytest.mark.parametrize("value", ["soon", "-1", "0", "1e3", "nan", "1" * 30])
def test_a_deadline_that_is_no_number_is_a_400(app: Application, value: str) -> None:
    assert send(app, "POST", INFER, json.dumps(REQUEST).encode(), request_timeout=value).status_code == 400


def test_a_log_has_a_line_a_request_and_nothing_of_what_it_held(echo: ArrayPredictor) -> None:
    stream = io.StringIO()
    app = create_app(echo, "census", "2", on_served=AccessLog(stream, release="census@2"))
    send(app, "POST", INFER, json.dumps(REQUEST).encode(), x_request_id="a-1")
    send(app, "GET", "/a%0Ab?secret=1")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["request_id"], first["status"], first["path"]) == ("a-1", 200, INFER)
    assert (second["request_id"], second["status"], second["path"]) == (None, 404, "/a\nb")
    assert "日本" not in stream.getvalue()
    assert "secret" not in stream.getvalue()


def test_faults_count_as_failed(echo: ArrayPredictor) -> None:
    found = metrics_after(create_app(Broken(echo), "census", "2"), ("POST", INFER, json.dumps(REQUEST).encode()))
    assert found["seatrial_request_duration_seconds_count", "failed,infer"] == 1


@pytest.mark.parametrize(("rows", "status"), [(100_000, 200), (100_001, 413)])
def test_a_request_has_so_many_rows_at_most(app: Application, rows: int, status: int) -> None:
    response = send(app, "POST", "/predict", b"p,gr\xc3\xb6\xc3\x9fe\n" + b"1,b\n" * rows, content_type="text/csv")
    assert response.status_code == status


class Slow(Echo):
    """Answers after the server's limit."""

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        time.sleep(0.3)
        return super().predict_arrays(columns)


def refused(found: dict[tuple[str, str], float]) -> dict[str, float]:
    return {labels: count for (name, labels), count in found.items() if name == "seatrial_requests_refused_total"}


def test_refusals_are_counted_by_their_reason_and_probes_are_none(echo: ArrayPredictor, app: Application) -> None:
    infer = ("POST", INFER, json.dumps(REQUEST).encode())
    assert refused(metrics_after(create_app(echo, "census", "2", limits=Limits(requests=0)), infer)) == {
        "queue": 1,
        "late": 0,
        "ending": 0,
    }
    late = create_app(Slow(), "census", "2", limits=Limits(timeout_s=0.05))
    assert refused(metrics_after(late, infer))["late"] == 1
    app.drain()
    assert set(refused(metrics_after(app, ("GET", "/v2/health/ready", b""))).values()) == {0}
    app.stop_answering()
    assert refused(metrics_after(app, infer)) == {"queue": 0, "late": 0, "ending": 1}


def test_the_openapi_document_names_the_columns(app: Application) -> None:
    document = send(app, "GET", "/openapi.json").json()
    assert document["openapi"] == "3.0.3"
    assert list(document["components"]["schemas"]["Row"]["properties"]) == ["p", "größe"]
    for path, methods in document["paths"].items():
        for method in methods:
            assert send(app, method.upper(), path).status_code != 404


def test_limits_are_the_servers(echo: ArrayPredictor) -> None:
    app = create_app(echo, "census", "2", limits=Limits(requests=0))
    response = send(app, "POST", INFER, json.dumps(REQUEST).encode())
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_a_sampled_request_without_an_id_gets_one_and_the_rows_are_flushed_at_the_end(echo: ArrayPredictor) -> None:
    files: dict[str, bytes] = {}

    class Store:
        def put(self, key: str, content: bytes) -> None:
            files[key] = content

    sampler = Sampler(Store(), echo.signature, share=1.0, release="sha256:abc", prefix="")
    app = create_app(echo, "census", "2", sampler=sampler)

    async def use(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/predict", json=ROWS)

    request_id = ask(app, use).headers["x-request-id"]
    assert ("seatrial_sampled_rows_total", "dropped") in metrics_after(app)
    sampler.close(60)
    rows = pyarrow.parquet.read_table(pa.BufferReader(next(iter(files.values())))).to_pylist()
    assert {row["request_id"] for row in rows} == {request_id}
    assert len(rows) == len(ROWS)
