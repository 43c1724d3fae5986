"""A project whose store is a folder, with a signed release of a real package in it, and its server as a process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper, numpy_helper

from seatrial.models.codec import Codec
from seatrial.models.package import build_package
from seatrial.models.provenance import DataSnapshot, Provenance
from seatrial.models.runtime import OnnxPredictor, load_predictor
from seatrial.models.trained import Trained
from seatrial.releases.keys import new_key
from seatrial.releases.release import Release, package_digest
from seatrial.releases.trust import trust_own_key
from seatrial.releases.write import create_release
from seatrial.stores.documents import sha256, to_json
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from seatrial.verdicts.evidence import Claim, Evidence
from seatrial.verdicts.judge import judge
from seatrial.verdicts.policy import Policy, Requirement
from seatrial.verdicts.trial import TestUse, Trial

CODEC = Codec.from_statistics(
    numbers={"age": (38.5, 13.6), "hours per week": (40.0, 12.0)},
    vocabularies={"sex": ["Female", "Male"], "größe": ["klein", "大"]},
)
RANGES = {"age": (17.0, 90.0), "hours per week": (1.0, 99.0)}
END_TIMEOUT_S = 60
DRAIN_S = 1


def rows(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "age": pa.array(random.normal(38, 14, count), mask=random.random(count) < 0.1),
            "hours per week": pa.array(random.integers(1, 99, count)),
            "sex": pa.array(random.choice(np.array(["Female", "Male", "?"]), count)),
            "größe": pa.array(random.choice(np.array(["klein", "大"]), count), mask=random.random(count) < 0.1),
        }
    )


def package() -> dict[str, bytes]:
    weights = np.random.default_rng(7).normal(size=(CODEC.width, 1)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "weights"], ["logits"])],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", CODEC.width])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    trained = Trained(model.SerializeToString(), CODEC, ("<=50K", ">50K"), ">50K")
    data = (DataSnapshot("train", "census.train", 7, "d" * 64),)
    provenance = Provenance("c" * 64, "k" * 64, {}, data, "3.11", ranges=RANGES)
    return build_package(trained, rows=rows(100, 1), provenance=provenance)


@dataclass(frozen=True)
class Sea:
    """A project folder, the account that released in it, a release that passed and one that failed."""

    directory: Path
    home: Path
    passed: Release
    failed: Release
    predictor: OnnxPredictor

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SEATRIAL_HOME": str(self.home)}

    def command(self, *arguments: str) -> list[str]:
        start = "from seatrial.cli import main; main()"
        return [sys.executable, "-W", "error", "-c", start, *arguments, "--directory", str(self.directory)]


@pytest.fixture(scope="session")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Sea:
    directory = tmp_path_factory.mktemp("project")
    store = StoreSettings((directory / "store").as_uri())
    return sea_over(store, '{ url = "file:store" }', directory, tmp_path_factory.mktemp("home"))


def sea_over(store: StoreSettings, choice: str, directory: Path, home: Path) -> Sea:
    """A project whose profile names the store by `choice`, with both releases in it."""
    key = new_key(home, "release")
    trust_own_key(home, key)
    (directory / "seatrial.toml").write_text(f'[project]\nname = "census"\n\n[profile.local]\nstore = {choice}\n')
    files, objects = package(), open_objects(store)
    policy = Policy(0.95, (Requirement("accuracy", at_least=0.8),))

    def release(accuracy: float, use: int) -> Release:
        confidence = 1 - 0.05 / (use * (use + 1))
        trial = Trial(
            package_digest(files),
            sha256(to_json(policy)),
            "test",
            confidence,
            7,
            (Evidence(Claim("accuracy"), "all", accuracy, accuracy - 0.01, accuracy + 0.01, confidence, 900, "exact"),),
            (),
            TestUse("e" * 64, 900, use),
        )
        return create_release(
            objects,
            "census",
            package=files,
            trial=trial,
            policy=policy,
            verdict=judge(policy, trial),
            key=key,
            created=datetime(2026, 11, 24, tzinfo=UTC),
        )

    return Sea(directory, home, release(0.9, 1), release(0.7, 2), load_predictor(files))


@dataclass(frozen=True)
class Server:
    """A server that is ready."""

    address: str
    process: subprocess.Popen[str]


@contextmanager
def serving(sea: Sea) -> Iterator[Server]:
    process = subprocess.Popen(
        sea.command("serve", "--port", "0", "--drain", str(DRAIN_S)),
        env=sea.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Serving census@1 at (http://127\.0\.0\.1:\d+)\n", line)
        if found is None:
            process.kill()
            raise AssertionError(line + process.communicate(timeout=END_TIMEOUT_S)[1])
        yield Server(found[1], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=END_TIMEOUT_S)


@pytest.fixture(scope="session")
def server(sea: Sea) -> Iterator[Server]:
    """One server for every test that only asks."""
    with serving(sea) as running:
        yield running


@pytest.fixture
def ending(sea: Sea) -> Iterator[Server]:
    """A server of the test's own, to be ended by it."""
    with serving(sea) as running:
        yield running
