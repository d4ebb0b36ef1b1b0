"""The app sends tokens, headers and passwords to their server with every request, and nowhere
else."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.client.client import Client
from comfyui_standin import DemoServer
from tests.security.server_link.logged_in_server import BASIC, USER_INFO, ends_at_once, shell
from tests.support.reverse_proxy import Guard, answer


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"COMFYFORMS_SERVER_TOKEN": "t0ken-of-ours"}, "Authorization: Bearer t0ken-of-ours"),
        ({"COMFYFORMS_SERVER_HEADER": "X-Api-Key: k3y"}, "X-Api-Key: k3y"),
    ],
)
def test_finding_18_a_token_or_a_header_goes_with_every_request(
    demo: DemoServer,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    wanted: str,
) -> None:
    """The command reads the credentials from the environment, where other users can't see them. It
    sends them over HTTP and on the socket."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Guard(demo.url, wanted=wanted) as guard:
        assert shell(workflow, "--server", f"http://{guard.place}") == 0
        assert guard.sockets
        assert all(wanted in head for head in guard.heads)
    assert "command line" not in capsys.readouterr().err


def test_finding_18_two_logins_are_refused(
    workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The app doesn't guess between a password in the address and a token. It also warns that the
    list of processes shows both."""
    assert (
        shell(workflow, "--server", f"http://{USER_INFO}@127.0.0.1:9", "--server-token", "t0ken")
        == 2
    )
    assert shell(workflow, "--server-token", "t0ken") == 2
    said = capsys.readouterr().err
    assert "more than one set of credentials" in said
    assert "but no server" in said
    assert "command line, in --server, --server-token. Use COMFYFORMS_SERVER, COMFYF" in said
    assert "command line, in --server-token. Use COMFYFORMS_SERVER_TOKEN" in said
    assert "t0ken" not in said


def test_finding_18_a_redirect_takes_no_login_along(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The other host gets no password, no header and no request. The app doesn't read `.netrc`."""
    (tmp_path / ".netrc").write_text("default login other password people\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Guard(demo.url) as elsewhere, Redirecting(f"http://localhost:{elsewhere.port}") as guard:
        for login in ({"header": "X-Api-Key: k3y"}, {"token": "t0ken"}, {}):
            with Client(server_at(f"http://{guard.place}", **login)) as client:
                with pytest.raises(ComfyError, match="another address"):
                    client.queue()
                with pytest.raises(ComfyError, match="another address"):
                    ends_at_once(client)
        assert len(guard.heads) == 6
        assert "k3y" in guard.heads[0]
        assert "t0ken" in guard.heads[2]
        assert not elsewhere.heads


class Redirecting(Guard):
    """Server that redirects every request to another address."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._elsewhere = place

    def route(self, head: str) -> bytes:
        return answer("302 Found", f"Location: {self._elsewhere}{head.split(' ')[1]}")


def server_at(url: str, **login: str) -> object:
    """Return a server address with a login, as the settings build it."""
    from comfy.comfyui.client.address import named_servers

    return named_servers([url], **login)[0]


def test_finding_18_netrc_does_not_take_the_place_of_the_login(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The app sends only the credentials that it was given, regardless of the host's entry in that
    file."""
    (tmp_path / ".netrc").write_text("default login other password people\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Guard(demo.url) as guard, Client(f"http://{USER_INFO}@{guard.place}") as client:
        client.queue()
        assert BASIC in guard.heads[0]
    with Guard(demo.url) as guard, Client(f"http://{guard.place}") as client:
        client.queue()
        assert "Authorization" not in guard.heads[0]
