"""The app shows a server's address without its password."""

from __future__ import annotations

import contextlib
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Run
from comfyui_standin import DemoServer
from tests.security.server_link.logged_in_server import (
    BASIC,
    PASSWORD,
    SECRET,
    USER_INFO,
    open_socket,
    shell,
)
from tests.support.app_process import started
from tests.support.http_client import connected, finished, get, messages, start, told
from tests.support.reverse_proxy import Guard
from tests.support.serving import RunningApp, running_app


def everything_told(app: RunningApp, run: Run) -> str:
    pages = [
        get(app, path).text
        for path in ("/", "/config", "/gradio_api/info", f"/runs/{run.id}", "/health")
    ]
    with connected(app, "/news") as socket:
        pages.append(json.dumps(told(socket, lambda _: True)))
    with connected(app, f"/live/{run.id}") as socket:
        pages += [json.dumps(message) for message in messages(socket) if isinstance(message, dict)]
    return "".join(pages)


def test_finding_07_a_password_in_the_server_url_is_never_shown(
    demo: DemoServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, workflow: Path
) -> None:
    """The password works for a complete run with previews. No page, message, record, file or log
    line contains it."""
    caplog.set_level(logging.DEBUG)
    with (
        Guard(demo.url, wanted=BASIC) as guard,
        running_app(
            f"http://{USER_INFO}@{guard.place}",
            workflows=workflow.parent,
            data=tmp_path,
            demo=False,
        ) as app,
    ):
        run = start(app, "small")
        assert finished(run).state.phase is Phase.DONE
        assert run.state.preview_number  # of those that came
        assert guard.sockets
        shown = everything_told(app, run)
        assert guard.place in shown
        shown += repr((app.client.address, app.services))
    shown += caplog.text
    shown += "".join(
        file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()
    )
    for secret in (PASSWORD, quote(PASSWORD), USER_INFO, SECRET):
        assert secret not in shown


@pytest.mark.parametrize("failing", ["nobody", "refused", "error"])
def test_finding_07_errors_do_not_contain_a_password(demo: DemoServer, failing: str) -> None:
    """No error over HTTP or on the socket shows the password in its message or traceback."""
    with contextlib.ExitStack() as stack:
        guard = stack.enter_context(
            Guard(demo.url, wanted="X-No: body", refusal=REFUSALS.get(failing, ""))
        )
        if failing == "nobody":
            stack.close()
        with Client(f"http://{USER_INFO}@{guard.place}") as client:
            for way in (client.queue, partial(open_socket, client)):
                with pytest.raises(ComfyError) as error:
                    way()
                text = "".join(
                    (
                        str(error.value),
                        error.value.hint,
                        repr(error.value),
                        str(error.getrepr(chain=True)),
                    )
                )
                assert PASSWORD not in text
                assert USER_INFO not in text


REFUSALS = {"refused": "403 Forbidden", "error": "500 Internal Server Error"}


@pytest.mark.parametrize(("host", "told_where"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_finding_07_visitors_do_not_see_the_server_address(
    demo: DemoServer, host: str, told_where: bool, tmp_path: Path
) -> None:
    """The page and its errors name the host only if no other machine can reach the app. The log
    always names it."""
    with Guard(demo.url, wanted="X-Key: k1-secret") as guard:
        place = f"localhost:{guard.port}"
        options = ("--server", f"http://{place}", "--host", host, "--data", str(tmp_path))
        with started(*options, NO_PROXY="*", COMFYFORMS_SERVER_HEADER="X-Key: k1-secret") as one:
            app = RunningApp(one.url, *(cast(Any, None),) * 6)  # type: ignore[arg-type]
            assert f"http://{place}" in one.said()
            assert (place in get(app, "/config").text) is told_where
            assert ('"value":"ComfyUI"' in get(app, "/config").text) is not told_where
        assert "k1-secret" not in one.said()


@pytest.mark.parametrize(
    "wrong",
    [
        "comfy",
        "http://",
        "http://host:99999",
        "http://u:pa55word@host:x",
        "http://u:pa55word@host/?a",
        "ftp://h",
    ],
)
def test_finding_07_a_wrong_address_is_refused_in_a_sentence(
    wrong: str, workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app and the shell exit with 2. The error contains neither a traceback nor the typed
    address."""
    from ui.settings.arguments import read_settings

    with pytest.raises(SystemExit) as end:
        read_settings(["--server", wrong])
    assert end.value.code == 2
    assert shell(workflow, "--server", wrong) == 2
    said = capsys.readouterr().err
    assert "server address" in said
    assert "pa55word" not in said
    assert "Traceback" not in said
