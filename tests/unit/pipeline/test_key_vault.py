"""Secrets of a key vault, from a vault and an identity of a test's own; azure-identity asks that identity alike."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from seatrial.errors import InputError, TargetError
from seatrial.pipeline.tasks import key_vault
from seatrial.pipeline.tasks.key_vault import open_vaults, take_signing_key, vault_variables
from seatrial.releases.keys import find_key, key_path, new_key

TOKEN = "t0ken"
SECRETS = {"aws-access-key-id": "AKIA", "aws-secret-access-key": "hunter2"}


@dataclass
class Azure:
    """An identity endpoint and a vault on one port, which notes what it is asked."""

    secrets: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    busy: int = 0  # answers of 503 before it is there
    moves: str | None = None  # where it sends those who ask for a secret
    asked: list[tuple[str, dict[str, list[str]], str | None, str | None]] = field(default_factory=list)
    address: str = ""
    answers: dict[str, bytes] = field(default_factory=dict)  # other ones than an identity and a vault give, by path
    breaks_off: bool = False

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "MSI_ENDPOINT": f"{self.address}/msi/token",
            "MSI_SECRET": "machine",
            "SEATRIAL_KEY_VAULT": self.address,
            "SEATRIAL_KEY_VAULT_VARIABLES": "AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY",
            **more,
        }


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    monkeypatch.setattr(key_vault, "PAUSE_S", 0.01)
    here = Azure()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            headers = (self.headers.get("secret"), self.headers.get("Authorization"))
            here.asked.append((url.path, parse_qs(url.query), *headers))
            if here.busy:
                here.busy -= 1
                self.answer(503, {})
            elif url.path in here.answers:
                self.send(200, here.answers[url.path])
            elif url.path == "/msi/token":
                self.answer(200, {"access_token": TOKEN, "expires_on": "4102444800", "token_type": "Bearer"})
            elif here.moves is not None:
                self.send_response(302)
                self.send_header("Location", here.moves)
                self.end_headers()
            elif (name := url.path.removeprefix("/secrets/")) in here.secrets:
                self.answer(200, {"value": here.secrets[name], "id": url.path})
            else:
                self.answer(404, {"error": {"code": "SecretNotFound"}})

        def answer(self, status: int, document: object) -> None:
            self.send(status, json.dumps(document).encode())

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + here.breaks_off))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        here.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield here
        server.shutdown()
        thread.join()


def test_variables_come_from_the_vault_by_the_identity_of_the_machine(azure: Azure) -> None:
    assert vault_variables(azure.environment()) == {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    (token, first, second) = azure.asked
    assert token == ("/msi/token", {"api-version": ["2017-09-01"], "resource": ["https://0.0.1"]}, "machine", None)
    assert first == ("/secrets/aws-access-key-id", {"api-version": ["7.4"]}, None, f"Bearer {TOKEN}")
    assert second[0] == "/secrets/aws-secret-access-key"


def test_a_step_has_what_the_vaults_hold_and_knows_of_them_no_more(azure: Azure, tmp_path: Path) -> None:
    azure.secrets["seatrial-release-pem"] = key_path(
        new_key(tmp_path, "release").path.parents[1], "release"
    ).read_text()
    environment = azure.environment(SEATRIAL_SIGNING_VAULT=azure.address, SEATRIAL_HOME=str(tmp_path / "job"))
    open_vaults(environment)
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) == ("AKIA", "hunter2")
    assert find_key(tmp_path / "job", "release") is not None
    assert not any("VAULT" in name for name in environment)
    asked = len(azure.asked)
    open_vaults(environment)  # as the process of the step's own does, with the same environment
    assert len(azure.asked) == asked


def test_nothing_is_asked_without_a_vault(azure: Azure) -> None:
    assert vault_variables({"MSI_ENDPOINT": azure.address}) == {}
    take_signing_key({"MSI_ENDPOINT": azure.address}, Path("/nowhere"))
    assert azure.asked == []


def test_azures_own_package_asks_the_identity_the_same(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.identity import ManagedIdentityCredential

    environment = azure.environment(DEFAULT_IDENTITY_CLIENT_ID="of-mine")
    for name in ("MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.setenv(name, environment[name])
    ManagedIdentityCredential(client_id="of-mine").get_token("https://0.0.1/.default")
    vault_variables(environment)
    theirs, ours = azure.asked[0], azure.asked[1]
    assert theirs == ours


def test_a_machine_that_has_just_started_is_waited_for(azure: Azure) -> None:
    azure.busy = 2
    assert vault_variables(azure.environment())["AWS_ACCESS_KEY_ID"] == "AKIA"


def test_a_vault_that_does_not_answer_is_told_after_a_few_tries(azure: Azure) -> None:
    azure.busy = 100
    with pytest.raises(TargetError, match="it answered 503"):
        vault_variables(azure.environment())
    assert len(azure.asked) == 4


def test_a_secret_that_is_not_there_is_named_with_the_way_out(azure: Azure) -> None:
    del azure.secrets["aws-secret-access-key"]
    with pytest.raises(TargetError, match="aws-secret-access-key cannot be read: it answered 404") as caught:
        vault_variables(azure.environment())
    assert "Key Vault Secrets User" in str(caught.value.hint)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("document", [{}, {"value": None}, {"value": 3}, ["value"], "value", None])
def test_an_answer_without_the_secret_is_one_error(azure: Azure, document: object) -> None:
    azure.answers = {"/secrets/aws-access-key-id": json.dumps(document).encode()}
    with pytest.raises(TargetError, match="aws-access-key-id cannot be read: its answer lacks value"):
        vault_variables(azure.environment())


def test_an_identity_without_a_token_is_one_error(azure: Azure) -> None:
    azure.answers = {"/msi/token": b'{"error": "none"}'}
    with pytest.raises(TargetError, match="the identity of the compute cannot be read: its answer lacks access_token"):
        vault_variables(azure.environment())


def test_an_answer_that_breaks_off_is_one_error(azure: Azure) -> None:
    azure.answers = {"/msi/token": b'{"access_token": "t0'}
    azure.breaks_off = True
    with pytest.raises(TargetError, match="cannot be read: IncompleteRead"):
        vault_variables(azure.environment())


def test_the_token_goes_to_nobody_else(azure: Azure) -> None:
    azure.moves = f"{azure.address}/elsewhere"
    with pytest.raises(TargetError, match="it answered 302"):
        vault_variables(azure.environment())
    assert not any(path == "/elsewhere" for path, *_ in azure.asked)


def test_a_compute_without_an_identity_is_told_how_to_get_one() -> None:
    with pytest.raises(InputError, match="must have a managed identity"):
        vault_variables({"SEATRIAL_KEY_VAULT": "https://v.vault.azure.net", "SEATRIAL_KEY_VAULT_VARIABLES": "A"})


def test_the_signing_key_lies_where_keys_are_looked_for(azure: Azure, tmp_path: Path) -> None:
    key = new_key(tmp_path / "person", "release")
    azure.secrets["seatrial-release-pem"] = key_path(tmp_path / "person", "release").read_text()
    take_signing_key(azure.environment(SEATRIAL_SIGNING_VAULT=azure.address), tmp_path / "job")
    copy = find_key(tmp_path / "job", "release")
    assert copy is not None
    assert copy.public == key.public
    assert copy.path.stat().st_mode & 0o777 == 0o600
