"""One of several processes that write the same table: prints the ids of the snapshots it made, as JSON.

    python writer.py ENDPOINT ACCESS SECRET URL CATALOG LOG FIRST ROUNDS COLUMN

Each round writes five rows of one number of its own (FIRST, FIRST + 1, …) in a column called COLUMN. It begins when the
other writer, whose log lies in the same folder, is warm too: else one has finished before the other begins.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from seatrial.prepare.session import spark_session
from seatrial.prepare.spark_settings import SparkSettings
from seatrial.prepare.tables import write_table
from seatrial.stores.settings import CatalogSettings, Credentials, StoreSettings

WRITERS = 2
endpoint, access, secret, url, uri, log, first, rounds, column = sys.argv[1:]
store = StoreSettings(url, endpoint, Credentials(access, secret))
catalog = CatalogSettings(uri, f"{url}/warehouse", store)
snapshots = {}
with spark_session(SparkSettings(master="local[1]", memory="1g"), store, catalog, log=Path(log)) as spark:
    spark.range(5).count()
    Path(log).with_suffix(".ready").touch()
    while len(list(Path(log).parent.glob("*.ready"))) < WRITERS:
        time.sleep(0.01)
    for number in range(int(first), int(first) + int(rounds)):
        frame = spark.range(5).selectExpr(f"cast({number} as long) as {column}")
        snapshots[number] = write_table(spark, frame, "shared.contended", tag=f"writer-{number}")
print(json.dumps(snapshots))
