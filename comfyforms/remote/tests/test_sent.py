"""Tokens and images that scripts send."""

from __future__ import annotations

import http.server
import inspect
import io
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfyforms import ApiError, RemoteApp, RemoteError
from comfyforms.remote.calls import Calls, TokenSession
from tests.security.signing_in import signed_in
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.api.bodies import BatchBody, RunBody, StartBody
from ui.settings.web_settings import WebSettings

SMALL = {"8.steps": 1, "5.width": 256, "5.height": 256}


def test_a_token_overrides_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client sends its token even if netrc has a login for the same host."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password people\n")
    ann = ("ann", "lighthouse")
    settings = WebSettings(port=0, users=(ann,))
    with running_demo_app(step_seconds=0, settings=settings) as (_, served):
        with signed_in(served, ann) as browser:
            made = browser.post(
                f"{served.url}/account/tokens", {"label": "a script"}, timeout=LONGEST_WAIT
            )
        (token,) = re.findall(r"comfyforms_[\w-]{43}", made.text)
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with RemoteApp(served.url, token=token) as app:
            assert app.workflows()
        with RemoteApp(served.url) as app, pytest.raises(ApiError, match="Sign in first"):
            app.workflows()
        served.close_idle()


class Moved(http.server.BaseHTTPRequestHandler):
    """Redirect a path below `/old` to the same path without it. That path returns the request's
    authorization header."""

    def do_GET(self) -> None:
        path = self.path.removeprefix("/old")
        self.send_response(200 if path == self.path else 307)
        self.send_header("location", path)
        said = json.dumps({"authorization": self.headers["authorization"]}).encode()
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


def test_a_token_is_sent_after_a_redirect_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sends its token to the same host, regardless of .netrc. It doesn't send the token
    to another host."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password people\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with http.server.HTTPServer(("127.0.0.1", 0), Moved) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with TokenSession() as session:
            url = f"http://127.0.0.1:{server.server_port}/old"
            told = Calls(url, session, "secret").json("GET", "/workflows")
            asked = requests.Request("GET", url, headers={"authorization": "Bearer x"}).prepare()
            answer = requests.Response()
            answer.request = asked
            elsewhere = requests.Request("GET", "http://localhost/", headers=asked.headers)
            moved = elsewhere.prepare()
            session.rebuild_auth(moved, answer)
        server.shutdown()
        thread.join()
    assert told == {"authorization": "Bearer secret"}
    assert "authorization" not in moved.headers


def test_an_image_of_any_mode_is_sent() -> None:
    """Printers and scientists use such modes, with a color profile. The client's error points out a
    broken image."""
    printed, whole = io.BytesIO(), io.BytesIO()
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(printed, "JPEG", icc_profile=b"CMYK" * 50)
    Image.effect_noise((64, 64), 50).save(whole, "PNG")
    with running_demo_app(step_seconds=0) as (_, served), RemoteApp(served.url) as app:
        with Image.open(printed) as photo:
            run = app.run("image-to-image", {**SMALL, "4.image": photo})
            assert run.result().phase == "done"
        for mode in ("F", "HSV", "La"):
            assert app.upload(Image.new(mode, (64, 64)))
        with (
            Image.open(io.BytesIO(whole.getvalue()[:-500])) as broken,
            pytest.raises(RemoteError, match="An image can't be sent: "),
        ):
            app.upload(broken)
        app.close()
        served.close_idle()


@pytest.mark.parametrize(
    ("call", "body"),
    [(RemoteApp.run, RunBody), (RemoteApp.batch, BatchBody), (RemoteApp.chain, StartBody)],
)
def test_each_keyword_is_a_part_of_the_request(
    call: Callable[..., object], body: type[StartBody]
) -> None:
    own = {"self", "workflow", "key"}
    assert inspect.signature(call).parameters.keys() - own <= body.model_fields.keys()
