"""Nothing but the S3 port, and that with credentials, answers anybody who is not a part of the embedded store."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.stores.embedded.lease import embedded_store, stop
from seatrial.stores.objects import Objects
from seatrial.stores.obstore_objects import open_objects
from tests.listening_ports import listening
from tests.report_photographs import chromium, find_chromium, opened

NOBODY = 65534  # the account that owns nothing
KEYS = ("rows0.csv", "rows1.csv", "rows2.csv")
CONTENT = b"name,income\n" + b"x,1\n" * 4000
# What an open SeaweedFS does for such a request: deletes a bucket, gives out tokens, lists and writes files.
PATHS = ("/", "/col/delete?collection=lake", "/dir/assign?collection=lake", "/buckets/lake/census/rows0.csv", "/lake")

# Starts as root, since another account may not reach this Python; everything it needs is imported before it changes.
STRANGER = """
import encodings.idna, json, os, socket, ssl, sys, urllib.error, urllib.request
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
ports, paths, folders, pid = json.loads(sys.argv[1])
got = {}
for port in ports:
    for path in paths:
        for method in ("GET", "DELETE", "POST"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
            try:
                got[f"{method} {port}{path}"] = urllib.request.urlopen(request, timeout=20).status
            except urllib.error.HTTPError as error:
                got[f"{method} {port}{path}"] = error.code
            except OSError:
                pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20)) as secured:
            secured.sendall(b"GET /col/delete?collection=lake HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            got[f"TLS {port}"] = len(secured.recv(1000)) or None
    except OSError:
        pass
    for name in os.listdir("/tmp"):
        if name.startswith("seaweedfs-") and f"-{port}." in name:
            try:
                with socket.socket(socket.AF_UNIX) as local:
                    local.connect("/tmp/" + name)
                    got[f"/tmp/{name}"] = "connected"
            except OSError:
                pass
for path in [*folders, f"/proc/{pid}/environ"]:
    try:
        got[path] = len(os.listdir(path)) if os.path.isdir(path) else len(open(path).read())
    except OSError:
        pass
print(json.dumps({"uid": os.getuid(), "got": got}))
"""

PAGE = """
async ({ports, paths}) => {
    const read = [];
    for (const port of ports) for (const path of paths) {
        const url = `http://127.0.0.1:${port}${path}`;
        for (const method of ["GET", "POST", "DELETE"]) {
            try {
                const answer = await fetch(url, {method, credentials: "include"});
                if (answer.ok) read.push(`${method} ${url} ${answer.status}`);
            } catch {}
            try { await fetch(url, {method, mode: "no-cors"}); } catch {}
        }
        await new Promise(done => { const i = new Image(); i.onload = i.onerror = done; i.src = url; });
    }
    return read;
}
"""


class Running:
    """A store with three objects, its server's process id and the ports it listens on."""

    def __init__(self, objects: Objects, state: Path) -> None:
        self.objects = objects
        self.server = json.loads((state / "store" / "server.json").read_text())
        self.ports = sorted(port for _, port in listening(self.server["server_pid"]))
        for key in KEYS:
            objects.put(key, CONTENT)

    def is_whole(self) -> bool:
        return all(self.objects.get(key).data == CONTENT for key in KEYS)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    state = tmp_path / ".seatrial"
    with embedded_store(state, "census") as store:
        yield Running(open_objects(store), state)
    stop(state)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another account")
def test_another_account_of_the_machine_reads_and_deletes_nothing(running: Running, tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):  # the project's folder may be open to others; its state is not
        parent.chmod(0o755)
    environment = Path(f"/proc/{running.server['server_pid']}/environ").read_bytes().split(b"\0")
    secrets = next(value for value in environment if value.startswith(b"WEED_GRPC_CA=")).partition(b"=")[2].decode()
    folders = [str(tmp_path / ".seatrial" / "store"), str(Path(secrets).parent), secrets]
    told_what = json.dumps([running.ports, PATHS, folders, running.server["server_pid"]])
    stranger = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, told_what],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    told = json.loads(stranger.stdout)
    assert told["uid"] == NOBODY
    answers = told["got"]
    assert set(answers.values()) <= {400, 401, 403, 405, None}, answers
    assert len(answers) >= len(running.ports), "the ports were not reached at all"
    assert running.is_whole()


def test_a_web_page_reads_and_deletes_nothing(running: Running) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium: put `chromium` on PATH, or name it in SEATRIAL_TEST_CHROMIUM")
    with chromium(program) as browser, opened(browser, width=400) as page:
        page.goto("data:text/html,<title>somebody else's page</title>")
        assert page.evaluate(PAGE, {"ports": running.ports, "paths": PATHS}) == []
    assert running.is_whole()


def test_the_servers_own_certificate_opens_the_inner_ports(running: Running) -> None:
    """The ports are closed for want of a certificate, and not because nothing answers there."""
    environment = Path(f"/proc/{running.server['server_pid']}/environ").read_text().split("\0")
    files = dict(entry.partition("=")[::2] for entry in environment)
    context = ssl.create_default_context(cafile=files["WEED_GRPC_CA"])
    context.load_cert_chain(files["WEED_HTTPS_CLIENT_CERT"], files["WEED_HTTPS_CLIENT_KEY"])
    answered = 0
    for port in running.ports:
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{port}/cluster/status", timeout=20, context=context):
                answered += 1
        except (OSError, http.client.HTTPException):  # another part, or one that speaks gRPC
            continue
    assert answered >= 1
