"""What a run was asked for, as the command line, the driver's arguments and the runner each have it."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.pipeline.running.run_pipeline import STEPS_AT_ONCE


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `seatrial run` that say what is run, and how."""

    sets: tuple[str, ...] = ()
    rehearse: bool = False
    use_cache: bool = True
    steps_at_once: int = STEPS_AT_ONCE

    def arguments(self) -> tuple[str, ...]:
        """As the driver is called with them.

        >>> RunOptions(sets=("model.epochs=3",), rehearse=True).arguments()
        ('--set=model.epochs=3', '--rehearse')
        """
        return (
            *(f"--set={text}" for text in self.sets),
            *(("--rehearse",) if self.rehearse else ()),
            *(() if self.use_cache else ("--no-cache",)),
            *(() if self.steps_at_once == STEPS_AT_ONCE else (f"--parallel={self.steps_at_once}",)),
        )
