import numpy as np
import pyarrow as pa
import pytest

from seatrial.trial.row_sample import RowSample


def sampled(rows: int, cuts: list[int], *, capacity: int = 50, seed: int = 7) -> tuple[list[int], int]:
    table = pa.table({"x": pa.array(range(rows)), "y": pa.array(["a"] * rows), "z": pa.array([0] * rows)})
    sample = RowSample(["x"], label="y", seed=seed, capacity=capacity)
    for start, stop in zip([0, *cuts], [*cuts, rows], strict=True):
        sample.see(table.slice(start, stop - start))
    assert sample.rows().column_names == ["x", "y"]
    return sample.rows().column("x").to_numpy().tolist(), sample.seen


def test_the_sample_depends_on_the_rows_and_the_seed_and_not_on_how_they_are_cut() -> None:
    whole = sampled(1000, [])
    assert sampled(1000, [1, 400, 401, 999]) == whole
    assert sampled(1000, [], seed=8) != whole
    assert len(whole[0]) == 50
    assert whole[0] == sorted(whole[0])
    assert whole[1] == 1000


def test_few_rows_are_all_there() -> None:
    assert sampled(10, [3]) == (list(range(10)), 10)


def test_every_row_is_as_likely() -> None:
    hits = np.zeros(100)
    for seed in range(400):
        hits[sampled(100, [40], capacity=20, seed=seed)[0]] += 1
    assert hits.mean() == pytest.approx(80)
    assert np.abs(hits - 80).max() < 5 * np.sqrt(400 * 0.2 * 0.8)


def test_rows_without_a_label_are_no_rows() -> None:
    sample = RowSample(["x"], label="y", seed=1)
    sample.see(pa.table({"x": [1, 2, 3], "y": ["a", None, "b"]}))
    assert (sample.rows().column("x").to_pylist(), sample.seen) == ([1, 3], 2)
