"""The sections of LightGBM's text file, and their numbers, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.errors import InputError

# The keys that LightGBM 2 to 4.7 writes. Those of a tree with a length: what explains it and does not answer.
_HEADER_KEYS = frozenset(
    {
        "version",
        "num_class",
        "num_tree_per_iteration",
        "label_index",
        "max_feature_idx",
        "objective",
        "average_output",
        "feature_names",
        "feature_infos",
        "monotone_constraints",
        "tree_sizes",
    }
)
_NODE_STATISTICS = ("split_gain", "internal_value", "internal_weight", "internal_count")
_LEAF_STATISTICS = ("leaf_weight", "leaf_count")
_TREE_KEYS = frozenset(
    {
        *_NODE_STATISTICS,
        *_LEAF_STATISTICS,
        "Tree",
        "num_leaves",
        "num_cat",
        "split_feature",
        "threshold",
        "decision_type",
        "left_child",
        "right_child",
        "leaf_value",
        "cat_boundaries",
        "cat_threshold",
        "is_linear",
        "leaf_const",
        "num_features",
        "leaf_features",
        "leaf_coeff",
        "shrinkage",
    }
)
_OFFSETS = "tree_sizes="
_BEGIN, _TREE, _END = "tree", "Tree=", "end of trees"
_MAX_DIGITS = 9  # of one integer, which is an int32 in LightGBM


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of `key=value` from `line` on; whatever is missing or ill-formed is an `InputError` that names them."""

    path: str
    line: int
    entries: Mapping[str, str]

    def text(self, key: str) -> str:
        """The value, "" where the key is missing."""
        return self.entries.get(key, "")

    def integer(self, key: str, *, least: int, default: int | None = None) -> int:
        """One integer, `default` where the key is missing."""
        text = self.entries.get(key, "" if default is None else str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) >= least):
            raise self.wrong(f"{key} is {text[:40]!r}")
        return int(text)

    def integers(self, key: str, count: int) -> NDArray[np.int64]:
        """So many integers."""
        return self._read(key, count, np.int64)

    def numbers(self, key: str, count: int) -> NDArray[np.float64]:
        """So many numbers, finite unless the file says "inf": a threshold that everything but NaN lies below."""
        return self._read(key, count, np.float64)

    def check_keys(self, allowed: frozenset[str]) -> None:
        """An `InputError` for a key that LightGBM is not known to write: it may change what the model answers."""
        unknown = sorted(self.entries.keys() - allowed)
        if unknown:
            raise InputError(
                f"{unknown[0][:40]!r} is unknown, so what it does to the model's answers is too.",
                path=self.path,
                line=self.line,
                hint="Save the model with LightGBM 4.7 or older, or export it to ONNX.",
            )

    def check_statistics(self, leaves: int) -> None:
        """An `InputError` unless what explains a tree has its lengths: LightGBM's parser trusts them."""
        for keys, count in ((_NODE_STATISTICS, leaves - 1), (_LEAF_STATISTICS, leaves)):
            for key in keys:
                if self.text(key) and leaves > 1:  # of a single leaf nothing but its value is read
                    self.numbers(key, count)

    def wrong(self, problem: str) -> InputError:
        """The error that something here is not as LightGBM writes it."""
        return InputError(
            f"the file is not as LightGBM writes it: {problem}.",
            path=self.path,
            line=self.line,
            hint='Save it again with booster.save_model("model.txt").',
        )

    def _read(self, key: str, count: int, kind: Any) -> NDArray[Any]:
        words = self.text(key).split(" ") if count else []
        try:
            values = np.array(words, kind)
        except (ValueError, OverflowError):
            raise self.wrong(f"{key} is missing, or holds other things than numbers") from None
        endless = sum(word in ("inf", "-inf") for word in words)  # any other was too large to be read
        if len(values) != count or np.isfinite(values).sum() + endless != count:
            raise self.wrong(f"{key} has {len(values)} numbers, where {count} belong")
        return values


@dataclass(frozen=True, slots=True)
class Text:
    """The file: what holds for all trees, each tree, and the lines behind them."""

    header: Section
    trees: tuple[Section, ...]
    tail: tuple[str, ...]


def without_offsets(text: str) -> str:
    """The file's text without the line by which LightGBM jumps from tree to tree unchecked; it reads on without it."""
    head, end, trees = text.partition(f"\n{_TREE}")
    lines = [line for line in head.split("\n") if not line.startswith(_OFFSETS)]
    return "\n".join(lines) + end + trees


def read_text(text: str, *, path: str) -> Text:
    """The sections of the file; `InputError` unless it begins and ends its trees as LightGBM does."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != _BEGIN or _END not in lines:
        raise Section(path, 1, {}).wrong(f'it does not begin with "{_BEGIN}", or "{_END}" is missing')
    end = lines.index(_END)
    starts = [number for number, line in enumerate(lines[:end]) if line.startswith(_TREE)]
    trees = (_section(path, start, lines[start:stop]) for start, stop in zip(starts, [*starts[1:], end], strict=True))
    document = Text(_section(path, 1, lines[1 : starts[0] if starts else end]), tuple(trees), tuple(lines[end + 1 :]))
    document.header.check_keys(_HEADER_KEYS)
    for tree in document.trees:
        tree.check_keys(_TREE_KEYS)
    return document


def _section(path: str, start: int, lines: list[str]) -> Section:
    entries: dict[str, str] = {}
    for number, line in enumerate(lines, start + 1):
        key, _, value = line.partition("=")
        if key in entries:
            raise Section(path, number, {}).wrong(f"{key} is there twice")
        if key:
            entries[key] = value
    return Section(path, start + 1, entries)
