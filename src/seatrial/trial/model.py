"""A model as the trial takes it, whoever opened it and from wherever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.models.predictor import Predictor
from seatrial.models.provenance import Provenance
from seatrial.models.signature import Signature
from seatrial.stores.documents import from_json, sha256, to_json

GRAPH, PROVENANCE = "model.onnx", "provenance.json"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What answers, and the package that it answers from.

    `package` is None for a black box: an endpoint, or a function. `identity` is then None too: such a model is known by
    its answers only. `notes` say what was inferred of it.
    """

    name: str
    predictor: Predictor
    package: Mapping[str, bytes] | None = None
    notes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # columns that it has to be given besides its inputs
    recorded_as: str | None = None  # a digest that the record of a trial calls it by, instead of the package's

    @property
    def signature(self) -> Signature:
        """What it takes and answers."""
        return self.predictor.signature

    @property
    def identity(self) -> str | None:
        """What answers alike is one model: the digest of its graph, whatever its provenance says."""
        return None if self.package is None else sha256(self.package[GRAPH])

    @property
    def digest(self) -> str | None:
        """Of the package, as a store keeps it, unless it is known by another."""
        if self.recorded_as is not None or self.package is None:
            return self.recorded_as
        from seatrial.stores.artifacts import FileEntry, Manifest

        files = {path: FileEntry(sha256(data), len(data)) for path, data in sorted(self.package.items())}
        return sha256(to_json(Manifest(files)))

    @property
    def provenance(self) -> Provenance | None:
        """Where the package comes from; None for a black box."""
        if self.package is None:
            return None
        return from_json(Provenance, self.package[PROVENANCE], path=PROVENANCE)

    @property
    def vocabularies(self) -> Mapping[str, tuple[str, ...]]:
        """The texts that it knows, by column, where its graph says."""
        if self.package is None:
            return {}
        from seatrial.models.vocabularies import text_vocabularies

        return text_vocabularies(self.package[GRAPH])
