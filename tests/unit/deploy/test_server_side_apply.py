"""What is said of kubectl's refusals, in the words that a real one printed."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from seatrial.deploy import find_target, server_side_apply
from seatrial.errors import Refused, TargetError
from tests.deploy_sample import SERVICE

WEBHOOK = (
    "Error from server (InternalError): Internal error occurred: failed calling webhook "
    '"inferenceservice.kserve-webhook-server.defaulter": failed to call webhook: Post "https://10.99.0.1:9443/mutate": '
    "dial tcp 10.99.0.1:9443: connect: connection refused"
)
NOBODY = "The connection to the server 10.99.0.1:6443 was refused - did you specify the right host or port?"


def refuse(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Has kubectl fail with these words."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        assert options["input"]
        return subprocess.CompletedProcess(command, 1, b"", words.encode())

    monkeypatch.setattr("seatrial.deploy.server_side_apply.shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("seatrial.deploy.server_side_apply.subprocess.run", run)


def test_a_webhook_that_does_not_answer_is_not_taken_for_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = find_target("kubeflow").render_service(SERVICE)
    refuse(monkeypatch, WEBHOOK)
    with pytest.raises(Refused) as refused:
        server_side_apply.dry_run(documents)
    assert "inferenceservice.kserve-webhook-server.defaulter does not run or is not reached" in str(refused.value.hint)
    refuse(monkeypatch, NOBODY)
    with pytest.raises(TargetError, match="could not be asked"):
        server_side_apply.dry_run(documents)
