"""How the workers of a step find each other: the environment that torchrun and TensorFlow define. Pure.

PyTorch reads MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE and LOCAL_RANK (torch.distributed, "Environment variable
initialization"), TensorFlow's MultiWorkerMirroredStrategy TF_CONFIG.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence

from seatrial.batches.plan.distributed_rank import RANK, WORLD_SIZE, rank_and_world
from seatrial.errors import InputError

LOCAL_RANK, LOCAL_WORLD_SIZE = "LOCAL_RANK", "LOCAL_WORLD_SIZE"
MASTER_ADDR, MASTER_PORT, TF_CONFIG = "MASTER_ADDR", "MASTER_PORT", "TF_CONFIG"
VARIABLES = (MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, TF_CONFIG)


def rendezvous(
    rank: int | str, tensorflow: Sequence[str], *, master: tuple[str, int], local_rank: int | str, local_world: int
) -> dict[str, str]:
    """The environment of one worker; `tensorflow` has the address of each, `master` is where rank 0 listens.

    A `rank` that is a text is put in as it is: a reference that a pod's own environment resolves.
    """
    cluster = json.dumps({"worker": list(tensorflow)})
    return {
        MASTER_ADDR: master[0],
        MASTER_PORT: str(master[1]),
        RANK: str(rank),
        WORLD_SIZE: str(len(tensorflow)),
        LOCAL_RANK: str(local_rank),
        LOCAL_WORLD_SIZE: str(local_world),
        TF_CONFIG: f'{{"cluster": {cluster}, "task": {{"type": "worker", "index": {rank}}}}}',
    }


def forget_rendezvous(environment: MutableMapping[str, str]) -> None:
    """Takes out what this process was told of workers that are not the step's: one alone must read all rows."""
    for name in VARIABLES:
        environment.pop(name, None)


def worker_rank(workers: int, environment: Mapping[str, str], *, step: str) -> int:
    """Which of the step's workers this process is; 0 where it is the only one.

    Raises where the environment does not say, or speaks of another number of workers than the step's key.
    """
    if workers == 1:
        return 0
    rank, world = rank_and_world(None, None, environment)
    if world != workers or rank >= world:
        raise InputError(
            f"step {step!r} has {workers} workers, and {RANK} and {WORLD_SIZE} say that this is {rank} of {world}.",
            hint=f"Start it by `seatrial run`, or by torchrun --nproc-per-node {workers} --no-python seatrial step …",
        )
    return rank
