"""A step with workers trains with DistributedDataParallel as one process does, and its key says how many they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.pipeline.places.this_machine import ThisMachine
from seatrial.stores.artifacts import read_artifact
from tests.place_contract import opened

ROWS, BATCH_ROWS, EPOCHS = 1003, 100, 2  # the last batch has 3 rows: with four workers one has none
SUMS_DIFFER = 1e-5  # float32 gradients of the shares are added in another order than those of the whole
PIPELINE = """\
import os

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from seatrial import step
from seatrial.batches.parquet_table import parquet_table


@step()
def train(*, table: str = "", batch_rows: int = 100, epochs: int = 2):
    together = "WORLD_SIZE" in os.environ
    if together:
        distributed.init_process_group("gloo")
    world = distributed.get_world_size() if together else 1
    torch.manual_seed(7)
    torch.set_num_threads(1)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    model = DistributedDataParallel(network) if together else network
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for epoch in range(epochs):
        columns = {"x": ["a", "b", "c"], "y": "y"}
        for batch in parquet_table(table).batches(columns=columns, batch_rows=batch_rows, epoch=epoch):
            x, y = torch.from_numpy(batch["x"]), torch.from_numpy(batch["y"])
            rows = torch.tensor(float(len(y)))
            if together:
                distributed.all_reduce(rows)
            # DDP takes the mean of the workers' gradients: each gives its share of the whole batch's, times the world.
            loss = nn.functional.mse_loss(model(x), y, reduction="sum") * world / rows
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            share = loss.detach() / world
            if together:
                distributed.all_reduce(share)
            losses.append(float(share))
    weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).tolist()
    if together:
        distributed.destroy_process_group()
        if os.environ["RANK"] != "0":
            return None
    return {"losses": losses, "weights": weights}
"""


def trained(folder: Path, table: Path, workers: int) -> tuple[str, np.ndarray, np.ndarray]:
    """The key, the loss of each batch, and the weights in the end."""
    folder.mkdir()
    (folder / "pipeline.py").write_text(PIPELINE.replace('table: str = ""', f'table: str = "{table}"'))
    profile = '[profile.local]\nstore = { url = "file:.seatrial/objects" }\n'
    steps = f"[profile.local.steps]\ntrain = {{ workers = {workers} }}\n"
    (folder / "seatrial.toml").write_text(f'[project]\nname = "together"\n\n{profile}{steps}')
    with opened(ThisMachine, folder, "local", "run") as subject:
        record = subject.run("train")
        (output,) = record.outputs.values()
        (content,) = read_artifact(subject.workspace.objects, output.digest).values()
    document = json.loads(content)
    return record.key, np.array(document["losses"]), np.array(document["weights"])


def test_two_and_four_workers_train_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setenv("RANK", "3")  # somebody else's, around the run: no step is a part of that
    monkeypatch.setenv("WORLD_SIZE", "8")
    chance = np.random.default_rng(7)
    numbers = chance.normal(size=(3, ROWS)).astype(np.float32)
    label = (numbers[0] - 2 * numbers[1] + chance.normal(size=ROWS) / 10).astype(np.float32)
    columns = {name: pa.array(column) for name, column in zip("abcy", [*numbers, label], strict=True)}
    (tmp_path / "rows").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "rows" / "0.parquet", row_group_size=170)
    key, losses, weights = trained(tmp_path / "alone", tmp_path / "rows", 1)
    assert len(losses) == EPOCHS * -(-ROWS // BATCH_ROWS)
    assert losses[-2] < losses[0] / 4
    keys = {key}
    for workers in (2, 4):
        key, losses_together, weights_together = trained(tmp_path / str(workers), tmp_path / "rows", workers)
        assert np.allclose(losses_together, losses, rtol=SUMS_DIFFER, atol=SUMS_DIFFER)
        assert np.allclose(weights_together, weights, rtol=SUMS_DIFFER, atol=SUMS_DIFFER)
        keys.add(key)
    assert len(keys) == 3
