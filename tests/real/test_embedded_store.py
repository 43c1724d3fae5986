"""The embedded store: who starts it, who holds it, and what ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from seatrial.errors import StoreError
from seatrial.stores.embedded import seaweedfs
from seatrial.stores.embedded.lease import embedded_store, status, stop
from seatrial.stores.obstore_objects import open_objects
from tests.listening_ports import listening

IDLE_S = 1.0
TIMEOUT_S = 30.0
# A command of its own: holds the store, says its endpoint, waits until it is told to leave.
USER = """
import sys
from pathlib import Path
from seatrial.stores.embedded.lease import embedded_store
with embedded_store(Path(sys.argv[1]), "census", idle_s=float(sys.argv[2])) as store:
    print(store.endpoint, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / ".seatrial"
    yield folder
    stop(folder)


class User:
    """A process that uses the store."""

    def __init__(self, state: Path, idle_s: float = IDLE_S) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(state), str(idle_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def endpoint(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def __enter__(self) -> User:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def leave(self) -> None:
        self.process.communicate(timeout=TIMEOUT_S)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=TIMEOUT_S)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)


def server_pid(state: Path) -> int:
    return int(json.loads((state / "store" / "server.json").read_text())["server_pid"])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_found_again_with_what_was_written(state: Path) -> None:
    with embedded_store(state, "census") as first:
        open_objects(first).put("kept", b"1")
        with embedded_store(state, "census") as second:
            assert second == first
            assert open_objects(second).get("kept").data == b"1"


def test_what_was_written_outlasts_a_stop(state: Path) -> None:
    with embedded_store(state, "census") as store:
        open_objects(store).put("kept", b"1")
    assert stop(state)
    assert status(state).endpoint is None
    with embedded_store(state, "census") as store:
        assert open_objects(store).get("kept").data == b"1"


def test_the_prefix_is_the_projects(state: Path) -> None:
    with embedded_store(state, "census") as store:
        assert store.url == "s3://lake/census"


def test_credentials_are_generated_and_closed_to_others(state: Path) -> None:
    with embedded_store(state, "census") as store:
        path = state / "store" / "credentials.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert store.credentials is not None
        assert len(store.credentials.secret_key) >= 40
        assert store.credentials.secret_key not in repr(store)
        command_line = Path(f"/proc/{server_pid(state)}/cmdline").read_text()
        assert store.credentials.secret_key not in command_line


def test_every_port_of_the_server_is_on_the_loopback_address(state: Path) -> None:
    with embedded_store(state, "census"):
        addresses = listening(server_pid(state))
    assert len(addresses) == len(seaweedfs.PORTS) + 1
    assert {address for address, _ in addresses} == {"0100007F"}


def test_it_outlives_a_killed_starter_and_keeps_its_other_users(state: Path) -> None:
    with User(state) as starter:
        endpoint = starter.endpoint()
        with embedded_store(state, "census", idle_s=IDLE_S) as store:
            starter.kill()
            time.sleep(2 * IDLE_S)
            assert store.endpoint == endpoint
            open_objects(store).put("after", b"1")


def test_it_ends_once_its_last_user_was_killed(state: Path) -> None:
    with User(state) as user:
        user.endpoint()
        server = server_pid(state)
    wait_until(lambda: status(state).pid is None)
    assert not is_alive(server)


def test_it_ends_some_time_after_its_last_user_left(state: Path) -> None:
    with User(state) as user:
        user.endpoint()
        server = server_pid(state)
        left = time.monotonic()
        user.leave()
    wait_until(lambda: status(state).pid is None)
    assert time.monotonic() - left >= IDLE_S
    assert not is_alive(server)


def test_it_stays_while_anybody_uses_it(state: Path) -> None:
    with embedded_store(state, "census", idle_s=0.2) as store:
        time.sleep(2)
        assert status(state).in_use
        open_objects(store).put("still", b"1")


def test_two_that_start_at_once_get_one_server(state: Path) -> None:
    with ExitStack() as stack:
        users = [stack.enter_context(User(state)) for _ in range(4)]
        endpoints = {user.endpoint() for user in users}
    assert len(endpoints) == 1
    assert "" not in endpoints


def test_a_starter_killed_at_any_moment_is_no_obstacle_for_the_next(state: Path) -> None:
    for pause_s in (0.2, 0.5, 0.9):
        with User(state):
            time.sleep(pause_s)
    with embedded_store(state, "census") as store:
        open_objects(store).put("x", b"1")


def test_a_killed_supervisor_takes_its_server_with_it_and_the_next_user_starts_again(state: Path) -> None:
    with User(state) as user:
        user.endpoint()
        server = server_pid(state)
        supervisor = status(state).pid
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: status(state).pid is None)
        with embedded_store(state, "census") as store:
            open_objects(store).put("x", b"1")
            assert server_pid(state) != server
        wait_until(lambda: not is_alive(server))


def test_files_left_by_a_restart_of_the_machine_are_no_obstacle(state: Path) -> None:
    with embedded_store(state, "census"):
        left = (state / "store" / "server.json").read_text()
    stop(state)
    (state / "store" / "server.json").write_text(left)
    assert status(state).endpoint is None
    assert not stop(state)
    with embedded_store(state, "census") as store:
        open_objects(store).put("x", b"1")


def test_stop_ends_it_under_a_user_who_is_told(state: Path) -> None:
    with embedded_store(state, "census") as store:
        server = server_pid(state)
        assert stop(state)
        assert not is_alive(server)
        with pytest.raises(StoreError, match="does not answer"):
            open_objects(store).put("x", b"1")


def test_a_project_that_is_deleted_takes_its_server_with_it(state: Path) -> None:
    with embedded_store(state, "census"):
        server = server_pid(state)
        shutil.rmtree(state)
    wait_until(lambda: not is_alive(server))


def test_status_and_stop_of_a_store_that_never_ran_make_nothing(state: Path) -> None:
    assert status(state).pid is None
    assert not stop(state)
    assert not state.exists()


def test_a_server_that_does_not_start_is_told_with_its_log(state: Path) -> None:
    (state / "store" / "data").mkdir(parents=True)
    (state / "store" / "data" / "filerldb2").write_text("not a folder")
    with pytest.raises(StoreError, match=r"server\.log: the embedded store did not start"), embedded_store(state, "c"):
        pass
    assert status(state).pid is None


def test_what_was_written_before_a_restart_is_read_by_the_first_request_after_it(tmp_path: Path) -> None:
    state = tmp_path / ".seatrial"
    for restart in range(4):
        with embedded_store(state, "ships") as settings:
            objects = open_objects(settings)
            if restart:
                assert objects.get("hull").data == b"oak"
            objects.put("hull", b"oak")
        stop(state)
