"""Work and state that processes share: webhooks, paused servers, closed pages, sign-ins and
frames."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
import websocket

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.api.webhook_receiver import KEY, Receiver, receiver
from ui.web.identity import NO_LOGIN

LOGINS = {"ann": "a lighthouse", "bob": "a pier at dusk"}
KEEPS = "This process cleans up and delivers webhooks now."
GRACE = 3.0  # seconds
NOTICED = 2.0  # seconds until another process shows a change
SIGNED_OUT = 1.0  # seconds
LATEST = 10.0  # seconds until another process does the work of a dead one


@pytest.fixture(scope="module")
def webhooks() -> Iterator[Receiver]:
    with receiver() as there:
        yield there


@pytest.fixture(scope="module")
def cluster(webhooks: Receiver, own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    options = [
        *("--webhook-hosts", webhooks.host, "--webhook-secret", KEY),
        *("--login", ",".join(map(":".join, LOGINS.items())), "--operators", "ann"),
        *("--keep-running", "no", "--grace", str(GRACE)),
    ]
    with running_cluster(*options, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> ClusterClient:
    """Return an administrator's client."""
    return signed_in(cluster, "ann")


def signed_in(cluster: Cluster, name: str) -> ClusterClient:
    """Sign in at the first process, and wait until all know the session."""
    client = ClusterClient(cluster)
    with requests.Session() as browser:
        login = {"username": name, "password": LOGINS[name]}
        answer = browser.post(f"{cluster.apps[0].url}/login", data=login, timeout=LONGEST_WAIT)
        assert answer.status_code == 200, answer.text
        client.cookie = "; ".join(f"{one.name}={one.value}" for one in browser.cookies)

    def is_known() -> bool:
        answers = [client.ask(app, "GET", "/runs").status_code for app in cluster.apps]
        return answers == [200] * len(answers)

    eventually(is_known, "the session at all processes")
    return client


def soon(true: Callable[[], object], seconds: float) -> None:
    """Wait until `true()` holds. It may not fail if it is called after this many seconds."""
    end = time.monotonic() + seconds
    while True:
        called_at = time.monotonic()
        if true():
            return
        assert called_at < end, f"not within {seconds:g} seconds"


def keeper_of(cluster: Cluster) -> AppProcess:
    """Wait until exactly one of two living processes delivers webhooks, and return it."""

    def keepers() -> list[AppProcess]:
        return [app for app in cluster.alive if KEEPS in app.log.read_text()]

    eventually(keepers, "a keeper")
    (keeper,) = keepers()
    return keeper


def test_one_process_delivers_webhooks(
    cluster: Cluster, client: ClusterClient, webhooks: Receiver
) -> None:
    """One process delivers the webhooks of all, each once. If it dies, another one does so within
    10 seconds."""

    def submit(at: AppProcess) -> str:
        body = {"values": {"5.steps": 1}, "callback": webhooks.url}
        answer = client.ask(at, "POST", "/workflows/text-to-image/runs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    run_ids = {submit(app) for app in cluster.apps}
    assert {webhooks.next().says["data"]["id"] for _ in run_ids} == run_ids
    keeper = keeper_of(cluster)
    other = next(app for app in cluster.apps if app is not keeper)
    keeper.kill()
    killed_at = time.monotonic()
    try:
        run = submit(other)
        assert webhooks.next().says["data"]["id"] == run
        assert time.monotonic() - killed_at < LATEST
    finally:
        keeper.start()
    assert webhooks.came.empty()


def test_a_server_is_drained_in_all_processes(cluster: Cluster, client: ClusterClient) -> None:
    """An administrator drains servers at one process; 2 seconds later no process gives them runs,
    also after a restart. Runs wait until the servers are taken back, at any process."""
    first, second = cluster.apps

    def drained(at: AppProcess) -> list[bool]:
        servers = client.ask(at, "GET", "/admin/servers").json()["servers"]
        return [server["drained"] for server in servers]

    def change(at: AppProcess, action: str) -> None:
        for number in (0, 1):
            answer = client.ask(at, "POST", f"/admin/servers/{number}/{action}")
            assert answer.status_code in (200, 204), answer.text

    try:
        change(first, "pause")
        soon(lambda: all(drained(second)), NOTICED)
        second.restart()
        assert all(drained(second))
        waiting = client.submit(1, at=second)
        client.wait_for(waiting, "waiting", first)
    finally:
        change(second, "resume")
    soon(lambda: not any(drained(first)), NOTICED)
    assert client.ends([waiting]) == {waiting: "done"}


def test_a_run_stops_after_its_last_page_is_closed(cluster: Cluster, client: ClusterClient) -> None:
    """A run continues while any process has a page that shows it. It stops when the grace time is
    over, whichever process executes it."""
    first, second = cluster.apps
    with cluster.slow_servers():
        body = {"values": {"5.steps": 60}, "watched": True}
        path = "/workflows/text-to-image/runs"
        run = str(client.ask(first, "POST", path, json=body).json()["id"])
        with page_showing(client, run, first) as page:
            page.wait_for_frame()
            with page_showing(client, run, second) as other_page:
                other_page.wait_for_frame()
                page.close()
                began = time.monotonic()
                while time.monotonic() < began + 2 * GRACE:
                    other_page.wait_for_frame()
                assert client.run(run, first)["phase"] == "running"
        closed_at = time.monotonic()
        assert client.ends([run]) == {run: "stopped"}
        assert GRACE - 1 < time.monotonic() - closed_at < GRACE + 5
    cluster.wait_for_outcome(run, "interrupted")


def test_programs_get_the_frames_of_other_processes(
    cluster: Cluster, client: ClusterClient
) -> None:
    """Programs at all processes get the same frames of a run as ComfyUI sends them, up to the last
    one."""

    def frames(at: AppProcess) -> list[str | bytes]:
        address = f"{at.url.replace('http', 'ws')}/ws?run={run}"
        socket = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=client.cookie)
        try:
            found = [socket.recv()]
            with contextlib.suppress(websocket.WebSocketConnectionClosedException):
                while frame := socket.recv():
                    found.append(frame)
            return found[1:]
        finally:
            socket.shutdown()  # type: ignore[no-untyped-call]

    with cluster.slow_servers():
        blocked = [client.submit(60) for _ in cluster.servers]
        run = client.submit(5)
        with ThreadPoolExecutor() as threads:
            answers = [threads.submit(frames, app) for app in cluster.apps]
            client.wait_for(run, "waiting", cluster.apps[1])
            for one in blocked:
                client.stop(one, at=cluster.apps[0])
    (first, second) = (
        [frame for frame in one.result() if isinstance(frame, str)] for one in answers
    )
    assert first == second
    assert json.loads(first[-1]) == {"type": "executing", "data": {"node": None, "prompt_id": run}}


def test_a_sign_out_takes_effect_at_all_processes(cluster: Cluster) -> None:
    """A sign-out at one process closes the browser's sockets at the other one within a second, and
    its requests are refused there."""
    first, second = cluster.apps
    client = signed_in(cluster, "bob")
    address = f"{second.url.replace('http', 'ws')}/news"
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT, cookie=client.cookie)
    try:
        assert socket.recv()
        headers = {"Cookie": client.cookie, "Origin": first.url}
        answer = requests.post(f"{first.url}/logout", headers=headers, timeout=LONGEST_WAIT)
        assert answer.status_code == 204, answer.text
        soon(lambda: client.ask(second, "GET", "/runs").status_code == 401, SIGNED_OUT)
        opcode = websocket.ABNF.OPCODE_TEXT
        while opcode != websocket.ABNF.OPCODE_CLOSE:
            opcode, data = socket.recv_data()
        assert int.from_bytes(data[:2]) == NO_LOGIN
    finally:
        socket.shutdown()  # type: ignore[no-untyped-call]


def test_the_administrator_sees_all_processes(cluster: Cluster, client: ClusterClient) -> None:
    """The page of servers and the metrics name all processes of the app, at each of them."""
    for app in cluster.apps:
        options = {"headers": {"Cookie": client.cookie}, "timeout": LONGEST_WAIT}
        page = requests.get(f"{app.url}/operator", **options).text  # type: ignore[arg-type]
        metrics = requests.get(f"{app.url}/metrics", **options).text  # type: ignore[arg-type]
        for one in cluster.apps:
            assert f"<b>{one.name}</b> · Executes 0 runs · " in page
            assert f'comfyforms_process_runs{{executes="yes",process="{one.name}"}} 0.0' in metrics
        assert "<b>Database</b> · Online" in page
        assert "comfyforms_wire_up 1.0" in metrics
        assert "comfyforms_database_up 1.0" in metrics
