"""Real load balancers in front of a cluster of two processes, as `deploy` sets them up."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext

from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster
from tests.browser.nightly.proxy_programs import (
    ProxyPlace,
    certificate_files,
    running_proxy_program,
)
from tests.support.app_process import free_port

_COOKIE = "comfyforms_process"
DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True, slots=True)
class Balancer:
    """Running load balancer at `url`."""

    url: str
    apps: Sequence[AppProcess]

    def process_of(self, browser: BrowserContext) -> AppProcess:
        """Return the process that a browser's cookie names."""
        (value,) = (
            cookie["value"] for cookie in browser.cookies() if cookie.get("name") == _COOKIE
        )
        return next(
            app for at, app in enumerate(self.apps, 1) if value in (str(at), _caddys_name(app))
        )

    def other_than(self, app: AppProcess) -> AppProcess:
        """Return the other process."""
        return next(one for one in self.apps if one is not app)


def _caddys_name(app: AppProcess) -> str:
    return hmac.digest(b"", f"127.0.0.1:{app.port}".encode(), "sha256").hex()


@contextlib.contextmanager
def running_balancer(name: str, cluster: Cluster, folder: Path) -> Iterator[Balancer]:
    """Run nginx or Caddy in front of a cluster's two processes. It writes its files to the
    folder."""
    folder.mkdir()
    ports = tuple(app.port for app in cluster.apps)
    files = certificate_files(folder)[:2]
    place = ProxyPlace(free_port(), ports, *files, shown=DEPLOY)
    with running_proxy_program(name, place, folder) as origin:
        yield Balancer(origin, cluster.apps)
