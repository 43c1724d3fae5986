"""A packaged PyTorch module made anew: the project's factory function, and the package's own weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import safetensors.numpy

from seatrial.errors import Corrupt, InputError
from seatrial.models.graph import MODEL
from seatrial.models.provenance import Factory, Provenance
from seatrial.models.runtime import PROVENANCE_JSON, WEIGHTS
from seatrial.stores import documents

_PATH = "Trained.factory"


def factory_of(function: Callable[..., object], arguments: Mapping[str, bool | int | float | str]) -> Factory:
    """The factory by name; an `InputError` for a function that cannot be found again by its module and name."""
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', '')}"
    try:
        imported = _function(name)
    except (ImportError, AttributeError):
        imported = None
    if imported is not function:
        raise InputError(
            f"{name} cannot be found again by its name.",
            path=_PATH,
            hint="Define it at the top of a module of the project.",
        )
    strange = [key for key, value in arguments.items() if not isinstance(value, bool | int | float | str)]
    if strange:
        raise InputError(
            f"the argument {strange[0]!r} is neither a number, a text nor true or false.",
            path="Trained.arguments",
            hint="Give it as one of them.",
        )
    return Factory(name, dict(arguments))


def rebuild(files: Mapping[str, bytes]) -> Any | None:
    """The module of a package, in evaluation mode with the packaged weights; None where no factory is named.

    The factory's module must be importable. Raises `InputError` where it is not or fails, and `Corrupt` where its
    parameters are not those of the package.
    """
    import torch

    factory = documents.from_json(Provenance, files[PROVENANCE_JSON], path=PROVENANCE_JSON).factory
    if factory is None:
        return None
    try:
        module = _function(factory.function)(**factory.arguments)
    except Exception as error:  # noqa: BLE001  # the project's code may raise anything
        raise InputError(
            f"{factory.function} did not make the module: {error}.", path=_PATH, hint="Call it as training does."
        ) from None
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"{factory.function} gave a {type(module).__name__}.", path=_PATH, hint="Return the module.")
    packaged = safetensors.numpy.load(files[WEIGHTS]) if WEIGHTS in files else {}
    held = {name.removeprefix(MODEL): torch.from_numpy(tensor.copy()) for name, tensor in packaged.items()}
    parameters = dict(module.named_parameters())
    lacking = sorted(parameters.keys() - held.keys())
    misshapen = [name for name in parameters.keys() & held.keys() if parameters[name].shape != held[name].shape]
    strange = sorted(held.keys() - module.state_dict().keys())
    if apart := lacking + misshapen + strange:
        raise Corrupt(
            f"{factory.function} makes another module than was packaged: {apart[0]!r} differs.",
            path=WEIGHTS,
            hint="Give Trained the arguments that the module was made with.",
        )
    module.load_state_dict(held, strict=False)  # counters that no answer needs are not packaged
    return module.eval()


def check_rebuilt(files: Mapping[str, bytes], fitted: Any) -> None:
    """An `InputError` unless the rebuilt module has every parameter and buffer of the fitted one, bit for bit."""
    import torch

    module = rebuild(files)
    if module is None:
        return
    own, anew = dict(fitted.named_parameters()), dict(module.named_parameters())
    apart = [name for name in own if name not in anew or not torch.equal(own[name].detach().cpu(), anew[name])]
    if apart or own.keys() != anew.keys():
        raise InputError(
            f"the rebuilt module has another {next(iter(apart), 'set of parameters')!r}.",
            path=_PATH,
            hint="Give the function and the arguments that the fitted module was made with.",
        )


def _function(name: str) -> Any:
    module, _, path = name.partition(":")
    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value
