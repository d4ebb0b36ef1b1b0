"""A process of a cluster connects to the services that its settings name, and to nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.running import running_cluster
from tests.support.app_process import ROOT, free_port
from tests.support.waiting import LONGEST_WAIT, eventually

# libpq's connections, which go to the database, have no such events.
PROGRAM = """
import sys
log = open(sys.argv[1], "a", buffering=1)
def note(event, values):
    if event in ("socket.connect", "socket.sendto"):
        log.write(f"{values[1]}\\n")
    elif event == "socket.getaddrinfo":
        log.write(f"{values[:2]}\\n")
sys.addaudithook(note)
import app
sys.exit(app.main(sys.argv[2:]))
"""


def test_a_start_and_a_run_reach_named_hosts_only(own_temporary_folder: Path) -> None:
    """From its start until after a run, the process connects to Redis, ComfyUI and itself: DBOS
    sends no telemetry."""
    with running_cluster(apps=1, servers=1) as cluster:
        (server,) = cluster.servers
        assert cluster.redis is not None
        client = ClusterClient(cluster)
        cluster.apps[0].terminate()  # so that the other process executes the run
        app = cluster.add_app()
        port, seen, log = free_port(), cluster.folder / "seen", cluster.folder / "log"
        arguments = [*cluster.arguments, "--process", "watched", "--port", str(port)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(seen), *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        try:
            app.url = f"http://127.0.0.1:{port}"
            eventually(lambda: app.url in log.read_text(), "the start", 10 * LONGEST_WAIT)
            run = client.submit(2, at=app)
            eventually(lambda: client.run(run, app)["phase"] == "done", "the end")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST_WAIT)
        own = {"('127.0.0.1', %d)", "('localhost', %d)", "(b'127.0.0.1', %d)"}
        named = {form % at for form in own for at in (port, server.port)}
        named.add(cluster.redis.url.removeprefix("unix://"))
        others = set(seen.read_text().splitlines()) - named
        assert not others
        assert cluster.redis.url.removeprefix("unix://") in seen.read_text()
