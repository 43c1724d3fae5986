"""A regression trained by as many processes as there are; rank 0 prints the loss of each step. Run by torchrun."""

from __future__ import annotations

import sys

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from seatrial.batches.frameworks.to_torch import to_torch
from seatrial.batches.parquet_table import parquet_table

BATCH_ROWS = 200
EPOCHS = 2

distributed.init_process_group("gloo")
rank, world = distributed.get_rank(), distributed.get_world_size()
torch.manual_seed(7)
torch.set_num_threads(1)
model = DistributedDataParallel(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)))
optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
table = parquet_table(sys.argv[1])
columns = {"x": ["a", "b", "c"], "y": "y"}
dataset = to_torch(table.batches(columns=columns, batch_rows=BATCH_ROWS, rank=rank, world=world))
for epoch in range(EPOCHS):
    dataset.set_epoch(epoch)
    for batch in DataLoader(dataset, batch_size=None):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(model(batch["x"]), batch["y"])
        loss.backward()
        optimiser.step()
        together = loss.detach().clone()
        distributed.all_reduce(together)
        if rank == 0:
            print(f"loss {float(together) / world:.9f}", flush=True)
distributed.destroy_process_group()
