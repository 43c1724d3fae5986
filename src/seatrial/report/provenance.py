"""Where a model comes from, as lists of facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.models.provenance import DataSnapshot, Provenance, SourceFile
from seatrial.models.signature import Signature
from seatrial.report.words import count
from seatrial.verdicts.trial import Trial


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    mono: bool = False  # a digest or a version: set in a fixed-width face


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


def fact_groups(
    trial: Trial,
    provenance: Provenance | None,
    signature: Signature | None,
    *,
    release: str | None,
    signature_key: str | None,
) -> tuple[FactGroup, ...]:
    """What the model answers, then digests, then what went into it."""
    use = trial.test_use
    digests = (
        ("release.json", release),
        ("model package", trial.model),
        ("policy", trial.policy),
        ("test data", None if use is None else use.digest),
        *((name, digest) for name, digest in trial.references.items()),
        ("training code", None if provenance is None else provenance.code),
        ("step key", None if provenance is None else provenance.step_key),
        ("signed with", signature_key),
    )
    groups = [
        FactGroup("Model", () if signature is None else tuple(_answers(signature))),
        FactGroup("Digests", tuple(_mono(name, value) for name, value in digests if value is not None)),
    ]
    seed = _mono("seed of the trial", str(trial.seed))
    if provenance is None:
        groups.append(FactGroup("Parameters", (seed,)))
    else:
        parameters = tuple(_mono(name, _text(value)) for name, value in sorted(provenance.parameters.items()))
        libraries = tuple(_mono(name, version) for name, version in sorted(provenance.libraries.items()))
        python = () if provenance.python is None else (_mono("python", provenance.python),)
        file = () if provenance.source is None else tuple(_source(provenance.source))
        groups += [
            FactGroup("Model file", file),
            FactGroup("Data snapshots", tuple(fact for table in provenance.data for fact in _snapshot(table))),
            FactGroup("Parameters", (*parameters, seed)),
            FactGroup("Environment", (*python, *libraries)),
        ]
    return tuple(group for group in groups if group.facts)


def rows_and_use(trial: Trial) -> tuple[Fact, ...]:
    """The data that counted."""
    if trial.test_use is None:
        return (Fact("measured on", f"{trial.data} data"),)
    return (
        Fact("rows", count(trial.test_use.rows)),
        Fact("content", trial.test_use.digest, mono=True),
        Fact("use of this data", f"number {trial.test_use.use}"),
    )


def _answers(signature: Signature) -> Iterator[Fact]:
    yield Fact("task", signature.task)
    if signature.positive is not None:
        yield Fact("positive class", signature.positive)
    if signature.threshold is not None:
        yield Fact("answered from a probability of", f"{signature.threshold:.4g}")
    yield Fact("inputs", ", ".join(column.name for column in signature.inputs))


def _snapshot(table: DataSnapshot) -> Iterator[Fact]:
    yield _mono(table.name, f"{table.identifier} at snapshot {table.snapshot_id}")
    yield _mono(f"{table.name}, digest", table.digest)


def _source(source: SourceFile) -> Iterator[Fact]:
    yield Fact("name", source.name)
    yield _mono("sha256", source.sha256)
    if source.producer is not None:
        yield Fact("written by", source.producer)


def _mono(name: str, value: str) -> Fact:
    return Fact(name, value, mono=True)


def _text(value: float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
