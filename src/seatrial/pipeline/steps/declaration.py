"""What a project declares: plain functions with named inputs and outputs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from seatrial.cluster.quantities import quantity_mistake
from seatrial.errors import InputError, did_you_mean
from seatrial.pipeline.engines import ENGINES

Kind = Literal["python", "spark"]  # for type checkers; the engines are what counts
Parameter = bool | int | float | str
F = TypeVar("F", bound=Callable[..., Any])

DECLARED = "__seatrial_steps__"  # the module attribute that lists a module's steps, in the order of their definition
BUILT_IN = ("package", "assess", "release")


@dataclass(frozen=True, slots=True)
class Files:
    """Files that match a glob: "raw/census/*.csv" in the store, "s3://other/raw/*.csv" in another bucket.

    "file:/data/raw/*.csv" is on this machine, "file:raw/*.csv" in the project's folder. How another bucket is reached
    is the profile's to say (`[profile.X.buckets]`). Files with an address stay where they are.
    """

    pattern: str


@dataclass(frozen=True, slots=True)
class LocalModel:
    """The file of a finished model, as `[model] from` names it."""

    place: str


@dataclass(frozen=True, slots=True)
class RowsAt:
    """Rows in a file, a folder or a store, as `[data]` names them."""

    place: str


@dataclass(frozen=True, slots=True)
class Against:
    """A release that the model is compared with, as the policy names it: "newest_passed" or name@version."""

    reference: str


Source = str | Files | LocalModel | RowsAt | Against  # a text is another step's output: "features.train"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a step may use where it runs. Amounts are written as Kubernetes writes them, and are those of each worker.

    Of all of it `workers` alone enters the key: how many share the rows of a batch decides in which order its gradients
    are summed. `retries` counts ends that are not the step's own doing (killed, evicted, out of memory); what its code
    raises is never tried again.
    """

    cpu: str = "1"
    memory: str = "2Gi"
    gpus: int = 0
    timeout_s: int | None = None
    retries: int = 0
    workers: int = 1


DEFAULTS = Resources()


@dataclass(frozen=True, slots=True)
class Step:
    """A declared step. `inputs` maps an argument to its source; a project's own steps read outputs and `Files`.

    Without `outputs` the step has one, which goes by the step's own name.
    """

    name: str
    kind: Kind
    function: Callable[..., Any]
    inputs: Mapping[str, Source]
    outputs: tuple[str, ...]
    libraries: tuple[str, ...]
    parameters: Mapping[str, Parameter]  # keyword-only arguments and their defaults
    resources: Resources = DEFAULTS

    @property
    def references(self) -> tuple[str, ...]:
        """What other steps call this step's outputs: "features.train", or "model"."""
        return tuple(f"{self.name}.{output}" for output in self.outputs) if self.outputs else (self.name,)


def step(
    *,
    kind: Kind = "python",
    inputs: Mapping[str, str | Files] | None = None,
    outputs: Sequence[str] = (),
    libraries: Sequence[str] = (),
    cpu: str = DEFAULTS.cpu,
    memory: str = DEFAULTS.memory,
    gpus: int = DEFAULTS.gpus,
    timeout_s: int | None = DEFAULTS.timeout_s,
    retries: int = DEFAULTS.retries,
    workers: int = DEFAULTS.workers,
) -> Callable[[F], F]:
    """Declares the decorated function as a step, and leaves the function as it is.

    A `spark` step gets the session as its argument `spark`. Keyword-only arguments with defaults are the step's
    parameters. `libraries` are distributions whose installed version is part of the step's key.

    `cpu` ("500m", "2"), `memory` ("2Gi") and `gpus` are what its pod asks for on a cluster, and may use. `timeout_s`
    is how long it may take, and `retries` how often it starts again when it was killed. A profile overrides them.
    `workers` processes call the function at once, each with its RANK; what rank 0 returns counts.

    >>> @step(inputs={"rows": Files("raw/*.csv")})
    ... def count(rows, *, limit: int = 10): ...
    """

    def declare(function: F) -> F:
        for option, names in (("outputs", outputs), ("libraries", libraries)):
            if isinstance(names, str):
                raise InputError(
                    f"step {function.__name__!r}: {option} is one text, and would be taken letter by letter.",
                    path=inspect.getsourcefile(function),
                    line=function.__code__.co_firstlineno,
                    hint=f'Write {option}=("{names}",).',
                )
        module = sys.modules[function.__module__]
        resources = Resources(cpu, memory, gpus, timeout_s, retries, workers)
        declared = _declare(function, kind, inputs or {}, tuple(outputs), tuple(libraries), resources)
        module.__dict__.setdefault(DECLARED, []).append(declared)
        return function

    return declare


def _declare(
    function: Callable[..., Any],
    kind: Kind,
    inputs: Mapping[str, str | Files],
    outputs: tuple[str, ...],
    libraries: tuple[str, ...],
    resources: Resources,
) -> Step:
    name = function.__name__
    place = {"path": inspect.getsourcefile(function), "line": function.__code__.co_firstlineno}

    def mistake(problem: str, hint: str) -> InputError:
        return InputError(f"step {name!r}: {problem}", hint=hint, **place)  # type: ignore[arg-type]  # two known keys

    if kind not in ENGINES:
        raise mistake(f"unknown kind {kind!r}.", did_you_mean(kind, ENGINES) or f"Known: {', '.join(ENGINES)}.")
    if name in BUILT_IN:
        raise mistake("this name is taken by a built-in step.", "Rename the function.")
    if wrong := next((output for output in outputs if not output.isidentifier()), None):
        raise mistake(f"output {wrong!r} is not a legal name.", "Use letters, digits and _, as for a variable.")
    if len(set(outputs)) != len(outputs):
        raise mistake(f"an output is named twice in {', '.join(outputs)}.", "Give each output its own name.")
    if (amiss := resources_mistake(resources)) is not None:
        key, problem, hint = amiss
        raise mistake(f"{key}: {problem}", hint)
    if (amiss := workers_mistake(kind, name, resources)) is not None:
        key, problem, hint = amiss
        raise mistake(f"{key}: {problem}", hint)
    arguments = inspect.signature(function).parameters.values()
    expected = {argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD}
    supplied = set(inputs) | ENGINES[kind].arguments
    if expected != supplied:
        described = "; ".join(
            f"{what} {', '.join(sorted(names))}"
            for what, names in (
                ("without an input:", expected - supplied),
                ("without an argument:", supplied - expected),
            )
            if names
        )
        raise mistake(f"arguments and inputs differ ({described}).", "Name each input once in both places.")
    parameters: dict[str, Parameter] = {}
    for argument in arguments:
        if argument.kind is not argument.KEYWORD_ONLY:
            continue
        if not isinstance(argument.default, Parameter):
            raise mistake(
                f"parameter {argument.name!r} needs a default that is a number, a text or true/false.",
                f"Write, for example, {argument.name}: int = 0.",
            )
        parameters[argument.name] = argument.default
    return Step(
        name,
        kind,
        function,
        MappingProxyType(dict(inputs)),
        outputs,
        libraries,
        MappingProxyType(parameters),
        resources,
    )


def resources_mistake(resources: Resources) -> tuple[str, str, str] | None:
    """The key that no cluster could be asked for, what is wrong with it, and the hint."""
    if (mistake := quantity_mistake(resources.cpu, resources.memory)) is not None:
        return mistake
    for key, amount, least in (
        ("gpus", resources.gpus, 0),
        ("timeout_s", resources.timeout_s, 1),
        ("retries", resources.retries, 0),
        ("workers", resources.workers, 1),
    ):
        if amount is not None and amount < least:
            return key, f"it must be at least {least}, got {amount}.", f"Write {key}={least} or more."
    return None


def workers_mistake(kind: str, name: str, resources: Resources) -> tuple[str, str, str] | None:
    """As `resources_mistake`: for a step that several workers cannot share."""
    if resources.workers == 1:
        return None
    whose, hint = f"a step of kind {kind!r}", ENGINES[kind].instead_of_workers
    if name in BUILT_IN:
        whose, hint = "a built-in step", "Leave it out."
    return None if hint is None else ("workers", f"{whose} runs in one process, got {resources.workers}.", hint)
