"""A service as settings, and a signed release in a store, for the tests of `deploy`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from seatrial.deploy.service_settings import ServiceSettings
from seatrial.models.codec import Codec
from seatrial.models.package import build_package
from seatrial.models.provenance import Provenance
from seatrial.models.signature import Column, Signature
from seatrial.models.trained import Trained
from seatrial.releases.keys import SigningKey, new_key
from seatrial.releases.release import Release, package_digest
from seatrial.releases.trust import TRUST_FILE, as_trust_entry
from seatrial.releases.waivers import keep_waiver, make_waiver, seal_waiver
from seatrial.releases.write import create_release
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.objects import Objects
from seatrial.verdicts.evidence import Claim, Evidence
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

IMAGE = f"registry.example/census@sha256:{'1a9e' * 16}"
SERVICE = ServiceSettings(
    name="census",
    version=2,
    release_digest="51a7" * 16,
    model_digest="90de" * 16,
    verdict="inconclusive",
    waived_until="2026-12-01T00:00:00Z",
    image=IMAGE,
    store_url="s3://lake/census",
    endpoint="https://minio.data:9000",
    namespace="models",
    callers=("web",),
    trust=f'[[keys]]\nrole = "release"\nname = "the team"\nkey = "ed25519:{"0" * 64}"\n',
)
NOW = datetime.now(UTC)
CODEC = Codec.from_statistics(numbers={"age": (38.5, 13.6)}, vocabularies={"sex": ["Female", "Male"]})


def make_home(home: Path) -> dict[str, SigningKey]:
    """A release key and a waiver key, and the trust.toml that trusts both."""
    keys = {"release": new_key(home, "release"), "waiver": new_key(home, "waiver")}
    (home / TRUST_FILE).write_text("".join(as_trust_entry(key.role, role, key.public) for role, key in keys.items()))
    return keys


def put_release(
    objects: Objects,
    keys: dict[str, SigningKey],
    accuracy: float = 0.85,
    *,
    waived_days: int | None = None,
    package: dict[str, bytes] | None = None,
) -> Release:
    """Puts a release into the store whose accuracy is `accuracy`, where at least 0.8 is asked for.

    Without a `package`, one that verifies and cannot be loaded.
    """
    policy = Policy(0.95, (Requirement("accuracy", at_least=0.8),))
    package = package or {
        "model.onnx": b"a graph",
        "signature.json": to_json(Signature((Column("age", "number"),), "binary", ("no", "yes"), "yes", 0.5)),
        "provenance.json": to_json(Provenance("c" * 64, "k" * 64, {"accuracy": accuracy}, (), "3.11.2", {})),
    }
    evidence = Evidence(Claim("accuracy"), "all", accuracy, accuracy - 0.01, accuracy + 0.01, 0.975, 8000, "exact")
    trial = Trial(
        package_digest(package),
        sha256(to_json(policy)),
        "test",
        0.975,
        7,
        (evidence,),
        (),
        TestUse("e" * 64, 8000, 1),
    )
    release = create_release(
        objects,
        "census",
        package=package,
        trial=trial,
        policy=policy,
        verdict=judge(policy, trial),
        key=keys["release"],
        created=NOW,
    )
    if waived_days is not None:
        digest = sha256(to_json(release))
        waiver = make_waiver(
            release=digest,
            title=release.title,
            evidence=release.evidence,
            policy=policy,
            requirement=0,
            reason="for a week",
            days=waived_days,
            now=NOW,
        )
        keep_waiver(objects, digest, seal_waiver(waiver, keys["waiver"]))
    return release


def loadable_package() -> dict[str, bytes]:
    """A model package of a small linear model: what a server can load."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["logits"])],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", CODEC.width])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(np.ones((CODEC.width, 1), np.float32), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    trained = Trained(model.SerializeToString(), CODEC, ("no", "yes"), "yes")
    rows = pa.table({"age": [39.0, 50.0], "sex": ["Male", "Female"]})
    return build_package(trained, rows=rows, provenance=Provenance("c" * 64, "k" * 64, {}, (), "3.11"))
