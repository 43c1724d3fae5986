"""What of gRPC needs none of its libraries: a request's columns and an error's message."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from seatrial.errors import InputError
from seatrial.models.signature import Column, Signature
from seatrial.serve.grpc_server import cut_message, request_columns

SIGNATURE = Signature((Column("p", "number"),), "regression")


def test_more_inputs_than_the_model_has_are_refused_before_any_is_read() -> None:
    request = SimpleNamespace(inputs=[None] * 100_000, raw_input_contents=[b""])
    with pytest.raises(InputError, match="inputs: there are 100000 inputs, the model takes 1"):
        request_columns(request, SIGNATURE)


def test_a_message_is_short_enough_for_a_header() -> None:
    assert cut_message("größe") == "größe"
    assert cut_message("aö" * 5000) == "aö" * 682 + "a"
