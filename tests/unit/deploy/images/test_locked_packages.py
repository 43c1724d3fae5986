"""Locks of images: closed over dependencies, from what is installed and from a project's own lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.deploy.images.locked_packages import (
    LockedPackage,
    Metadata,
    close_over,
    read_requirements,
    require_packages,
)
from seatrial.deploy.images.prepare_images import linux_environment
from seatrial.deploy.images.project_lock import find_lock
from seatrial.errors import InputError

LINUX = dict(linux_environment()) | {"python_version": "3.11", "python_full_version": "3.11.7"}
INDEX = {
    "app": Metadata("1.0", ("core>=2", "Plot.Lib; extra == 'plots'", "winonly; sys_platform == 'win32'")),
    "core": Metadata("2.5", ("app",)),  # a circle
    "plot-lib": Metadata("3.0", ("core[fast]",)),
    "tensorflow": Metadata("2.20"),
}


def names(packages: tuple[LockedPackage, ...]) -> list[str]:
    return [f"{package.name}=={package.version}" for package in packages]


def test_a_lock_follows_extras_and_markers_and_ends_in_a_circle() -> None:
    assert names(close_over(["app"], environment=LINUX, find=INDEX.get)) == ["app==1.0", "core==2.5"]
    with_plots = close_over(["app[plots]"], environment=LINUX, find=INDEX.get)
    assert names(with_plots) == ["app==1.0", "core==2.5", "plot-lib==3.0"]


def test_all_that_is_not_installed_is_named_with_what_wants_it() -> None:
    index = {"app": Metadata("1.0", ("gone>=3", "away"))}
    with pytest.raises(InputError, match=r"away \(of app\), gone>=3 \(of app\)") as raised:
        close_over(["app"], environment=LINUX, find=index.get)
    assert raised.value.hint == "pip install 'away' 'gone>=3'"


def test_a_distribution_stands_in_for_another_with_the_same_module() -> None:
    index = INDEX | {"app": Metadata("1.0", ("tensorflow-cpu>=2.19",))}
    assert names(close_over(["app"], environment=LINUX, find=index.get)) == ["app==1.0", "tensorflow==2.20"]


def test_what_stays_out_is_not_looked_for() -> None:
    index = {"app": Metadata("1.0", ("store-server",))}
    found = close_over(["app"], environment=LINUX, without=lambda name: name == "store-server", find=index.get)
    assert names(found) == ["app==1.0"]


def test_a_requirements_file_is_a_lock_when_every_line_is_pinned() -> None:
    text = (
        "# by a tool\n--index-url https://index.example\nA_b[x]==1.0 \\\n    --hash=sha256:aa "
        "\\\n    --hash=sha256:bb  # via c\n"
        "c==2 ; sys_platform == 'win32'\n\nd==3 ; python_version >= '3.11'\n"
    )
    packages = read_requirements(text, environment=LINUX)
    assert packages == (LockedPackage("a-b", "1.0", ("sha256:aa", "sha256:bb")), LockedPackage("d", "3"))
    for open_line in ("numpy", "numpy>=2", "-e .", "other @ file:///x", "numpy==2.*,<3"):
        assert read_requirements(f"a==1\n{open_line}\n", environment=LINUX) is None


def test_a_requirement_carries_its_digests() -> None:
    assert LockedPackage("a", "1", ("sha256:aa",)).requirement == "a==1 \\\n    --hash=sha256:aa"


def test_a_lock_that_lacks_something_names_it_and_the_tool() -> None:
    locked = (LockedPackage("numpy", "2.0"), LockedPackage("tensorflow", "2.20"))
    needed = (LockedPackage("numpy", "2.1"), LockedPackage("tensorflow-cpu", "2.20"))
    require_packages(locked, needed, path="uv.lock", command="uv add")
    with pytest.raises(InputError, match=r"uv.lock: the lock lacks onnx, rich.* Lock them too: uv add\.") as raised:
        require_packages(
            locked, (LockedPackage("onnx", "1"), LockedPackage("rich", "1")), path="uv.lock", command="uv add"
        )
    assert raised.value.exit_status == 2


PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "Num_Py"
version = "2.1"
wheels = [{ name = "n.whl", url = "https://index.example/n.whl", hashes = { sha256 = "aa" } }]
[[packages]]
name = "winonly"
version = "1"
marker = "sys_platform == 'win32'"
"""
UV_LOCK = """
version = 1
[[package]]
name = "ships"
version = "0.1"
source = { virtual = "." }
dependencies = [
  { name = "seatrial", extra = ["spark"] },
  { name = "numpy", version = "2.2", marker = "python_version < '3.12'" },
  { name = "numpy", version = "2.4", marker = "python_version >= '3.12'" },
  { name = "winonly", marker = "sys_platform == 'win32'" },
]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
[[package]]
name = "seatrial"
version = "0.1.0"
source = { registry = "https://index.example" }
sdist = { url = "s.tar.gz", hash = "sha256:ss" }
[package.optional-dependencies]
spark = [{ name = "pyspark" }]
[[package]]
name = "pyspark"
version = "4.1.4"
source = { registry = "https://index.example" }
[[package]]
name = "numpy"
version = "2.2"
source = { registry = "https://index.example" }
wheels = [{ url = "n.whl", hash = "sha256:nn" }]
[[package]]
name = "numpy"
version = "2.4"
source = { registry = "https://index.example" }
[[package]]
name = "pytest"
version = "8"
source = { registry = "https://index.example" }
"""


def test_pylock_is_read_for_linux(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    lock = find_lock(tmp_path, environment=LINUX)
    assert lock is not None
    assert lock.packages == (LockedPackage("num-py", "2.1", ("sha256:aa",)),)


def test_uv_lock_gives_what_the_project_needs_and_not_what_its_development_does(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(UV_LOCK)
    lock = find_lock(tmp_path, environment=LINUX)
    assert lock is not None
    assert names(lock.packages) == ["numpy==2.2", "pyspark==4.1.4", "seatrial==0.1.0"]
    newer = find_lock(tmp_path, environment=LINUX | {"python_version": "3.12", "python_full_version": "3.12.1"})
    assert newer is not None
    assert names(newer.packages)[0] == "numpy==2.4"


def test_requirements_that_pin_nothing_are_no_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy>=2\n")
    assert find_lock(tmp_path, environment=LINUX) is None
    (tmp_path / "requirements.txt").write_text("numpy==2.1\n")
    lock = find_lock(tmp_path, environment=LINUX)
    assert lock is not None
    assert lock.path == tmp_path / "requirements.txt"


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock"])
def test_a_broken_lock_is_an_error_and_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("packages = [")
    with pytest.raises(InputError, match="not TOML"):
        find_lock(tmp_path, environment=LINUX)
