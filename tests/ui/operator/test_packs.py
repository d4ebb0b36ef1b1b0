"""Missing node packs on the administrator's page, installed by ComfyUI-Manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from comfyui_standin.server.manager import DemoManager
from tests.support.sampler import prompt
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT

IMPACT = {"cnr_id": "comfyui-impact-pack", "ver": "8.22.2"}
GIT = {"aux_id": "someone/ComfyUI-Nodes", "ver": "0123456789abcdef"}
OPERATES = Permissions(operates=lambda _: True)
CORE = {"cnr_id": "comfy-core", "ver": "0.99.0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a workflow that lacks a node of each kind."""
    folder = tmp_path_factory.mktemp("workflows")
    lacking = prompt(seed=1)
    for node, (name, pack) in enumerate(
        (("ImpactSwitch", IMPACT), ("OtherNode", GIT), ("NewCoreNode", CORE), ("Evil", {})), 10
    ):
        lacking[str(node)] = {"class_type": name, "inputs": {}, "_meta": {"title": name, **pack}}
    lacking["13"]["_meta"]["cnr_id"] = "x; rm -rf /"
    (folder / "lacking.json").write_text(json.dumps(lacking), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, manager="4") as server:
        yield server


@pytest.fixture
def app(demo: DemoServer, folder: Path) -> Iterator[RunningApp]:
    with running_app(demo.url, workflows=folder, permissions=OPERATES) as running:
        yield running


CLOSES = {"Connection": "close"}


def get(app: RunningApp, page: str) -> str:
    address = f"{app.url}/operator/{page}"
    return requests.get(address, headers=CLOSES, timeout=LONGEST_WAIT).text


def missing(app: RunningApp) -> str:
    return get(app, "missing")


def post(address: str, data: dict[str, str] | None = None) -> requests.Response:
    return requests.post(address, data=data, headers=CLOSES, timeout=LONGEST_WAIT)


def manager_of(demo: DemoServer) -> DemoManager:
    assert demo.manager is not None
    return demo.manager


def test_names_packs_with_page_and_command(app: RunningApp) -> None:
    """A pack of the registry has its version; one from GitHub is cloned. An invalid name is no
    command."""
    page = missing(app)
    assert "<code>comfy node install comfyui-impact-pack@8.22.2</code>" in page
    assert 'href="https://registry.comfy.org/nodes/comfyui-impact-pack"' in page
    clone = "git clone https://github.com/someone/ComfyUI-Nodes custom_nodes/ComfyUI-Nodes"
    assert f"<code>{clone}</code>" in page
    assert "Saved with ComfyUI 0.99.0. Installed: 0.33.0." in page
    assert "install x" not in page


def test_installs_a_pack_and_restarts(demo: DemoServer, app: RunningApp) -> None:
    """The server's Manager gets the pack, and the page shows its queue. Both actions are logged."""
    manager, address = manager_of(demo), f"{app.url}/operator/missing"
    manager.waits = True
    order = {"pack": "comfyui-impact-pack", "version": "8.22.2"}
    page = post(f"{address}/install", data=order).text
    assert manager.orders == ["comfyui-impact-pack@8.22.2"]
    assert "V4.2.2 · Installing: 0 of 1 done" in page
    answer = post(f"{address}/restart/0")
    assert (answer.status_code, manager.reboots) == (200, 1)
    log = get(app, "activity")
    assert "installed comfyui-impact-pack on" in log
    assert "The administrator restarted" in log


@pytest.mark.parametrize(
    ("pack", "status"), [("someone/ComfyUI-Nodes", 409), ("x; rm -rf /", 422), ("../x", 422)]
)
def test_installs_packs_of_the_registry_only(pack: str, status: int, app: RunningApp) -> None:
    """Code of an unknown repository is for a shell, and an invalid name is refused."""
    address = f"{app.url}/operator/missing/install"
    answer = post(address, data={"pack": pack})
    assert answer.status_code == status


def test_tells_why_the_manager_refuses(demo: DemoServer, app: RunningApp) -> None:
    """Its security level may not allow installations."""
    manager_of(demo).refuses = True
    address = f"{app.url}/operator/missing/install"
    answer = post(address, data={"pack": "comfyui-kjnodes"})
    manager_of(demo).refuses = False
    assert (answer.status_code, "ComfyUI-Manager refused this." in answer.text) == (409, True)


def test_a_server_without_a_manager_offers_the_command(folder: Path) -> None:
    """There is no *Install*, and a restart is refused."""
    with (
        DemoServer(step_seconds=0) as demo,
        running_app(demo.url, workflows=folder, permissions=OPERATES) as app,
    ):
        page = missing(app)
        assert "comfy node install comfyui-impact-pack@8.22.2" in page
        assert ">Install</button>" not in page
        answer = post(f"{app.url}/operator/missing/restart/0")
        assert answer.status_code == 409
