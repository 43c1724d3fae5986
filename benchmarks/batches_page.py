"""The table of the docs from the results of batches.py: medians with min–max, and how far from each goal."""

from __future__ import annotations

import statistics
from typing import Any

NAMES = {
    "packed": "Seatrial, packed, shuffled",
    "columns": "Seatrial, 40 columns, shuffled",
    "trained": "Seatrial, packed, before a step of 1.6 ms",
    "whole": "Seatrial, every column, shuffled",
    "images": "Seatrial, images, shuffled",
    "arrow_columns": "pyarrow.dataset, 40 columns into a matrix, unshuffled",
    "arrow_packed": "pyarrow.dataset, packed, unshuffled",
    "arrow_whole": "pyarrow.dataset, every column, unshuffled",
    "raw": "raw ranged GET, file by file, our client",
    "raw_ranges": "raw ranged GET, an epoch's ranges in its order, our client",
    "raw_obstore": "raw ranged GET, file by file, obstore",
    "shuffle": "shuffle alone, in memory",
    "decode": "decode alone, 40 columns, in memory",
}
PEERS = {"datasets": "Hugging Face datasets", "ray": "Ray Data", "litdata": "LitData", "petastorm": "Petastorm"}
OF_WIRE = ("20 ms", "MB/s")  # places where the wire alone is the limit


def render(document: dict[str, Any]) -> str:
    """The page."""
    said = (
        f"{document['rows']:,} rows × {document['width']} float32 and a label in {document['files']} files, packed"
        f" into one column or as {document['width']} columns; batches of 4,096 rows; {document['repeats']} interleaved"
        f" repeats, each in a process of its own, medians with min–max, on {document['machine']['cores']} cores that"
        f" the store shares. Time is that of the whole run with opening the table."
        f" Made by `python benchmarks/batches.py`."
    )
    lines = ["---", "orphan: true", "---", "", "# Batches", "", said, ""]
    for place, ways in document["runs"].items():
        lines += [
            *(f"## {place[0].upper()}{place[1:]}", ""),
            "| way | million rows/s | MB/s | first batch, ms | CPU s/GB | peak MiB | requests | bytes fetched/needed |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(NAMES[way], found) for way, found in ways.items()),
            "",
        ]
    if document["peers"]:
        peers = document["peers"].items()
        head = f"From SeaweedFS, the 40 columns, {document['peer_rows']:,} rows; LitData from its own format on disk."
        lines += ["## Peers", "", head, "", "| peer | million rows/s | first batch, ms | CPU s | peak MiB |"]
        lines += ["|---|---|---|---|---|", *(_peer(PEERS[name], found) for name, found in peers), ""]
    return "\n".join([*lines, *_goals(document), ""])


def _row(name: str, found: list[dict[str, Any]]) -> str:
    size = found[0].get("fetched_bytes") or found[0]["needed_bytes"]
    rates = [one["rows"] / one["seconds"] / 1e6 for one in found]
    wire = size / _median(found, "seconds") / 1e6
    alone = name.endswith("in memory")
    cells = [
        name,
        _spread(rates, 2),
        "" if alone else f"{wire:,.0f}",
        "" if alone or name.startswith("raw") else _spread([one["first_s"] * 1e3 for one in found], 0),
        f"{_median(found, 'cpu_s') / size * 1e9:.2f}",
        f"{max(one['peak_mib'] for one in found):,.0f}",
        f"{found[0]['requests']}" if "requests" in found[0] else "",
        f"{size / found[0]['needed_bytes']:.2f}" if "requests" in found[0] else "",
    ]
    return f"| {' | '.join(cells)} |"


def _peer(name: str, found: list[dict[str, Any]]) -> str:
    good = [one for one in found if "failed" not in one]
    if not good:
        return f"| {name} | did not run: {found[0]['failed']} | | | |"
    rates = [one["rows"] / one["seconds"] / 1e6 for one in good]
    first = _spread([one["first_s"] * 1e3 for one in good], 0)
    peak = max(one["peak_mib"] for one in good)
    return f"| {name} | {_spread(rates, 3)} | {first} | {_median(good, 'cpu_s'):.1f} | {peak:,.0f} |"


def _goals(document: dict[str, Any]) -> list[str]:
    """What is promised, against what was measured."""
    runs = document["runs"]
    shuffle = _rate(runs["static server"]["shuffle"])
    lines = ["## Against the goals", "", "| place | goal | measured |", "|---|---|---|"]
    for place, ways in runs.items():
        if "packed" not in ways:
            continue
        raw = max(_rate(ways[way]) for way in ("raw", "raw_obstore") if way in ways)
        packed, columns, peer = (_rate(ways[way]) for way in ("packed", "columns", "arrow_columns"))
        limits = {"raw": 1 / (1 / raw + 1 / shuffle)}
        if "raw_ranges" in ways:
            limits["raw of an epoch's ranges"] = 1 / (1 / _rate(ways["raw_ranges"]) + 1 / shuffle)
        if any(word in place for word in OF_WIRE):
            lines.append(f"| {place} | packed ≥ 0.9 of the wire | {packed / raw:.2f} |")
        if "MB/s" not in place:  # there the cores are idle for the most part
            for name, limit in limits.items():
                lines.append(f"| {place} | packed ≥ 0.9 of 1 / (1/{name} + 1/shuffle) | {packed / limit:.2f} |")
        lines.append(f"| {place} | packed ahead of pyarrow.dataset, 40 columns, unshuffled | {packed / peer:.2f} |")
        lines.append(f"| {place} | 40 columns shuffled ≥ 0.8 of it unshuffled | {columns / peer:.2f} |")
        wire = document["bytes"]["packed"] / document["rows"] * raw  # bytes a second
        allowed = document["window_bytes"] / wire * 1e3 + 2 * (document["latency_ms"] if "ms" in place else 0)
        first = _median(ways["packed"], "first_s") * 1e3
        lines.append(f"| {place} | first batch ≤ 2 round trips + a window: {allowed:.0f} ms | {first:.0f} ms |")
    waited = [one["waited"] for one in runs["static server"].get("trained", [])]
    if waited:
        lines.append(f"| static server | a step never waits | waited {max(waited):.1%} of the time at most |")
    return lines


def _rate(found: list[dict[str, Any]]) -> float:
    return statistics.median(one["rows"] / one["seconds"] for one in found)


def _median(found: list[dict[str, Any]], key: str) -> float:
    return statistics.median(one[key] for one in found)


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"
