"""One sampled row and its place in a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.errors import InputError, did_you_mean, field
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Kind, Signature
from seatrial.serve.formats.records import PREDICTED, answers_of

if TYPE_CHECKING:
    import pyarrow as pa

REQUEST_ID, ROW, TIME, RELEASE = "request_id", "row", "time", "release"
OWN_COLUMNS = (REQUEST_ID, ROW, TIME, RELEASE)
SHARE = "seatrial.sample.share"  # in the metadata of a file
_OBJECT_BYTES = 64  # about what a Python value takes beside its text


@dataclass(frozen=True, slots=True)
class SampledRow:
    """Values by column: the request's id, the row's number in it, seconds since the epoch, inputs and answers."""

    values: dict[str, Any]
    size: int  # bytes in memory, about


def kept_inputs(signature: Signature, without: Sequence[str]) -> tuple[str, ...]:
    """The inputs that a sample keeps: all but those named in `without`.

    `InputError` where one of these is not an input, or where an input has the name of a column of the sample's own.
    """
    names = [column.name for column in signature.inputs]
    for name in without:
        if name not in names:
            raise InputError(
                f"the model does not have an input {name!r}.",
                path=field("sample_without"),
                hint=did_you_mean(name, names) or f"Its inputs: {', '.join(names)}.",
            )
    kept = tuple(name for name in names if name not in without)
    if taken := [name for name in kept if name in OWN_COLUMNS]:
        raise InputError(
            f"the input {taken[0]!r} has the name of a sample's own column.",
            path=field("sample"),
            hint="Leave it out: --sample-without, or sample_without in the profile.",
        )
    return kept


def sampled_row(
    columns: Any, kept: Sequence[str], predictions: Predictions, signature: Signature, place: int, request_id: str
) -> SampledRow:
    """The row at `place` of a question's columns, and at the same place of its answers; copies, and no views."""
    values = {REQUEST_ID: request_id, ROW: place}
    values |= {name: _plain(columns[name][place]) for name in kept}
    one = Predictions(
        predictions.labels[place : place + 1],
        None if predictions.probabilities is None else predictions.probabilities[place : place + 1],
        None if predictions.interval is None else predictions.interval[place : place + 1],
    )
    values |= {name: _plain(column[0]) for name, column in answers_of(one, signature).items()}
    texts = sum(len(value) for value in values.values() if isinstance(value, str))
    return SampledRow(values, texts + _OBJECT_BYTES * len(values))


def sample_types(signature: Signature, kept: Sequence[str]) -> dict[str, pa.DataType]:
    """The columns of a sample's file and their types, in their order: its own, the inputs that are kept, the answer."""
    import pyarrow as pa

    kinds = {column.name: column.kind for column in signature.inputs}
    of_kind: dict[Kind, pa.DataType] = {"text": pa.string(), "boolean": pa.bool_()}
    types: dict[str, pa.DataType] = {TIME: pa.timestamp("us", tz="UTC"), RELEASE: pa.string()}
    types |= {REQUEST_ID: pa.string(), ROW: pa.int32()}
    types |= {name: of_kind.get(kinds[name], pa.float64()) for name in kept}
    types[PREDICTED] = pa.float64() if signature.task == "regression" else pa.string()
    if signature.task != "regression" and signature.probabilities:
        types |= {f"probability={name}": pa.float64() for name in signature.classes}
    if signature.interval:
        types |= {"lower": pa.float64(), "upper": pa.float64()}
    return types


def as_parquet(
    rows: Sequence[tuple[float, SampledRow]],
    signature: Signature,
    kept: Sequence[str],
    *,
    release: str,
    share: float,
) -> bytes:
    """Rows, each with its time, as one Parquet file; `share` of all rows were drawn, which its metadata says."""
    import pyarrow as pa
    import pyarrow.parquet

    columns: dict[str, Any] = {}
    for name, kind in sample_types(signature, kept).items():
        if name == TIME:
            values: list[Any] = [int(moment * 1e6) for moment, _ in rows]
        elif name == RELEASE:
            values = [release] * len(rows)
        else:
            values = [row.values[name] for _, row in rows]
        if kind == pa.bool_():
            values = [None if value is None else bool(value) for value in values]
        columns[name] = pa.array(values, kind)
    sink = pa.BufferOutputStream()
    table = pa.table(columns).replace_schema_metadata({SHARE: repr(share)})
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _plain(value: Any) -> Any:
    """A Python value; None for a missing number."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain
