"""ComfyUI-Manager in its generations: find it, install a pack, restart ComfyUI."""

from __future__ import annotations

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.client.manager import ManagerClient, ManagerQueue
from comfy.demo import DemoServer
from comfy.demo.server.manager import Generation


@pytest.mark.parametrize(("generation", "version"), [("3", "V3.41"), ("4", "V4.2.2")])
def test_finds_and_restarts(generation: Generation, version: str) -> None:
    """The version and the queue come from the routes of the server's generation."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        found = client.find()
        assert found is not None
        assert (found.version, found.queue) == (version, ManagerQueue(0, 0, is_busy=False))
        client.reboot(found)
        assert demo.manager is not None
        assert demo.manager.reboots == 1


@pytest.mark.parametrize("generation", ["3", "4", "4 legacy"])
def test_installs_a_pack(generation: Generation) -> None:
    """A pack is queued in the version of the workflow, or in the newest, and the queue shows it."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        assert demo.manager is not None
        found = client.find()
        assert found is not None
        client.install(found, "comfyui-impact-pack", "8.1.0")
        demo.manager.waits = True
        client.install(found, "comfyui-kjnodes")
        assert demo.manager.orders == ["comfyui-impact-pack@8.1.0", "comfyui-kjnodes@latest"]
        again = client.find()
        assert again is not None
        assert again.queue == ManagerQueue(2, 1, is_busy=True)
        demo.manager.refuses = True
        with pytest.raises(ComfyError, match="refused"):
            client.install(found, "comfyui-kjnodes")


@pytest.mark.parametrize("generation", ["3", "4"])
def test_lists_the_packs_of_node_classes(generation: Generation) -> None:
    """Both generations name the pack of each class that they know."""
    with DemoServer(manager=generation) as demo, ManagerClient(demo.url) as client:
        assert demo.manager is not None
        demo.manager.packs = {"sharp-pack": ["Sharpen+"], "https://github.com/me/soft": ["Soft"]}
        assert client.packs() == {"Sharpen+": "sharp-pack", "Soft": "https://github.com/me/soft"}


def test_a_server_without_a_manager() -> None:
    """No route answers."""
    with DemoServer() as demo, ManagerClient(demo.url) as client:
        assert client.find() is None
        assert client.packs() == {}
