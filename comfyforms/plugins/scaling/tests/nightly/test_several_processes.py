"""Elastic servers of several processes: one process starts and stops them, all use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfyforms.plugins.scaling.tests.machines import machines_in
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB
from tests.support.waiting import eventually

SLOW = 5.0  # seconds per step: no run ends by itself


def servers_at(client: Any, app: Any) -> list[str]:
    """Return the servers that a process knows."""
    answer = client.ask(app, "GET", "/admin/servers")
    assert answer.status_code == 200, answer.text
    return [one["address"] for one in answer.json()["servers"]]


def test_one_process_starts_a_server_for_all(
    own_temporary_folder: Path, tmp_path: Path, several_processes: Any
) -> None:
    """All processes know the server. If the process that started it dies, another one stops it,
    after the run there has ended."""
    with (
        machines_in(tmp_path / "machines", SLOW) as machines,
        DemoServer(step_seconds=SLOW) as fixed,
    ):
        config = tmp_path / "forms.toml"
        table = machines.table(after_waiting=0, idle=0, max=1, timeout=60)
        config.write_text(f'[[server]]\nurl = "{fixed.url}"\n{table}')
        with several_processes("--config", str(config), servers=0) as (apps, client):
            ann, bob = client(ANN), client(BOB)
            first, second = apps
            busy = ann.submit(50, at=first)
            moved = bob.submit(50, at=second)
            for app in apps:
                eventually(lambda app=app: len(servers_at(ann, app)) == 2, "the new server")
            bob.wait_for(moved, "running", first)
            starter = next(app for app in apps if "Starting server" in app.said())
            assert len(machines.calls(machines.up)) == 1
            starter.kill()
            other = next(app for app in apps if app is not starter)
            bob.stop(moved, other)
            ann.stop(busy, other)
            machines.called(machines.down)
            eventually(lambda: servers_at(ann, other) == [fixed.url], "the end of the server")
            eventually(lambda: not machines.running, "the end of the machine")
            assert len(machines.calls(machines.down)) == 1
            assert machines.calls(machines.up)[0][0] == machines.calls(machines.down)[0][0]
