"""A package's trees, for the search that finds the worst allowed change of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seatrial.attacks.input_space import InputSpace
from seatrial.attacks.tree_search import TreeSearch
from seatrial.models.runtime import MODEL_ONNX, SIGNATURE_JSON
from seatrial.models.signature import Signature
from seatrial.models.tree_ensemble import tree_model
from seatrial.stores import documents


def trees_of(files: Mapping[str, bytes]) -> Callable[[InputSpace], TreeSearch | None]:
    """What gives the trees of a package in a space of its inputs, or None where it has none that decide alone."""

    def trees(space: InputSpace) -> TreeSearch | None:
        signature = documents.from_json(Signature, files[SIGNATURE_JSON], path=SIGNATURE_JSON)
        model = tree_model(files[MODEL_ONNX], signature.inputs)
        return None if model is None else TreeSearch(model, space)

    return trees
