"""Runs that the cluster drives: left alone, followed, killed, stopped, scheduled, with the least rights."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.rest import RESTClientObject

from seatrial.errors import SeatrialError
from seatrial.pipeline.driver.driver_manifest import schedule_name
from seatrial.pipeline.places.kubernetes_jobs import KubernetesJobs
from seatrial.pipeline.places.rights import DRIVER_RIGHTS
from tests.cluster.conftest import Team, kubectl, objects_in
from tests.place_contract import opened, write_project

PIPELINE = """\
import time

from seatrial import step


@step(cpu="600m", memory="512Mi")
def slow(*, seconds: int = 0):
    print("slow began")
    time.sleep(seconds)
    return {"number": 1}


@step(cpu="600m", memory="512Mi", inputs={"slow": "slow"})
def after(slow):
    print("after it")
    return {"number": slow["number"] + 1}
"""
ON = ("run", "--on", "kubectl", "--profile", "prod")
VERBS = [(verb, right.resource) for right in DRIVER_RIGHTS for verb in right.verbs]


class Machine:
    """A folder with the project, as one person's machine has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *words: str) -> subprocess.Popen[str]:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # else a background shell's children ignore it
        return subprocess.Popen(
            [sys.executable, "-m", "seatrial", *words],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def call(self, *words: str, status: int = 0) -> str:
        with self.start(*words) as process:
            out, errors = process.communicate(timeout=240)
        assert process.returncode == status, out + errors
        return out if status == 0 else errors

    def json(self, *words: str) -> Any:
        return json.loads(self.call(*words, "--json"))


@pytest.fixture
def machine(team: Team, tmp_path: Path) -> Machine:
    """A machine whose profile has a driver, in a namespace set up by what `doctor --write` writes."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "pipeline.py").write_text(PIPELINE)
    settings = f'{team.profile}driver_service_account = "seatrial-driver"\n'
    (folder / "seatrial.toml").write_text(f'[project]\nname = "ships"\n\n{settings}')
    here = Machine(folder)
    here.call("doctor", "--profile", "prod", "--write", "setup")
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(folder / "setup"))
    return here


@pytest.fixture
def other(machine: Machine, tmp_path: Path) -> Machine:
    """Another machine: the same project, and nothing that the first one keeps."""
    shutil.copytree(machine.folder, tmp_path / "there", ignore=shutil.ignore_patterns(".seatrial"))
    return Machine(tmp_path / "there")


def until(happened: Callable[[], Any], seconds: float = 180) -> Any:
    """What `happened` gives once that is something."""
    last = time.monotonic() + seconds
    while not (value := happened()):
        assert time.monotonic() < last
        time.sleep(0.3)
    return value


def pods(namespace: str, component: str, phase: str | None = None) -> list[str]:
    """Pods of drivers or of steps that are not on their way out."""
    selector = f"app.kubernetes.io/component={component}"
    listed = json.loads(kubectl("--namespace", namespace, "get", "pods", "--selector", selector, "--output=json"))
    return [
        one["metadata"]["name"]
        for one in listed["items"]
        if phase in (None, one["status"]["phase"]) and "deletionTimestamp" not in one["metadata"]
    ]


def process_of(run: str) -> int:
    """The driver's process on the node, which is this machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"drive" in words and run.encode() in words:
            return int(folder.name)
    return 0


def test_a_driver_that_is_killed_twice_goes_on_and_any_machine_sees_how(
    machine: Machine, other: Machine, team: Team
) -> None:
    run = machine.json(*ON, "--detach", "--set", "slow.seconds=35")["run"]
    until(lambda: pods(team.namespace, "step", "Running"))
    (first,) = pods(team.namespace, "driver")
    kubectl("--namespace", team.namespace, "delete", "pod", first, "--wait=false")
    until(lambda: pods(team.namespace, "driver", "Running") not in ([], [first]))
    os.kill(until(lambda: process_of(run)), signal.SIGKILL)
    document = other.json("runs", "follow", run, "--profile", "prod")
    assert document["run"] == run
    assert {step["name"]: step["state"] for step in document["steps"]} == {"slow": "ran", "after": "ran"}
    jobs = objects_in(team.namespace, ("jobs",))
    assert jobs == [f"Job/ships-{run.lower()}{step}" for step in ("", "-after", "-slow")]
    assert len(pods(team.namespace, "step")) == 2  # one each: none was doubled
    shown = other.call("runs", "show", run, "--step", "slow", "--profile", "prod")
    assert "slow began" in shown
    assert f"driven by the Job ships-{run.lower()} of {team.namespace}, by hand: " in shown
    assert "after it" in other.call("logs", run, "--step", "after", "--profile", "prod")
    assert {
        step["state"] for step in machine.json("plan", "--profile", "prod", "--set", "slow.seconds=35")["steps"]
    } == {"cached"}


def test_ctrl_c_leaves_the_run_going_and_stop_leaves_nothing(machine: Machine, other: Machine, team: Team) -> None:
    with machine.start(*ON, "--set", "slow.seconds=600") as process:
        until(lambda: pods(team.namespace, "step", "Running"))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    run = json.loads(other.call("runs", "--profile", "prod", "--json"))["runs"][0]["run"]
    assert f"Run {run} goes on in the cluster." in errors
    assert f"seatrial runs stop {run} --profile prod" in errors
    assert pods(team.namespace, "driver", "Running")
    assert pods(team.namespace, "step", "Running")
    began = time.monotonic()
    assert other.json("runs", "stop", run, "--profile", "prod")["ending"] == "interrupted"
    assert time.monotonic() - began < 30
    assert objects_in(team.namespace) == []
    assert "the run was stopped" in machine.call("runs", "follow", run, "--profile", "prod", status=1)


def test_what_fails_there_is_told_here(machine: Machine, team: Team) -> None:
    path = machine.folder / "pipeline.py"
    path.write_text(PIPELINE.replace('    print("slow began")', '    raise ValueError("no wind")'))
    assert "pipeline.py:8: step 'slow' raised ValueError: no wind" in machine.call(*ON, status=1)
    path.write_text(f"import nowhere\n{PIPELINE}")
    assert "nowhere" in machine.call(*ON, status=2)
    assert len(pods(team.namespace, "driver")) == 1  # the second mistake was told before anything was sent


def test_what_is_printed_is_taken_by_the_api_server_and_a_schedule_starts_runs(machine: Machine, team: Team) -> None:
    printed = machine.call(*ON, "--dry-run")
    scheduled = machine.call(*ON, "--schedule", "0 3 * * *", "--dry-run")
    for text in (printed, scheduled):
        done = subprocess.run(
            ["kubectl", "create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "--filename=-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert [manifest["kind"] for manifest in yaml.safe_load_all(printed)] == ["Job", "Job", "Job"]
    assert objects_in(team.namespace, ("jobs", "cronjobs")) == []
    name = schedule_name("ships", "prod")
    for _ in range(2):
        assert machine.json(*ON, "--schedule", "0 3 * * *")["cronjob"] == name
    # As the controller makes it at 03:00 of 2025-11-25.
    kubectl("--namespace", team.namespace, "create", "job", f"--from=cronjob/{name}", f"{name}-29400660")
    run = until(lambda: machine.json("runs", "--profile", "prod")["runs"])[0]["run"]
    assert run.startswith("20251125T030000-")
    assert {step["state"] for step in machine.json("runs", "follow", run, "--profile", "prod")["steps"]} == {"ran"}
    assert f"schedule {name}" in machine.call("runs", "show", run, "--profile", "prod")


@pytest.fixture
def limited(team: Team, tmp_path: Path, machine: Machine) -> Path:
    """A kubeconfig with the rights of the driver's account and no others."""
    token = kubectl("--namespace", team.namespace, "create", "token", "seatrial-driver").strip()
    document = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    document["users"] = [{"name": user["name"], "user": {"token": token}} for user in document["users"]]
    path = tmp_path / "limited.kubeconfig"
    path.write_text(yaml.safe_dump(document))
    write_project(tmp_path / "places", team.profile)
    return path


RUNS = (f"20260101T000000-{number:06x}" for number in range(1000))


def test_none_of_the_drivers_rights_is_spare(
    limited: Path, tmp_path: Path, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: set[tuple[str, str]] = set()
    note_requests(used, monkeypatch)
    kubectl("--namespace", team.namespace, "create", "quota", "none", "--hard=pods=0")  # events are read without a pod
    with monkeypatch.context() as patched:
        patched.setenv("KUBECONFIG", str(limited))
        opening = opened(KubernetesJobs, tmp_path / "places", "prod", next(RUNS))
        subject = opening.__enter__()
    with ThreadPoolExecutor(2) as pool:
        counts = pool.submit(subject.run, "counts")
        until(lambda: any("exceeded quota" in words for words in subject.waiting))
        kubectl("--namespace", team.namespace, "delete", "quota", "none")
        assert counts.result(120).outputs
        dawdles = pool.submit(subject.fails, "dawdles")
        until(lambda: len(objects_in(team.namespace, ("jobs",))) == 2)
        opening.__exit__(None, None, None)  # ends what still runs
        dawdles.result(60)
    assert used == set(VERBS)


def note_requests(used: set[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes the verb and the resource of every request to the API server, as a Role names them."""
    request = RESTClientObject.request

    def noted(client: RESTClientObject, method: str, url: str, *rest: Any, **options: Any) -> Any:
        path, _, query = url.partition("?")
        if "/namespaces/" in path:
            _note(used, method, path, query)
        return request(client, method, url, *rest, **options)

    monkeypatch.setattr(RESTClientObject, "request", noted)


def _note(used: set[tuple[str, str]], method: str, path: str, query: str) -> None:
    _, *parts = path.rpartition("/namespaces/")[2].split("/")
    if not parts:
        return  # the namespace itself: whoever may not read it finds out with the first Job
    resource = "pods/log" if parts[-1] == "log" else parts[0]
    if method == "GET" and resource != "pods/log":
        used.add(("watch" if "watch=" in query else "list", resource))
    else:
        used.add(({"POST": "create", "DELETE": "delete", "GET": "get"}[method], resource))


def test_each_right_that_the_driver_lacks_is_told_before_anything_is_made(
    limited: Path, tmp_path: Path, machine: Machine, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = yaml.safe_load((machine.folder / "setup" / "3-roles.yaml").read_text())["rules"]
    assert [(verb, rule["resources"][0]) for rule in rules for verb in rule["verbs"]] == VERBS

    def problem() -> str:
        with monkeypatch.context() as patched:
            patched.setenv("KUBECONFIG", str(limited))
            try:
                with opened(KubernetesJobs, tmp_path / "places", "prod", next(RUNS)):
                    return ""
            except SeatrialError as error:
                return str(error)

    assert until(lambda: problem() == "", 20)
    for missing, named in VERBS:
        left = [
            {**rule, "verbs": [verb for verb in rule["verbs"] if (verb, rule["resources"][0]) != (missing, named)]}
            for rule in rules
        ]
        patch = json.dumps({"rules": [rule for rule in left if rule["verbs"]]})
        kubectl("--namespace", team.namespace, "patch", "role", "seatrial-driver", "--type=merge", f"--patch={patch}")
        last = time.monotonic() + 20
        while missing not in (told := problem()) or named not in told:  # the authorizer takes a moment
            assert time.monotonic() < last, (missing, named, told)
    assert objects_in(team.namespace) == []


def test_doctor_says_of_the_cluster_what_is_missing(machine: Machine, team: Team) -> None:
    def checks(status: int) -> dict[str, dict[str, str]]:
        with machine.start("doctor", "--profile", "prod", "--json") as process:
            out, errors = process.communicate(timeout=120)
        assert process.returncode == status, out + errors
        return {check["name"]: check for check in json.loads(out)["checks"]}

    names = ("cluster", "pod security", "secrets", "accounts", "rights", "quota", "image")
    well = checks(0)
    assert {name: well[name]["status"] for name in names} == dict.fromkeys(names, "ok"), well
    kubectl("--namespace", team.namespace, "delete", "secret", "seatrial-signing")
    kubectl("--namespace", team.namespace, "delete", "rolebinding", "seatrial-driver")
    kubectl("--namespace", team.namespace, "create", "quota", "small", "--hard=pods=1")
    kubectl("label", "namespace", team.namespace, "pod-security.kubernetes.io/enforce-", "--overwrite")
    until(lambda: checks(1)["rights"]["status"] == "fail")
    ill = checks(1)
    assert {name: ill[name]["status"] for name in names} == {
        "cluster": "ok",
        "pod security": "warn",
        "secrets": "fail",
        "accounts": "ok",
        "rights": "fail",
        "quota": "warn",
        "image": "ok",
    }
    assert "create secret generic seatrial-signing --from-file=release.pem" in ill["secrets"]["hint"]
    assert "seatrial-driver may not create jobs, delete jobs" in ill["rights"]["detail"]
    assert ill["quota"]["detail"] == "small: pods: a step needs 2, 1 are left."
    project = machine.folder / "seatrial.toml"
    project.write_text(project.read_text().replace('context = "one-node"', 'context = "production"'))
    assert "the context 'production' is not in the kubeconfig" in checks(1)["cluster"]["detail"]
