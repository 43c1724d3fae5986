"""The OpenAPI document of the service, generated from the model's signature.

https://spec.openapis.org/oas/v3.0.3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.models.signature import Kind, Signature
from seatrial.serve.formats.model_documents import model_metadata
from seatrial.serve.formats.records import CSV, PREDICTED

_JSON = "application/json"
_TYPES: Mapping[Kind, dict[str, object]] = {
    "number": {"type": "number", "nullable": True},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "text": {"type": "string", "nullable": True},
}
_ERRORS = {
    "400": "The request is wrong; the error names the path in the document",
    "408": "The body came too slowly",
    "413": "The body is too large, or inflates to too much",
    "415": "The media type, charset or content encoding is not taken",
    "422": "The model has no answer to a row",
    "429": "Too many requests wait; Retry-After says when to come again",
    "503": "The answer took too long, or the server is ending",
    "504": "The answer took longer than Request-Timeout",
}


def openapi_document(signature: Signature, *, model: str, version: str, guard: bool = False) -> dict[str, object]:
    """Version 3.0.3 of the document; what stands in its schemas is what the server takes and gives.

    `guard`: whether it reports on values that are out of range or unknown.
    """
    root = f"/v2/models/{model}"
    paths: dict[str, Any] = {
        "/v2": _get("Name, version and extensions of the server"),
        "/v2/health/live": _get("Whether the server lives"),
        "/v2/health/ready": _get("Whether the server takes requests", "503"),
        root: _get("Inputs, outputs and classes of the model"),
        f"{root}/ready": _get("Whether the model takes requests", "503"),
        f"{root}/config": _get("The model's configuration"),
        f"{root}/stats": _get("The model's statistics"),
        f"{root}/infer": _post("Open Inference Protocol", {_JSON: _infer_schema(signature)}, _INFERRED),
        "/predict": _post(
            "Rows as JSON objects or CSV; answers in kind",
            {_JSON: _ROWS, CSV: {"type": "string"}},
            _answers_schema(signature),
        ),
        "/score": _post("Azure ML's route", {_JSON: _ROWS}, _answers_schema(signature)),
    }
    if guard:
        for path in (f"{root}/infer", "/predict", "/score"):
            paths[path]["post"]["parameters"] = [_GUARD]
    return {
        "openapi": "3.0.3",
        "info": {"title": model, "version": version, "description": f"Release {model}@{version}, by Seatrial."},
        "paths": paths,
        "components": {
            "schemas": {
                "Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
                "Row": _row_schema(signature),
            }
        },
    }


_GUARD: dict[str, object] = {
    "name": "Seatrial-Guard",
    "in": "header",
    "description": "Whether the answer's header of this name tells which values are out of range or unknown",
    "schema": {"type": "boolean"},
}
_ROWS: dict[str, object] = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
_INFERRED: dict[str, object] = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "datatype": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "data": {"type": "array", "items": {}},
                },
                "required": ["name", "datatype", "shape"],
            },
        },
    },
    "required": ["model_name", "outputs"],
}


def _row_schema(signature: Signature) -> dict[str, object]:
    names = [column.name for column in signature.inputs]
    return {
        "type": "object",
        "properties": {column.name: _TYPES[column.kind] for column in signature.inputs},
        "required": names,
    }


def _answers_schema(signature: Signature) -> dict[str, object]:
    number: dict[str, object] = {"type": "number", "nullable": True}
    regression = signature.task == "regression"
    properties: dict[str, object] = {PREDICTED: number if regression else {"type": "string", "nullable": True}}
    if not regression and signature.probabilities:
        properties |= {f"probability={name}": number for name in signature.classes}
    if signature.interval:
        properties |= {"lower": number, "upper": number}
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": list(properties)}}


def _infer_schema(signature: Signature) -> dict[str, object]:
    metadata: dict[str, Any] = model_metadata(signature, model="", version="")
    tensor: dict[str, object] = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [item["name"] for item in metadata["inputs"]]},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
            "data": {"type": "array", "items": {}},
            "parameters": {"type": "object"},
        },
        "required": ["name", "datatype", "shape", "data"],
    }
    count = len(signature.inputs)
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": tensor, "minItems": count, "maxItems": count},
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "enum": [item["name"] for item in metadata["outputs"]]},
                        "parameters": {"type": "object"},
                    },
                    "required": ["name"],
                },
            },
            "parameters": {"type": "object"},
        },
        "required": ["inputs"],
    }


def _content(schema: dict[str, object], media_type: str = _JSON) -> dict[str, object]:
    return {media_type: {"schema": schema}}


def _error(status: str) -> dict[str, object]:
    return {"description": _ERRORS[status], "content": _content({"$ref": "#/components/schemas/Error"})}


def _get(summary: str, *errors: str) -> dict[str, object]:
    responses: dict[str, object] = {"200": {"description": summary, "content": _content({})}}
    responses |= {
        status: {"description": _ERRORS[status], "content": _content({"type": "object"})} for status in errors
    }
    return {"get": {"summary": summary, "responses": responses}}


def _post(summary: str, bodies: Mapping[str, dict[str, object]], answer: dict[str, object]) -> dict[str, object]:
    content = {media_type: {"schema": schema} for media_type, schema in bodies.items()}
    answers = _content(answer) | (_content({"type": "string"}, CSV) if CSV in bodies else {})
    responses: dict[str, object] = {"200": {"description": "The answers, row by row", "content": answers}}
    responses |= {status: _error(status) for status in _ERRORS}
    return {"post": {"summary": summary, "requestBody": {"required": True, "content": content}, "responses": responses}}
