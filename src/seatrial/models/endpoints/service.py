"""A running endpoint as a predictor: opened by its address, asked politely, known by its answers alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.errors import InputError, SeatrialError, TargetError, field
from seatrial.models.endpoints import scoring
from seatrial.models.endpoints.answers import Reading, recognise_answers
from seatrial.models.endpoints.columns import sent_columns
from seatrial.models.endpoints.exchange import Connection, Exchange, RequestRejected, TooMuch
from seatrial.models.endpoints.inference_protocol import Matrix, NamedTensors, form_of, parse_answer, parse_metadata
from seatrial.models.endpoints.request_limits import RequestLimits
from seatrial.models.finished.options import ModelOptions
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature

FIRST_ROWS = 200  # asked for to see in which form the service answers
_FORMS = "Write http://HOST/v2/models/NAME (Open Inference Protocol), or the address of a scoring script: …/score."

Ask = Callable[[Connection, pa.Table], Mapping[str, NDArray[Any]]]


@dataclass(slots=True, eq=False)
class Endpoint:
    """A `Predictor` over HTTP: a black box. There is no package behind it, so nothing that it answers can be released.

    `notes`: one sentence for each thing that was inferred.
    """

    address: str
    signature: Signature
    notes: tuple[str, ...]
    _exchange: Exchange = attribute(repr=False)
    _ask: Ask = attribute(repr=False)
    _reading: Reading = attribute(repr=False)
    _limits: RequestLimits = attribute(repr=False)
    _on_progress: Callable[[int], None] = attribute(repr=False)

    def predict(self, rows: pa.Table) -> Predictions:
        """Answers in the order of `rows`; a `TargetError` where the service gives none for some of them."""
        size = self._limits.rows_per_request
        parts = [rows.slice(start, size) for start in range(0, rows.num_rows, size)]
        outputs: list[Mapping[str, NDArray[Any]]] = []
        with (
            self._exchange.connected() as connection,
            ThreadPoolExecutor(self._limits.at_once, "seatrial-endpoint") as threads,
        ):
            coming = [threads.submit(_halved, self._ask, connection, part) for part in parts]
            try:
                for part, answer in zip(parts, coming, strict=True):
                    outputs += answer.result()
                    self._on_progress(part.num_rows)
            finally:
                threads.shutdown(cancel_futures=True)
        answers = [self._reading.read(part, address=self.address) for part in outputs]
        if not answers:
            return _none(self.signature)
        return Predictions(
            np.concatenate([answer.labels for answer in answers]),
            _joined([answer.probabilities for answer in answers]),
            _joined([answer.interval for answer in answers]),
        )


def open_endpoint(
    address: str,
    *,
    schema: pa.Schema,
    label: str | None,
    labels: Sequence[str] | None,
    options: ModelOptions,
    rows: pa.Table,
    token: str | None = None,
    ca: str | None = None,
    limits: RequestLimits | None = None,
    on_progress: Callable[[int], None] = lambda _rows: None,
    environment: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Endpoint:
    """The service at `address` as a predictor for tables of `schema`; asked for the first of `rows` to see its form.

    `label` is the table's label column, and `labels` its values where they look like classes: they name classes that
    the service leaves without names. `token` is a reference, "env:NAME"; `ca` a file of certificates to trust,
    "file:PATH". `on_progress` hears of each request's answered rows. What is wrong with the address, the columns or the
    form is an `InputError`; a service that is down, slow, or answers with something else, a `TargetError`.
    """
    place = _checked(address)
    limits = limits or RequestLimits()
    exchange = Exchange(
        place, limits, token=_token(token, place, environment), ca=_ca(ca, place), clock=clock, sleep=sleep
    )
    first = rows.slice(0, min(FIRST_ROWS, limits.rows_per_request))
    if first.num_rows == 0:
        raise InputError(
            "measuring an endpoint takes at least one row, got 0.", path=place, hint="Name a table that has some."
        )
    with exchange.connected() as connection:
        if "/v2/models/" in place:
            service = _by_metadata(connection, place, schema, label, options, first)
        else:
            service = _by_table(connection, place, schema, label, options, first)
    reading = recognise_answers(
        service.answers, declared=service.classes, labels=labels, options=options, address=place
    )
    signature = Signature(
        inputs=service.columns,
        task=reading.task,
        classes=reading.classes,
        positive=reading.positive,
        threshold=reading.threshold,
        probabilities=reading.probability is not None or reading.task == "regression",
        interval=reading.interval is not None,
    )
    notes = (*service.notes, *reading.notes)
    return Endpoint(place, signature, notes, exchange, service.ask, reading, limits, on_progress)


@dataclass(frozen=True, slots=True)
class _Service:
    """How a service is asked, and what it answered for the first rows."""

    columns: tuple[Column, ...]
    ask: Ask
    answers: Mapping[str, NDArray[Any]]
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]


def _by_metadata(
    connection: Connection, place: str, schema: pa.Schema, label: str | None, options: ModelOptions, first: pa.Table
) -> _Service:
    metadata = parse_metadata(connection.get(place), address=place)
    form, note = form_of(metadata, schema, label=label, inputs=options.inputs, address=place)
    notes = () if note is None else (note,)
    # Servers of scikit-learn models give labels alone unless they are asked, and some refuse to be asked.
    output_names = [tensor.name for tensor in metadata.outputs] or ["predict", "predict_proba"]
    for outputs in (output_names, []):
        ask = _asking(form, outputs, place)
        try:
            return _Service(form.columns, ask, ask(connection, first), metadata.classes, notes)
        except RequestRejected as rejected:
            error = rejected.error
    raise error


def _asking(form: NamedTensors | Matrix, outputs: Sequence[str], place: str) -> Ask:
    def ask(connection: Connection, rows: pa.Table) -> Mapping[str, NDArray[Any]]:
        document = connection.post(f"{place}/infer", form.document(rows, outputs))
        return parse_answer(document, rows.num_rows, address=place)

    return ask


def _by_table(
    connection: Connection, place: str, schema: pa.Schema, label: str | None, options: ModelOptions, first: pa.Table
) -> _Service:
    columns = sent_columns(schema, label=label, inputs=options.inputs, address=place)
    refused: list[SeatrialError] = []
    for name, render in scoring.FORMS:
        try:
            document = connection.post(place, render(first, columns))
        except RequestRejected as rejected:
            rejected.error.hint = (
                f"It takes no form that Azure ML or MLflow documents: look at its log, name {field('inputs')}."
            )
            refused.append(rejected.error)
            continue
        try:
            answers = scoring.parse_scores(document, first.num_rows, address=place)
        except TargetError as error:
            refused.append(error)
            continue
        sent = f"inputs: {', '.join(column.name for column in columns)}"
        return _Service(columns, _scoring(render, columns, place), answers, None, (sent, f"request: {name}"))
    raise refused[0]  # the first form is the usual one, and what is said of it the best hint


def _scoring(render: scoring.Render, columns: Sequence[Column], place: str) -> Ask:
    def ask(connection: Connection, rows: pa.Table) -> Mapping[str, NDArray[Any]]:
        return scoring.parse_scores(connection.post(place, render(rows, columns)), rows.num_rows, address=place)

    return ask


def _halved(ask: Ask, connection: Connection, rows: pa.Table) -> list[Mapping[str, NDArray[Any]]]:
    """The answers for the rows, in halves where they are too much at once."""
    try:
        return [ask(connection, rows)]
    except TooMuch as error:
        if rows.num_rows == 1:
            raise error.error from None
        half = rows.num_rows // 2
        return [*_halved(ask, connection, rows.slice(0, half)), *_halved(ask, connection, rows.slice(half))]
    except RequestRejected as rejected:
        raise rejected.error from None


def _checked(address: str) -> str:
    parts = urlsplit(address)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InputError(
            "the address holds more than a host and a path.",
            path=shown,
            hint="Leave out users, passwords and keys: put a token into a variable, and write "
            f"{field('token', 'env:NAME')}.",
        )
    place = shown.rstrip("/").removesuffix("/infer").removesuffix("/ready")
    is_model_address = "/v2/models/" in place or place.endswith(scoring.ENDINGS)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_model_address:
        raise InputError("the address is not that of a model.", path=shown, hint=_FORMS)
    return place


def _ca(file_name: str | None, place: str) -> Path | None:
    """The file of certificates; an `InputError` where it is not there, or has no use."""
    if file_name is None:
        return None
    if not place.startswith("https:"):
        raise InputError(
            "certificates belong to an https:// address; this one is http://.",
            path=field("ca"),
            hint="Write https://….",
        )
    path = Path(file_name.removeprefix("file:")).expanduser()
    if not path.is_file():
        raise InputError("the file of certificates does not exist.", path=str(path), hint=f"Correct {field('ca')}.")
    return path


def _token(reference: str | None, place: str, environment: Mapping[str, str]) -> str | None:
    if reference is None:
        return None
    kind, _, name = reference.partition(":")
    if kind != "env" or not name:
        raise InputError(  # what was given may be the secret itself: it is not shown
            "a token is named, and never written.",
            path=field("token"),
            hint=f"Put it into a variable: {field('token', 'env:NAME')}.",
        )
    token = environment.get(name, "").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise InputError(f"the variable {name} holds no token.", path=field("token"), hint=f"Set {name}.")
    parts = urlsplit(place)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise InputError("a token would travel in the clear.", path=place, hint="Write https://….")
    return token


def _joined(parts: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _none(signature: Signature) -> Predictions:
    """The answers for no rows."""
    if signature.task == "regression":
        return Predictions(np.empty(0), None, np.empty((0, 2)) if signature.interval else None)
    probabilities = np.empty((0, len(signature.classes))) if signature.probabilities else None
    return Predictions(np.empty(0, object), probabilities)
