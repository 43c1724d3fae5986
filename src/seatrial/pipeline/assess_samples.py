"""A release on its samples: opened and verified, with what its project says of labels, groups and where uses count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from seatrial.errors import InputError, field
from seatrial.models.signature import Signature
from seatrial.pipeline.builtin_steps.uses import use_recorder
from seatrial.pipeline.open_release import verified_release
from seatrial.pipeline.project.settings import DataSettings
from seatrial.pipeline.sample_store import SAMPLES
from seatrial.pipeline.workspace import Workspace, bucket_settings, ledger_key, ledger_settings, open_workspace
from seatrial.releases.source import is_folder
from seatrial.releases.verify import Verification
from seatrial.rows import open_rows
from seatrial.rows.find_files import sources_at
from seatrial.serve.sampling.sampled_row import REQUEST_ID, ROW
from seatrial.stores.documents import from_json
from seatrial.stores.settings import StoreSettings
from seatrial.trial.measure import UseRecorder
from seatrial.trial.progress import ProgressCallback
from seatrial.trial.question import BUDGET_S, SEED, Question
from seatrial.tryout.samples.assess_samples import SampledAssessment, ServedRelease, assess_samples
from seatrial.tryout.samples.sample_files import read_samples
from seatrial.tryout.uses import use_recorder as own_use_recorder

_SIGNATURE = "signature.json"


@dataclass(frozen=True, slots=True)
class SamplesArguments:
    """What stands on the command line. None is what the project says, or the newest release that passed."""

    release: str | None
    on: str | None
    labels: str
    label: str | None = None
    groups: tuple[str, ...] = ()
    digest: str | None = None
    trust: Path | None = None
    profile: str = "local"
    directory: Path = Path()
    seed: int = SEED
    budget_s: float = BUDGET_S


def assess_release(
    arguments: SamplesArguments, *, on_progress: ProgressCallback, reproduce: tuple[str, ...] = ()
) -> SampledAssessment:
    """Verifies the release, reads its samples and labels, and measures. `Refused` where it does not verify."""
    verified = verified_release(
        arguments.release,
        directory=arguments.directory,
        profile=arguments.profile,
        trust=arguments.trust,
        passed=True,
        digest=arguments.digest,
    ).require()
    release, digest, policy = verified.release, verified.digest, verified.policy
    if release is None or digest is None or policy is None:
        raise AssertionError("what verifies has a release.json and a policy")
    with _surroundings(arguments) as around:
        data = around.data
        label = arguments.label or (None if data is None else data.label)
        if label is None:
            raise InputError(
                "the column that holds what is true is not named.",
                path=arguments.labels,
                hint=f"Name it: {field('label')} COLUMN.",
            )
        origin = arguments.on or f"{around.samples}/{release.name}/{release.version}"
        on_progress("reading the samples", 0, None)
        signature = from_json(Signature, verified.package[_SIGNATURE], path=_SIGNATURE)
        samples = read_samples(
            sources_at(origin, around.store_of(origin)),
            signature,
            title=(release.name, release.version),
            digest=digest,
        )
        labels = open_rows(
            arguments.labels,
            types={REQUEST_ID: pa.string(), ROW: pa.int64()},
            store=around.store_of(arguments.labels),
        )
        question = Question(
            label=label,
            groups=arguments.groups or _groups(verified, data),
            weight=None if data is None else data.weight,
            cluster=None if data is None else data.cluster,
            clip=None if data is None else data.clip,
            quantile=None if data is None else data.quantile,
            seed=arguments.seed,
            budget_s=arguments.budget_s,
        )
        return assess_samples(
            ServedRelease(release.title, digest, release.model, verified.package, policy),
            samples,
            labels,
            question,
            origin=origin,
            uses=around.uses,
            counted=around.counted,
            now=datetime.now(UTC),
            on_progress=on_progress,
            reproduce=reproduce,
        )


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a release is assessed among: a project's store and data, or none beside an exported folder."""

    workspace: Workspace | None
    uses: UseRecorder
    counted: str

    @property
    def data(self) -> DataSettings | None:
        return None if self.workspace is None else self.workspace.project.data

    @property
    def samples(self) -> str:
        """Where servers of this profile keep samples unless they were told otherwise."""
        if self.workspace is None:
            raise InputError(
                "beside an exported release nothing says where the samples are.",
                path="--on",
                hint="Name their folder, or s3://bucket/prefix: --on PLACE.",
            )
        return f"{self.workspace.store.url.rstrip('/')}/{SAMPLES}"

    def store_of(self, address: str) -> StoreSettings | None:
        """How the bucket of an address is reached; None: as the environment says, or it is none."""
        if self.workspace is None or not address.startswith("s3://"):
            return None
        return bucket_settings(self.workspace, address)


@contextmanager
def _surroundings(arguments: SamplesArguments) -> Iterator[_Surroundings]:
    if arguments.release is not None and is_folder(arguments.release):
        own = own_use_recorder(os.environ, Path.home())
        yield _Surroundings(None, own, own.counted)
        return
    with open_workspace(arguments.directory, arguments.profile) as workspace:
        shared = ledger_settings(workspace, os.environ)
        counted = "in the project's store" if shared is None else f"at {shared.url} ({ledger_key(workspace)})"
        yield _Surroundings(workspace, use_recorder(workspace), counted)


def _groups(verified: Verification, data: DataSettings | None) -> tuple[str, ...]:
    """The groups of the project; without one, those that the policy is about."""
    if data is not None:
        return data.groups
    policy = verified.policy
    columns = [] if policy is None else [requirement.claim.column for requirement in policy.require]
    return tuple(dict.fromkeys(column for column in columns if column is not None))
