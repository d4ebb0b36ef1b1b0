"""Changes at one process of a cluster, and the time until another one shows them."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import requests
import websocket

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.accounts.users import UsersFile
from ui.web.identity import NO_LOGIN

PASSWORD = "a lighthouse at dusk"
_PAUSE = 0.01  # seconds between two looks
_TOKEN = re.compile(r'id="token">([^<]+)<')
_REVOKE = re.compile(r'action="(account/tokens/[^"]+/revoke)"')


@contextlib.contextmanager
def cluster_of_users(*names: str) -> Iterator[Cluster]:
    """Run a cluster of two processes with these users during the block."""
    with running_cluster(apps=0, servers=1) as cluster:
        cluster.data.mkdir()
        for name in names:
            users_file(cluster).add(name, PASSWORD, "user")
        for app in [cluster.add_app() for _ in range(2)]:
            app.launch()
        for app in cluster.apps:
            app.wait_until_ready()
        yield cluster


def users_file(cluster: Cluster) -> UsersFile:
    """Return the users file, as `comfyforms user` changes it."""
    return UsersFile(cluster.data / "users.json")


class SignedInBrowser:
    """User who is signed in at all processes. The first one makes all changes."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._first, self._second = cluster.apps
        self._headers = {"Origin": self._first.url}
        self._session = requests.Session()
        login = {"username": name, "password": PASSWORD}
        assert self._post("login", **login).status_code == 200
        cookie = "; ".join(f"{one.name}={one.value}" for one in self._session.cookies)
        self.credentials = {"Cookie": cookie}
        eventually(lambda: is_known(self._second, self.credentials), "the sign-in elsewhere")

    def __enter__(self) -> SignedInBrowser:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def token(self) -> Mapping[str, str]:
        """Return the credentials of a new token that all processes know."""
        page = self._post("account/tokens", label="a script").text
        (token,) = _TOKEN.findall(page)
        credentials = {"Authorization": f"Bearer {token}"}
        eventually(lambda: is_known(self._second, credentials), "the token elsewhere")
        return credentials

    def revoke_token(self) -> None:
        """Revoke the only token."""
        (path,) = _REVOKE.findall(self._session.get(f"{self._first.url}/account").text)
        assert self._post(path).status_code == 200

    def sign_out(self) -> None:
        """Sign out."""
        assert self._post("logout").status_code == 204

    def _post(self, path: str, **form: str) -> requests.Response:
        url = f"{self._first.url}/{path}"
        return self._session.post(url, data=form, headers=self._headers, timeout=LONGEST_WAIT)


def is_known(at: AppProcess, credentials: Mapping[str, str]) -> bool:
    """Return whether a process accepts these credentials."""
    headers = {**credentials, "Connection": "close"}
    answer = requests.get(f"{at.url}/api/v1/runs", headers=headers, timeout=LONGEST_WAIT)
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def seconds_until_refused(
    at: AppProcess, credentials: Mapping[str, str], change: Callable[[], None]
) -> float:
    """Make a change; return after how many seconds a process refuses these credentials and has
    closed an open socket."""
    address = f"{at.url.replace('http', 'ws')}/news"
    header = [f"{name}: {value}" for name, value in credentials.items()]
    socket = websocket.create_connection(address, timeout=LONGEST_WAIT, header=header)
    try:
        assert socket.recv()
        began = time.monotonic()
        change()
        _wait_until(lambda: not is_known(at, credentials))
        opcode = websocket.ABNF.OPCODE_TEXT
        while opcode != websocket.ABNF.OPCODE_CLOSE:
            opcode, data = socket.recv_data()
        assert int.from_bytes(data[:2]) == NO_LOGIN
        return time.monotonic() - began
    finally:
        socket.shutdown()  # type: ignore[no-untyped-call]


def seconds_until_shown(change: Callable[[], object], shows: Callable[[], bool]) -> float:
    """Make a change; return after how many seconds `shows` holds."""
    change()
    began = time.monotonic()
    _wait_until(shows)
    return time.monotonic() - began


def seconds_of_queue_changes(cluster: Cluster) -> Mapping[str, float]:
    """Move a waiting run and stop one at the first process; return after how many seconds the
    second one shows that. The servers must be slow."""
    first, second = cluster.apps
    client = ClusterClient(cluster)
    active = [client.submit(60, at=first) for _ in cluster.servers]
    for run in active:
        client.wait_for(run, "running", second)
    one, other = waiting = [client.submit(1, at=first) for _ in range(2)]
    ahead = len(active)
    client.wait_for_places(waiting, [ahead, ahead + 1], second)
    move = "POST", f"/runs/{other}/move"
    moved = seconds_until_shown(
        lambda: client.ask(first, *move, params={"by": -1}),
        lambda: client.places(second, [other]) == [ahead],
    )
    stopped = seconds_until_shown(
        lambda: client.stop(other, at=first),
        lambda: client.places(second, [one]) == [ahead],
    )
    for run in (one, *active):
        client.stop(run, at=first)
    client.ends(active)
    return {"a move": moved, "a stop": stopped}


def _wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST_WAIT
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(_PAUSE)
