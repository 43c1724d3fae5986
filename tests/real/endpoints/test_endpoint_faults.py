"""A service that fails in every way: it is asked again where that helps, and otherwise one line says what it does."""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seatrial.errors import InputError, SeatrialError, StoreError, TargetError
from seatrial.models.endpoints import Endpoint, RequestLimits, open_endpoint
from seatrial.models.finished import ModelOptions
from tests.real.endpoints.conftest import Asked, Reply, Script, Scripted, scripted

ROWS = 1000
METADATA = {
    "name": "census",
    "inputs": [{"name": "age", "datatype": "FP64", "shape": [-1]}, {"name": "sex", "datatype": "BYTES", "shape": [-1]}],
    "outputs": [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "probability", "datatype": "FP64", "shape": [-1, 2], "parameters": {"classes": '["no", "yes"]'}},
    ],
}


def table(rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(7)
    return pa.table(
        {
            "age": pa.array(random.uniform(0, 100, rows)),
            "sex": pa.array(random.choice(np.array(["F", "M"]), rows)),
            "y": pa.array(random.choice(np.array(["no", "yes"]), rows)),
        }
    )


def right(asked: Asked) -> dict[str, Any]:
    """What a healthy service answers: yes with a hundredth of the age."""
    ages = next(tensor["data"] for tensor in asked.document["inputs"] if tensor["name"] == "age")
    flat = [part for age in ages for part in (1 - age / 100, age / 100)]
    return {
        "outputs": [
            {
                "name": "label",
                "datatype": "BYTES",
                "shape": [len(ages)],
                "data": ["yes" if age >= 50 else "no" for age in ages],
            },
            {"name": "probability", "datatype": "FP64", "shape": [len(ages), 2], "data": flat},
        ]
    }


def healthy(asked: Asked, _before: int = 0) -> Reply:
    return Reply(document=METADATA if asked.method == "GET" else right(asked))


def opened(server: Scripted, path: str = "/v2/models/census", **options: Any) -> Endpoint:
    rows = table()
    gentle: dict[str, Any] = {"rows_per_request": 100, "requests_per_s": 1000.0, "timeout_s": 5.0, "retries": 2}
    slept = options.pop("sleep", lambda _s: None)
    return open_endpoint(
        f"{server.address}{path}",
        schema=rows.schema,
        label="y",
        labels=("no", "yes"),
        options=options.pop("options", ModelOptions(positive="yes")),
        rows=rows,
        limits=RequestLimits(**{**gentle, **options.pop("limits", {})}),
        sleep=slept,
        **options,
    )


def after_opening(reply: Reply, *, times: int = 1) -> Script:
    """Healthy while it is opened (metadata, first rows), then `times` this reply, then healthy again."""

    def script(asked: Asked, before: int) -> Reply:
        return reply if 2 <= before < 2 + times else healthy(asked)

    return script


def assert_right(endpoint: Endpoint) -> None:
    rows = table()
    found = endpoint.predict(rows)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[:, 1], rows["age"].to_numpy() / 100)
    assert found.labels.tolist() == ["yes" if age >= 50 else "no" for age in rows["age"].to_numpy()]


def test_rows_come_back_in_their_order_and_progress_is_heard() -> None:
    heard: list[int] = []
    with scripted(healthy) as server:
        endpoint = opened(server, on_progress=heard.append)
        assert_right(endpoint)
    assert heard == [100] * 10
    assert endpoint.signature.classes == ("no", "yes")
    assert len(server.asked) == 2 + 10
    assert {len(asked.document["inputs"][0]["data"]) for asked in server.asked[1:]} == {100}


def test_no_more_requests_at_once_than_are_allowed() -> None:
    def script(asked: Asked, before: int) -> Reply:
        return Reply(document=healthy(asked).document, slow_s=0.02)

    with scripted(script) as server:
        assert_right(opened(server, limits={"at_once": 3, "rows_per_request": 20}))
    assert 2 <= server.most_at_once <= 3


def test_no_more_requests_a_second_than_are_allowed() -> None:
    with scripted(healthy) as server:
        endpoint = opened(server, limits={"requests_per_s": 50.0}, sleep=time.sleep)
        begun = time.monotonic()
        endpoint.predict(table())
        assert time.monotonic() - begun >= 9 / 50


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, {"error": "busy"}),
        Reply(429, {"error": "slowly"}),
        Reply(502, body=b"<html>"),
        Reply(200, {"outputs": []}, reset_after=5),
        Reply(200, {"outputs": []}, reset_after=0),
    ],
    ids=["503", "429", "502", "reset in the body", "reset before it"],
)
def test_a_fault_that_passes_is_asked_through(reply: Reply) -> None:
    with scripted(after_opening(reply, times=2)) as server:
        assert_right(opened(server))


def test_a_slow_answer_is_asked_for_again() -> None:
    with scripted(after_opening(Reply(200, {}, slow_s=5))) as server:
        assert_right(opened(server, limits={"timeout_s": 0.3}))


def test_a_wish_to_be_left_alone_is_obeyed() -> None:
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    with scripted(after_opening(Reply(503, {}, headers={"Retry-After": "7"}))) as server:
        assert_right(opened(server, sleep=sleep, clock=lambda: now[0], limits={"at_once": 1}))
    assert max(slept) == pytest.approx(7, abs=0.01)


def test_pauses_grow_while_a_storm_lasts() -> None:
    slept: list[float] = []
    with scripted(after_opening(Reply(503, {}), times=99)) as server:
        endpoint = opened(server, sleep=slept.append, clock=lambda: 0.0, limits={"retries": 4, "at_once": 1})
        with pytest.raises(TargetError, match=r"the endpoint answers with status 503, 5 times\. Look at the service"):
            endpoint.predict(table())
    longest = [pause for pause in slept if pause > 0.4]
    assert longest == sorted(longest)
    assert longest[-1] >= 4


def labels(rows: int) -> Reply:
    return Reply(200, {"outputs": [{"name": "label", "shape": [rows], "data": ["no"] * rows}]})


def broken(reply: Reply) -> Script:
    return after_opening(reply, times=10**6)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (labels(99), "answers for 99 rows in 'label', and was asked for 100"),
        (labels(100), "left out its output 'probability'"),
        (Reply(200, {"outputs": []}), "left out its output 'label'"),
        (Reply(200, {"rows": []}), "answer has no outputs"),
        (Reply(200, body=b"<!doctype html>"), "answers with a web page"),
        (Reply(200, body=b"{"), "something else than JSON"),
        (Reply(500, {"error": "out of\nmemory\x1b[31m"}), r"status 500: out of memory \[31m"),
        (Reply(503, {}, headers={"Retry-After": "86400"}), "asks to come back in 86400 s"),
        (Reply(200, {"outputs": []}, reset_after=3), "breaks the connection off, 3 times"),
        (Reply(401, {}), "wants a token"),
        (Reply(404, {"error": "unloaded"}), r"does not know the model \(status 404: unloaded\)"),
    ],
)
def test_a_fault_that_stays_is_one_line(reply: Reply, message: str) -> None:
    with scripted(broken(reply)) as server:
        endpoint = opened(server)
        with pytest.raises(SeatrialError, match=message) as raised:
            endpoint.predict(table())
    assert raised.value.path == f"{server.address}/v2/models/census"
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_a_class_that_nobody_named_is_an_error() -> None:
    strange = {"outputs": [{"name": "label", "shape": [100], "data": ["maybe"] * 100}, right_probabilities()]}
    with scripted(broken(Reply(200, strange))) as server, pytest.raises(TargetError, match="answers 'maybe'"):
        opened(server).predict(table())


def right_probabilities() -> dict[str, Any]:
    return {"name": "probability", "datatype": "FP64", "shape": [100, 2], "data": [0.5] * 200}


def test_null_probabilities_are_nan_for_whoever_checks_them() -> None:
    void = {
        "outputs": [
            {"name": "label", "shape": [100], "data": ["no"] * 100},
            {**right_probabilities(), "data": [None] * 200},
        ]
    }
    with scripted(broken(Reply(200, void))) as server:
        found = opened(server).predict(table()).probabilities
    assert found is not None
    assert np.isnan(found).all()


def test_a_service_that_is_slow_for_ever_is_given_up() -> None:
    with scripted(broken(Reply(200, {}, slow_s=5))) as server:
        endpoint = opened(server, limits={"timeout_s": 0.2, "retries": 1})
        with pytest.raises(TargetError, match=r"did not answer within 0\.2 s, 2 times"):
            endpoint.predict(table())


def test_all_of_it_takes_no_longer_than_is_allowed() -> None:
    now = [0.0]
    with scripted(healthy) as server:
        endpoint = opened(server, clock=lambda: now[0], limits={"total_s": 60.0})
        now[0] = 61.0
        with pytest.raises(TargetError, match="was asked for 60 s, which is all that is allowed"):
            endpoint.predict(table())


def test_nothing_more_is_asked_after_an_error() -> None:
    with scripted(broken(Reply(400, {"error": "no"}))) as server:
        endpoint = opened(server, limits={"rows_per_request": 10, "at_once": 1})
        with pytest.raises(TargetError):
            endpoint.predict(table())
    assert len(server.asked) <= 2 + 3  # of 100


def test_a_body_that_is_too_large_is_halved() -> None:
    def script(asked: Asked, before: int) -> Reply:
        if asked.method == "POST" and len(asked.document["inputs"][0]["data"]) > 30:
            return Reply(413, {"error": "too large"})
        return healthy(asked)

    with scripted(script) as server:
        with pytest.raises(TargetError, match="takes no request so large"):
            opened(server)
        assert_right(opened(server, limits={"rows_per_request": 30}))

    def later(asked: Asked, before: int) -> Reply:
        return script(asked, before) if before > 1 else healthy(asked)

    with scripted(later) as server:
        assert_right(opened(server))


def test_a_redirect_to_another_place_is_refused_and_its_path_is_not_shown() -> None:
    away = Reply(307, {}, headers={"Location": "https://elsewhere.example/v2?key=secret"})
    with scripted(lambda asked, before: away) as server, pytest.raises(TargetError, match="another place") as raised:
        opened(server)
    assert "https://elsewhere.example" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_redirect_within_the_service_is_followed() -> None:
    def script(asked: Asked, before: int) -> Reply:
        if not asked.path.endswith("/"):
            return Reply(307, {}, headers={"Location": f"{asked.path}/"})
        return healthy(asked)

    with scripted(script) as server:
        assert_right(opened(server))


def test_a_redirect_in_a_circle_ends() -> None:
    def script(asked: Asked, before: int) -> Reply:
        return Reply(307, {}, headers={"Location": asked.path})

    with scripted(script) as server, pytest.raises(TargetError, match="redirects in a circle"):
        opened(server)


def test_a_service_that_is_down_is_said_promptly() -> None:
    with scripted(healthy) as server:
        pass
    begun = time.monotonic()
    with pytest.raises(TargetError, match=r"the endpoint does not answer, 2 times\. Look at the service"):
        opened(server, limits={"retries": 9}, sleep=time.sleep)
    assert time.monotonic() - begun < 5


def test_a_service_without_tls_is_told_from_one_that_is_down() -> None:
    with scripted(healthy) as server:
        secure = Scripted(server.address.replace("http://", "https://"))
        with pytest.raises(TargetError, match="cannot be asked over TLS"):
            opened(secure)


def test_a_certificate_is_trusted_when_the_environment_names_its_authority(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted(healthy, tls=context) as server:
        with pytest.raises(TargetError, match=r"its certificate is not trusted.* ca file:ca\.pem"):
            opened(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert_right(opened(server))


def test_a_certificate_is_trusted_when_the_file_of_its_authority_is_named(certificate: Path, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    (tmp_path / "empty.pem").write_text("nothing\n")
    with scripted(healthy, tls=context) as server:
        assert_right(opened(server, ca=f"file:{certificate}"))
        with pytest.raises(StoreError, match="does not hold certificates in PEM form"):
            opened(server, ca=f"file:{tmp_path / 'empty.pem'}")
        with pytest.raises(InputError, match="the file of certificates does not exist"):
            opened(server, ca="file:missing.pem")
    with scripted(healthy) as server, pytest.raises(InputError, match="certificates belong to an https:// address"):
        opened(server, ca=f"file:{certificate}")


def test_a_token_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(asked: Asked, before: int) -> Reply:
        if asked.headers.get("Authorization") != "Bearer hush-hush":
            return Reply(401, {})
        return Reply(400, {"error": f"bad {asked.headers['Authorization']}"}) if before > 1 else healthy(asked)

    with scripted(script) as server:
        with pytest.raises(TargetError, match="wants a token"):
            opened(server)
        server.asked.clear()
        endpoint = opened(server, token="env:CENSUS_TOKEN", environment={"CENSUS_TOKEN": "hush-hush"})
        with pytest.raises(TargetError, match="bad Bearer …") as raised:
            endpoint.predict(table())
    assert "hush" not in f"{raised.value!r} {raised.value} {endpoint!r}"


@pytest.mark.parametrize(
    ("token", "message"),
    [("hush-hush", "a token is named"), ("env:", "a token is named"), ("env:NONE", "NONE holds no token")],
)
def test_a_token_is_a_reference(token: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        opened(Scripted("http://127.0.0.1:9"), token=token, environment={})
    assert "hush" not in str(raised.value)


def test_a_token_does_not_travel_in_the_clear() -> None:
    with pytest.raises(InputError, match="in the clear"):
        opened(Scripted("http://models.example"), token="env:T", environment={"T": "hush"})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:9", "not that of a model"),
        ("http://127.0.0.1:9/score?key=hush", "more than a host and a path"),
        ("http://user:hush@127.0.0.1:9/score", "more than a host and a path"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_before_anything_is_asked(address: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        opened(Scripted(address), path="")
    assert "hush" not in str(raised.value)


def test_the_threads_that_ask_end_with_the_asking() -> None:
    with scripted(healthy) as server:
        opened(server).predict(table())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("seatrial-")]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
