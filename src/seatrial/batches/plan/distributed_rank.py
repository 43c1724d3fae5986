"""Which of how many processes that train together this one is."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.errors import InputError

RANK, WORLD_SIZE = "RANK", "WORLD_SIZE"  # as torchrun sets them (torch.distributed.run, "Environment Variables")


def rank_and_world(rank: int | None, world: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """The rank and the world size that the caller names; where it names neither, those of the environment.

    Without them there is one process, of rank 0. The environment counts where it has both variables.
    """
    if rank is not None or world is not None:
        return (0 if rank is None else rank), (1 if world is None else world)
    if RANK not in environment or WORLD_SIZE not in environment:
        return 0, 1
    return _count(RANK, environment), _count(WORLD_SIZE, environment)


def _count(name: str, environment: Mapping[str, str]) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdigit()):
        raise InputError(
            f"the environment variable {name} must be a whole number, got {text!r}.",
            hint="Unset RANK and WORLD_SIZE, or pass rank=0, world=1.",
        )
    return int(text)
