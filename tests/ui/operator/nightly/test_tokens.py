"""S12: administrators see and revoke every user's tokens, on their page and in a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

import app as program
from comfyui_standin import DemoServer
from tests.security.signing_in import signed_in
from tests.support.http_client import close_code
from tests.support.serving import PAINTED, running_app
from tests.ui.operator.conftest import ANNA, BEN
from tests.ui.operator.test_tokens import made_by, opened_by, status
from ui.accounts.login import SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings
from ui.web.identity import NO_LOGIN


def test_a_shell_lists_and_revokes_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`token list` and `token revoke` work while the app runs. The app ends the token and its open
    connections within a second."""
    where = ("--data", str(tmp_path))
    assert program.main(["token", "list", *where]) == 2
    assert "There is no file" in capsys.readouterr().err
    kept = SignInSettings(kept=sign_in_address("", tmp_path))
    settings = WebSettings(port=0, users=(ANNA, BEN), sign_in=kept)
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, settings=settings) as app,
        signed_in(app, BEN) as ben,
    ):
        header, other = made_by(app, ben, "nightly"), made_by(app, ben, "weekly")
        socket = opened_by(app, header)
        assert program.main(["token", "list", *where]) == 0
        lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert [line[1:3] for line in lines] == [["ben", "nightly"], ["ben", "weekly"]]
        assert program.main(["token", "revoke", lines[0][0], *where]) == 0
        assert close_code(socket) == NO_LOGIN
        socket.shutdown()
        assert [status(app, one) for one in (header, other)] == [401, 200]
        assert program.main(["token", "revoke", lines[0][0], *where]) == 2
        assert "There is no token" in capsys.readouterr().err
