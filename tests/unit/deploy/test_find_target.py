"""A target is found by its name: Seatrial's own, and those of packages that are installed beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.deploy import find_target, target_names
from seatrial.deploy.find_target import BUILT_IN
from seatrial.errors import InputError
from tests.deploy_sample import SERVICE
from tests.unit.deploy.test_targets import check_conformance

MODULE = '''\
"""Somebody else's target: what kubectl gets, and a way of their own to send it."""

import pathlib

from seatrial.deploy import find_target


class Pigeon:
    name = "pigeon"
    sends = True
    kustomizes = False

    def render_service(self, service):
        return find_target("kubectl").render_service(service)

    def render_pipeline(self, pipeline):
        return find_target("kubectl").render_pipeline(pipeline)

    def next_step(self, service, *, folder):
        return f"release the pigeon with {folder or 'the letter'}"

    def apply(self, service, documents):
        return f"{len(documents)} letters are on their way"

    def difference(self, service, documents):
        return ""

    def deployment_of(self, name, namespace):
        return None


class Half:
    name = "half"


def broken():
    raise RuntimeError("no loft")
'''


def install(folder: Path, package: str, *targets: str) -> None:
    """A distribution as pip lays it down: its module, and the metadata with its entry points."""
    (folder / f"{package}.py").write_text(MODULE)
    metadata = folder / f"{package}-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[seatrial.targets]", *targets]) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_of_seatrials_own_goes_by_its_name(name: str) -> None:
    assert find_target(name).name == name


def test_a_package_adds_a_target_that_does_what_targets_owe(site: Path) -> None:
    install(site, "pigeon_post", "pigeon = pigeon_post:Pigeon")
    assert target_names() == (*BUILT_IN, "pigeon")
    pigeon = find_target("pigeon")
    check_conformance(pigeon)
    assert pigeon.apply(SERVICE, pigeon.render_service(SERVICE)) == "6 letters are on their way"


@pytest.mark.simulation
def test_the_command_takes_the_target_of_a_package(site: Path) -> None:
    install(site, "pigeon_help", "pigeon = pigeon_help:Pigeon")
    called = "import seatrial.cli; seatrial.cli.main(['deploy', '--to', 'pidgeon', '--directory', '/nowhere'])"
    done = subprocess.run(
        [sys.executable, "-c", called],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin"},
    )
    assert done.returncode == 2
    assert 'Did you mean "pigeon"?' in done.stderr


def test_no_package_takes_the_name_of_one_of_seatrials_own(site: Path) -> None:
    install(site, "impostor", "kubectl = impostor:Pigeon")
    assert find_target("kubectl").name == "kubectl"
    assert target_names() == tuple(BUILT_IN)


def test_two_packages_that_add_one_name_are_both_told(site: Path) -> None:
    install(site, "first_post", "pigeon = first_post:Pigeon")
    install(site, "second_post", "pigeon = second_post:Pigeon")
    with pytest.raises(InputError, match=r"first_post 1\.2, second_post 1\.2"):
        find_target("pigeon")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Half", "lacks render_service, render_pipeline, next_step, apply"),
        ("broken", "no loft"),
        ("missing", "AttributeError"),
    ],
)
def test_a_package_that_is_wrong_is_told_by_its_name(site: Path, value: str, expected: str) -> None:
    package = f"wrong_{value.lower()}"
    install(site, package, f"odd = {package}:{value}")
    with pytest.raises(InputError, match=expected) as told:
        find_target("odd")
    assert told.value.path == f"{package} 1.2"


@pytest.mark.simulation
def test_finding_a_name_loads_no_other_target() -> None:
    code = (
        "import sys; from seatrial.deploy import find_target, target_names; target_names(); find_target('kubectl');"
        "print([name for name in sys.modules if name.startswith('seatrial.deploy.targets.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['seatrial.deploy.targets.kubectl']"
