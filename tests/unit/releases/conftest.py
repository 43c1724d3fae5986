"""A judged model in a folder store: small, whole, and signed by a key that the fixture `trust` trusts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.models.provenance import DataSnapshot, Provenance
from seatrial.models.signature import Column, Signature
from seatrial.releases.keys import SigningKey, new_key
from seatrial.releases.release import Release, package_digest
from seatrial.releases.trust import Trust, TrustedKey
from seatrial.releases.write import create_release
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.evidence import Claim, Evidence, NotMeasured
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

CREATED = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

MakeRelease = Callable[..., Release]


@pytest.fixture
def now() -> datetime:
    return CREATED


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return open_objects(StoreSettings(url=(tmp_path / "store").as_uri()))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    home, stranger = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("stranger")
    return {
        "release": new_key(home, "release"),
        "waiver": new_key(home, "waiver"),
        "sign-off": new_key(home, "sign-off"),
        "stranger": new_key(stranger, "release"),
        "stranger's waiver": new_key(stranger, "waiver"),
    }


@pytest.fixture
def trust(keys: dict[str, SigningKey]) -> Trust:
    return Trust(
        keys=(
            TrustedKey("release", "the team", keys["release"].public.text),
            TrustedKey("waiver", "the risk officer", keys["waiver"].public.text),
            TrustedKey("sign-off", "the board", keys["sign-off"].public.text),
        )
    )


@pytest.fixture
def package() -> dict[str, bytes]:
    signature = Signature((Column("age", "number"), Column("work", "text")), "binary", ("no", "yes"), "yes", 0.5)
    provenance = Provenance(
        "c" * 64,
        "k" * 64,
        {"epochs": 8},
        (DataSnapshot("train", "census.train", 7, "d" * 64),),
        "3.11.2",
        {"torch": "2"},
    )
    return {
        "model.onnx": b"\x08\x0a graph",
        "signature.json": to_json(signature),
        "provenance.json": to_json(provenance),
        "extra/notes.txt": b"a file in a folder",
    }


@pytest.fixture
def policy() -> Policy:
    return Policy(0.95, (Requirement("accuracy", at_least=0.8), Requirement("roc_auc", at_least=0.85)))


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    def make(package: dict[str, bytes], policy: Policy, *, roc_auc: float = 0.9, use: int = 1) -> Trial:
        confidence = 1 - (1 - policy.confidence) / (use * (use + 1))
        measured = {"accuracy": 0.85, "roc_auc": roc_auc}
        return Trial(
            model=package_digest(package),
            policy=sha256(to_json(policy)),
            data="test",
            confidence=confidence,
            seed=7,
            evidence=tuple(
                Evidence(Claim(metric), "all", value, value - 0.01, value + 0.01, confidence, 8000, "clopper-pearson")
                for metric, value in measured.items()
            ),
            not_measured=(NotMeasured(Claim("robust_accuracy"), "all", "no distance was named"),),
            test_use=TestUse("e" * 64, 8000, use),
        )

    return make


@pytest.fixture
def make_release(
    objects: Objects,
    keys: dict[str, SigningKey],
    package: dict[str, bytes],
    policy: Policy,
    make_trial: Callable[..., Trial],
) -> MakeRelease:
    """Makes a release; `epochs` makes it another model, `roc_auc` another verdict."""

    def make(
        name: str = "census",
        *,
        epochs: int = 8,
        roc_auc: float = 0.9,
        use: int = 1,
        key: str = "release",
        policy: Policy = policy,
        into: Objects = objects,
    ) -> Release:
        files = package | {
            "provenance.json": package["provenance.json"].replace(b'"epochs": 8', b'"epochs": %d' % epochs)
        }
        trial = make_trial(files, policy, roc_auc=roc_auc, use=use)
        return create_release(
            into,
            name,
            package=files,
            trial=trial,
            policy=policy,
            verdict=judge(policy, trial),
            key=keys[key],
            created=CREATED,
        )

    return make
