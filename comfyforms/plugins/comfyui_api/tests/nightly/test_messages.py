"""Administrators and slow clients of ComfyUI's messages."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import pytest
import websocket

from comfy.library.permissions import Permissions
from comfyforms.plugins.comfyui_api.messages import TOO_SLOW
from comfyforms.plugins.comfyui_api.tests import test_messages as twin
from comfyforms.plugins.comfyui_api.tests.test_messages import SMALL, frames, kinds, say, until_over
from comfyforms.plugins.comfyui_api.unread import MOST_UNREAD
from tests.support.http_client import ANN, BOB, connected, finished, start
from tests.support.serving import Served, running_demo_app
from ui.settings.web_settings import WebSettings

running = twin.running


@pytest.mark.parametrize("images", [False, True])
def test_an_administrator_follows_the_runs_of_all_users(
    nothing_left_behind: None, *, images: bool
) -> None:
    """The operator sees how far other users' runs are, but neither their texts nor their results,
    except previews if the setting allows them. Other users see nothing."""
    permissions = Permissions(operates=lambda owner: ANN in owner)
    settings = WebSettings(port=0, operator_images=images)
    with running_demo_app(step_seconds=0, permissions=permissions, settings=settings) as (_, app):
        with (
            connected(app, "/ws?all=true", ANN) as operator,
            connected(app, "/ws?all=true", BOB) as other,
        ):
            assert kinds(list(frames(other))) == ["status"]
            others = until_over(operator, start(app, cookie=BOB, **{"5.steps": 3}))
            assert {"execution_start", "progress", "execution_success"} <= set(kinds(others))
            assert ({1, 4, "executed"} & set(kinds(others))) == ({1} if images else set())
            failed = start(app, cookie=BOB, **{"1.ckpt_name": "demo-broken.safetensors"})
            told = [one for one in until_over(operator, failed) if "execution_error" in str(one)]
            assert json.loads(told[0])["data"].keys() == {"prompt_id", "node_id", "node_type"}
            own = until_over(operator, start(app, **{"5.steps": 3}))
            assert {1, "executed"} <= set(kinds(own))
        app.close_idle()


def test_a_client_that_reads_too_slowly_is_disconnected(served: Served) -> None:
    """The app disconnects a client that leaves more messages unread than a working client would."""
    _, app = served
    run = finished(start(app, **{"5.steps": 1})).id
    with connected(app, "/ws", sockopt=SMALL) as frozen:
        frozen.recv()
        for _ in range(MOST_UNREAD + 5000):
            say(app, run, "x" * 1000)
        *_, (kind, data) = received(frozen)
    assert kind == websocket.ABNF.OPCODE_CLOSE
    assert struct.unpack_from(">H", data)[0] == TOO_SLOW


def received(client: websocket.WebSocket) -> Iterator[tuple[int, bytes]]:
    """Yield all messages, including the closing one."""
    kind = websocket.ABNF.OPCODE_TEXT
    while kind != websocket.ABNF.OPCODE_CLOSE:
        kind, data = client.recv_data()
        yield kind, data
