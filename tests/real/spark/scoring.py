"""Scores lake.people into lake.scored in a process of its own, which may be killed; prints a line for each part.

    python scoring.py ENDPOINT ACCESS SECRET URL CATALOG LOG PACKAGE PART_ROWS

The last line is JSON: what was published. PACKAGE is a folder with the files of a model's package.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from seatrial.prepare.score_table import ScoringRelease, score_table
from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings

endpoint, access, secret, url, uri, log, folder, part_rows = sys.argv[1:]
store = StoreSettings(url, endpoint, Credentials(access, secret))
catalog = CatalogSettings(uri, f"{url}/warehouse", store)
release = ScoringRelease("census@1", "d" * 64, {path.name: path.read_bytes() for path in Path(folder).iterdir()})
with spark_session(SparkSettings(master="local[2]", memory="1g"), store, catalog, log=Path(log)) as spark:
    scored = score_table(
        spark,
        "lake.people",
        "lake.scored",
        release,
        part_rows=int(part_rows),
        on_part=lambda done, parts: print(f"part {done} of {parts}", flush=True),
    )
print(json.dumps(dataclasses.asdict(scored)))
