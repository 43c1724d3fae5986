"""A finished model's file becomes a package and a predictor, in memory; what had to be inferred is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
import pyarrow as pa

from seatrial.errors import Corrupt, InputError
from seatrial.models.agreement import compare_with_original
from seatrial.models.class_order import check_guessed_order
from seatrial.models.columns import holds_texts
from seatrial.models.finished.consistency import check_consistency, with_own_ties
from seatrial.models.finished.converted import ConvertedModel
from seatrial.models.finished.file_format import Format, read_file
from seatrial.models.finished.first_answers import ROWS, answer_function, first_answers, made_up_rows
from seatrial.models.finished.onnx.classes import in_order
from seatrial.models.finished.onnx.inputs import bind, free_rows
from seatrial.models.finished.onnx.outputs import recognise
from seatrial.models.finished.onnx.plain_graph import PlainGraph, read_plain_graph, to_plain_graph
from seatrial.models.finished.options import ModelOptions
from seatrial.models.finished.original_predictions import original_predictions
from seatrial.models.finished.package_graph import package_graph, signature_of
from seatrial.models.provenance import Provenance, SourceFile
from seatrial.models.runtime import MODEL_ONNX, PROVENANCE_JSON, SIGNATURE_JSON, OnnxPredictor, load_predictor
from seatrial.stores import documents

_COMPARED = 2048  # rows, with the original's own answers: a rare row is likelier among them than among the first 1000


@dataclass(frozen=True, slots=True)
class FinishedModel:
    """The model as every later stage takes it.

    `package`: the files that `load_predictor` takes, the same bytes for the same model, columns and wishes.
    `notes`: one sentence for each thing that was inferred.
    """

    package: Mapping[str, bytes]
    predictor: OnnxPredictor
    notes: tuple[str, ...]


def open_finished(
    path: Path,
    *,
    schema: pa.Schema,
    label: str | None,
    labels: Sequence[str] | None,
    options: ModelOptions,
    rows: pa.Table | None = None,
) -> FinishedModel:
    """The model in `path` as a package for tables of `schema`; an `InputError` says what keeps it from being one.

    `label` is the table's label column, and `labels` its distinct values as text where they look like classes: they
    name classes that the file leaves without names. `rows` are real ones, which the model is asked for before anybody
    relies on it.
    """
    where = str(path)
    form, data = read_file(path)
    converted = None if form == "onnx" else _read(form, data, where)
    graph = read_plain_graph(data, path=where) if converted is None else to_plain_graph(converted.model, path=where)
    source = SourceFile(path.name, documents.sha256(data), _producer(graph.model) if converted is None else form)
    provenance = Provenance(None, None, {}, (), None, source=source)
    return finish(
        graph, converted, provenance, schema=schema, label=label, labels=labels, options=options, rows=rows, path=where
    )


def finish(
    graph: PlainGraph,
    converted: ConvertedModel | None,
    provenance: Provenance,
    *,
    schema: pa.Schema,
    label: str | None,
    labels: Sequence[str] | None,
    options: ModelOptions,
    rows: pa.Table | None,
    path: str,
) -> FinishedModel:
    """The package of a graph, however it came; `converted` is what it was made of, if it was no ONNX file."""
    if converted is not None and options.task is None:
        options = replace(options, task=converted.task)
    binding = bind(
        graph.model.graph,
        schema=schema,
        label=label,
        inputs=options.inputs,
        like=options.like,
        features=None if converted is None else _features(converted, schema, options),
        blanks_as=None if converted is None else converted.blanks_as,
        rows=rows,
        path=path,
    )
    freed = free_rows(graph.model.graph)
    real = rows is not None and rows.num_rows > 0
    shown = rows.slice(0, ROWS) if rows is not None and real else made_up_rows(binding)
    answer = answer_function(graph.model, binding, real=real, path=path)
    answers = first_answers(answer, shown, freed=freed, real=real, path=path)
    if labels is not None:
        texts = label is not None and label in schema.names and holds_texts(schema.field(label).type)
        labels = in_order(labels, texts=texts)
    outputs = recognise(
        graph.model.graph,
        answers,
        declared=graph.classes if converted is None else dict.fromkeys(answers, converted.classes),
        labels=labels,
        options=options,
        real=real,
        path=path,
    )
    if options.threshold is None and real:
        outputs = with_own_ties(outputs, answers)
    signature = signature_of(binding, outputs)
    model = package_graph(graph, binding, outputs, path=path)
    files = {
        MODEL_ONNX: model.SerializeToString(deterministic=True),
        PROVENANCE_JSON: documents.to_json(provenance),
        SIGNATURE_JSON: documents.to_json(signature),
    }
    del model, answer  # each as large as the file, and the predictor is about to be one more
    try:
        predictor = load_predictor(files)
    except Corrupt as error:
        raise InputError(error.problem, path=path, hint="Export it again, with a newer opset.") from None
    notes = [*(() if converted is None else converted.notes), *binding.notes, *outputs.notes]
    if freed is not None:
        notes.append(f"the file was exported for {freed} rows at a time; it answers alike for any number of them")
    if options.threshold is None and signature.threshold is not None:
        notes.append(f'threshold: "{signature.positive}" from a probability of {signature.threshold:g}')
    notes += check_consistency(
        outputs, answers, predictor.predict(shown), threshold=options.threshold, real=real, path=path
    )
    if outputs.guessed and rows is not None and real and label in rows.column_names:
        judged = rows.slice(0, _COMPARED)
        actual = judged.column(label).to_pylist()
        check_guessed_order(predictor.predict(judged), actual, signature.classes, path=path)
    if converted is not None and rows is not None and real:
        compared = rows.slice(0, _COMPARED)
        original = original_predictions(converted, signature, compared)
        if original is not None:
            notes += compare_with_original(original, predictor, compared, name=converted.library)
    return FinishedModel(files, predictor, tuple(notes))


def _features(converted: ConvertedModel, schema: pa.Schema, options: ModelOptions) -> tuple[str, ...] | None:
    """The names of the matrix's columns; an order that was asked for counts more than names that a library made up."""
    return converted.features if options.inputs is not None else converted.features_in(schema.names)


def _read(form: Format, data: bytes, path: str) -> ConvertedModel:
    if form == "xgboost":
        from seatrial.models.finished.xgboost import (
            reader as xgboost,  # libraries of their own, for those who have such a file
        )

        return xgboost.read(data, path=path)
    from seatrial.models.finished.lightgbm import reader as lightgbm

    return lightgbm.read(data, path=path)


def _producer(model: onnx.ModelProto) -> str | None:
    return f"{model.producer_name} {model.producer_version}".strip() or None
