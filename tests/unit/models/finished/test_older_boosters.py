"""Files that XGBoost 2.1.4 and LightGBM 3.3.5 wrote, with what those versions answered for twelve rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.boosters import answers, opened

FOLDER = Path(__file__).parent / "older"


@pytest.mark.parametrize("name", ["xgboost-2.1.json", "lightgbm-3.3.txt"])
def test_a_file_of_an_older_version_answers_as_that_version_did(tmp_path: Path, name: str) -> None:
    pytest.importorskip(name.partition("-")[0])
    known = json.loads((FOLDER / "answers.json").read_text())
    rows = pa.table({column: [row[place] for row in known["rows"]] for place, column in enumerate("abc")})
    found = opened(tmp_path, name, (FOLDER / name).read_bytes(), rows)
    np.testing.assert_allclose(answers(found, rows), known[name], rtol=0, atol=1e-6)
