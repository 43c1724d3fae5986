"""The record of one trial: which model was measured on which data under which policy, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seatrial.verdicts.evidence import Evidence, NotMeasured


@dataclass(frozen=True, slots=True)
class TestUse:
    """The data that counted, by content, and the number of this use of it.

    `digest` is a multiset digest of label and model inputs, whatever the order, file, step or extra columns; `use`
    counts over all data that shares rows with it.
    """

    __test__ = False  # not a test class, whatever its name suggests to pytest

    digest: str
    rows: int
    use: int  # k = 1, 2, …; measured and judged at 1 − α / (k (k + 1))


@dataclass(frozen=True, slots=True)
class Trial:
    """What `evidence.json` holds. `use` is None for a rehearsal, which counts nothing and releases nothing."""

    model: str  # digest of the model package
    policy: str  # digest of the policy
    data: str  # the role that was measured: "test", or "validation" in a rehearsal
    confidence: float  # of every bound below
    seed: int
    evidence: tuple[Evidence, ...]
    not_measured: tuple[NotMeasured, ...]
    test_use: TestUse | None
    references: Mapping[str, str | None] = field(default_factory=dict)  # named by the policy → digest; None: none yet
