"""Files of boosters with bytes changed: refused or answered, and never the end of the process that reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.boosters import frame, label

pytestmark = pytest.mark.simulation

CHANGED = 150  # files of each kind; of 5,700 none crashed, and XGBoost alone fell over one of its first 400
CHILD = """
import sys, numpy as np, pyarrow as pa
from pathlib import Path
from seatrial.errors import InputError
from seatrial.models.finished.lightgbm import reader as lightgbm
from seatrial.models.finished.xgboost import reader as xgboost
random, folder, count = np.random.default_rng(7), Path(sys.argv[1]), int(sys.argv[2])
rows = pa.table({name: random.normal(size=20) for name in ("a", "b", "z", "whole")})
rows = rows.append_column("text", pa.array(random.choice(np.array(["v1", "v2", "?"]), 20)))
outcomes = {"refused": 0, "answered": 0}
for name, reader in (("m.json", xgboost), ("m.ubj", xgboost), ("m.txt", lightgbm)):
    whole = (folder / name).read_bytes()
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            at, other = random.integers(0, len(data), 2)
            if random.random() < 0.5:
                data[at] = random.integers(0, 256)
            elif random.random() < 0.5:
                data[at : at + 1] = bytes([random.choice(list(b"0123456789-,.e "))])
            else:
                data[at:at] = data[other : other + random.integers(1, 30)]
        try:
            found = reader.read(bytes(data), path="f")
            names = found.features if found.features and set(found.features) <= set(rows.column_names) else None
            found.answer(rows, names or ("a", "b", "z", "text", "whole"))
            outcomes["answered"] += 1
        except InputError:
            outcomes["refused"] += 1
print(outcomes["refused"], outcomes["answered"])
"""


def test_no_changed_file_takes_the_process_down(tmp_path: Path) -> None:
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    fitted = xgboost.XGBClassifier(n_estimators=2, max_depth=3, enable_categorical=True, max_cat_to_onehot=1, n_jobs=1)
    fitted.fit(frame(), label("binary"))
    for suffix in ("json", "ubj"):
        (tmp_path / f"m.{suffix}").write_bytes(fitted.get_booster().save_raw(suffix))
    other = lightgbm.LGBMClassifier(n_estimators=2, num_leaves=6, max_cat_to_onehot=1, verbose=-1, n_jobs=1)
    text = other.fit(frame(), label("binary")).booster_.model_to_string()
    (tmp_path / "m.txt").write_text(text[: text.index("parameters:")] + text[text.index("[categorical_feature") :])
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(CHANGED)], capture_output=True, text=True, timeout=250
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    refused, answered = (int(number) for number in ran.stdout.split()[-2:])
    assert refused + answered == 3 * CHANGED
    assert answered > 0
