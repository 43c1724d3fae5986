"""XGBoost's model document, JSON or UBJ, walked by names: whatever is not as XGBoost writes it says where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.finished.xgboost.ubjson import read_ubjson

_MAX_DIGITS = 9  # of one integer, which is an int32 in XGBoost


@dataclass(frozen=True, slots=True)
class Place:
    """An object of the document, and the way to it."""

    path: str  # the file
    way: str  # "learner.gradient_booster"
    entries: Mapping[str, Any]

    def object(self, key: str) -> Place:
        """The object under the key."""
        entry = self.entries.get(key)
        if not isinstance(entry, dict):
            raise self.wrong(key, "is missing")
        return Place(self.path, self.at(key), entry)

    def objects(self, key: str) -> list[Place]:
        """The objects of the list under the key."""
        entries = self.entries.get(key)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.wrong(key, "is missing")
        return [Place(self.path, f"{self.at(key)}[{number}]", entry) for number, entry in enumerate(entries)]

    def texts(self, key: str) -> list[str]:
        """The texts of the list under the key; none where it is missing."""
        entries = self.entries.get(key)
        if entries is None or len(entries) == 0:
            return []
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise self.wrong(key, "holds other things than texts")
        return entries

    def text(self, key: str) -> str:
        """The text under the key, "" where it is missing."""
        entry = self.entries.get(key, "")
        if not isinstance(entry, str):
            raise self.wrong(key, "must be a text")
        return entry

    def integer(self, key: str, *, least: int, default: int | None = None) -> int:
        """One integer, which XGBoost writes as a text; `default` where the key is missing."""
        text = self.text(key) or ("" if default is None else str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) >= least):
            raise self.wrong(key, f"is {text[:40]!r}")
        return int(text)

    def array(self, key: str, count: int | None = None, *, kind: Any = np.int64) -> NDArray[Any]:
        """So many numbers (None: any number of them), each finite."""
        try:
            numbers = np.asarray(self.entries[key])
            array = numbers.astype(kind) if numbers.size else np.empty(0, kind)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self.wrong(key, "is missing, or holds other things than numbers") from None
        if array.ndim != 1 or numbers.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise self.wrong(key, "holds other things than numbers")
        if count is not None and len(array) != count:
            raise self.wrong(key, f"has {len(array)} numbers, where {count} belong")
        return array

    def check_keys(self, allowed: frozenset[str]) -> None:
        """An `InputError` for a key that XGBoost is not known to write here: it may change what the model answers."""
        unknown = sorted(self.entries.keys() - allowed)
        if unknown:
            raise InputError(
                f"{self.at(unknown[0])} is unknown, so what it does to the model's answers is too.",
                path=self.path,
                hint="Save the model with an older XGBoost (3.2 and 3.4 are known), or export it to ONNX.",
            )

    def at(self, key: str) -> str:
        """The way to the key."""
        return f"{self.way}.{key}" if self.way else key

    def wrong(self, key: str, problem: str) -> InputError:
        """The error that something here is not as XGBoost writes it."""
        return InputError(
            f"the file is not as XGBoost writes it: {self.at(key)} {problem}.",
            path=self.path,
            hint='Save it again with booster.save_model("model.json") of XGBoost 1.6 or newer.',
        )

    def unsuited(self, key: str, problem: str, hint: str) -> InputError:
        """The error that it is a model of XGBoost, and none that can be packaged."""
        return InputError(problem, path=f"{self.path}: {self.at(key)}", hint=hint)


def read_document(data: bytes, *, path: str) -> Place:
    """The document in a .json or .ubj file; `InputError` unless it is a model's."""
    try:
        # A JSON text has a quote, a closing brace or white space behind its first byte; UBJ has a length there.
        document = json.loads(data) if data[1:2] in b'"} \t\r\n' else read_ubjson(data)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the file cannot be read as a model of XGBoost: {str(error).splitlines()[0]}.",
            path=path,
            hint='Save it again with booster.save_model("model.json") or "model.ubj".',
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("learner"), dict):
        raise InputError(
            'the file cannot be read as a model of XGBoost: it lacks "learner".',
            path=path,
            hint='Save it with booster.save_model("model.json"); a dump of its trees does not answer.',
        )
    return Place(path, "", document)
