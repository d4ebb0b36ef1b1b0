"""Servers that one process starts while runs wait, and stops when they are idle."""

from __future__ import annotations

import socket
from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfyforms.plugins.scaling.tests.machines import Machines
from comfyforms.plugins.scaling.tests.place import Place, opened
from comfyui_standin import DemoServer
from tests.runs.registry import end
from tests.support.sampler import LONG
from tests.support.waiting import eventually


def test_starts_a_server_for_a_waiting_run_and_stops_it(
    fixed: DemoServer, machines: Machines, tmp_path: Path
) -> None:
    """The command gets its arguments and the server's id. The run goes to the new server. Once it
    is idle, `down` gets its address."""
    with opened(fixed, machines, tmp_path) as place:
        busy, waiting = place.submit(LONG), place.submit(2)
        end(waiting)
        assert waiting.state.phase is Phase.DONE
        assert waiting.record.server != fixed.url
        ((server_id, *rest),) = machines.calls(machines.up)
        assert rest == ["cloud", "", "--gpu", "one", "machine"]
        place.wait_for()
        url = waiting.record.server
        assert machines.calls(machines.down) == [[server_id, "cloud", url, url]]
        eventually(lambda: len(place.pool.servers) == 1, "the server to be forgotten")
        eventually(lambda: not machines.running, "the end of the machine")
        busy.cancel()
        end(busy)


def test_a_slow_new_server_delays_no_other(
    fixed: DemoServer, machines: Machines, tmp_path: Path
) -> None:
    """While one new server accepts connections and answers nothing, another one is added."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        DemoServer() as quick,
        opened(fixed, machines, tmp_path, most=2, idle=60.0) as place,
    ):
        _add(place, 1, f"http://127.0.0.1:{silent.getsockname()[1]}")
        request, _ = silent.accept()
        with request:
            _add(place, 2, quick.url)
            eventually(
                lambda: quick.url in [server.url for server in place.pool.servers], "the other one"
            )


def _add(place: Place, slot: int, url: str) -> None:
    """Note a server as another process notes one that it has started."""
    server_id = place.store.begin("cloud", slot)
    assert server_id is not None
    assert place.store.change(server_id, "starting", "up", url)
