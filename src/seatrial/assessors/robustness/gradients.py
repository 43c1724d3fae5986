"""Where the gradients of a package come from: its module, rebuilt; or why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.assessors.robustness.under_attack import Differentiated, offset_of
from seatrial.attacks.encoding import encoder
from seatrial.attacks.input_space import InputSpace
from seatrial.attacks.target_model import Differentiable
from seatrial.models.codec import Codec
from seatrial.models.frameworks.torch.gradients import TorchGradients
from seatrial.models.frameworks.torch.rebuild import rebuild
from seatrial.models.provenance import Provenance
from seatrial.models.runtime import CODEC_JSON, PROVENANCE_JSON, SIGNATURE_JSON
from seatrial.models.signature import Signature
from seatrial.stores import documents

NO_FACTORY = "no factory was given to rebuild a module from: only the model's answers are known"


@dataclass(frozen=True, slots=True)
class NoGradients:
    """Why nothing differentiates a model; `exist_elsewhere`: where its framework is installed, something does."""

    reason: str
    exist_elsewhere: bool = False


def gradients_of(files: Mapping[str, bytes]) -> Differentiated | NoGradients:
    """What differentiates a package's module in any space of its inputs, or why nothing does."""
    provenance = documents.from_json(Provenance, files[PROVENANCE_JSON], path=PROVENANCE_JSON)
    if provenance.factory is None:
        return NoGradients(NO_FACTORY)
    try:
        module = rebuild(files)
    except ImportError:
        return NoGradients(
            "PyTorch is not installed here, which gives the gradients of this model", exist_elsewhere=True
        )
    codec = Codec.from_document(files[CODEC_JSON])
    signature = documents.from_json(Signature, files[SIGNATURE_JSON], path=SIGNATURE_JSON)

    def differentiated(space: InputSpace) -> Differentiable:
        encode, scale = encoder(codec, space)
        positive = 1 if signature.positive is None else signature.classes.index(signature.positive)
        return TorchGradients(module, encode, scale, offset=offset_of(signature), positive=positive)

    return differentiated
