"""The link to ComfyUI: logins and certificates count on both ways, and are shown nowhere."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import logging
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from faults.stage import prompt
from guarded import ForwardProxy, Guard, answer
from serving import RunningApp, running_app
from test_app import started
from web import connected, finished, get, messages, start, told

from comfy.__main__ import main
from comfy.client import Client
from comfy.demo import DemoServer
from comfy.errors import ComfyError
from comfy.job import Job
from comfy.run import Run
from comfy.run_state import Phase, RunState
from comfy.runs import Runs
from comfy.stream import Stream

USER, PASSWORD = "svc", "hunter2 s@cret/ü"
SECRET = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
BASIC = f"Authorization: Basic {SECRET}"
USER_INFO = f"{USER}:{quote(PASSWORD, safe='')}"
LIMIT = 20.0  # seconds; patience with a server that is away is 120
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bundle and no proxy but those of the test."""
    for name in (*BUNDLES, *PROXIES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return file


def certificate(ca: trustme.CA, *names: str, **options: datetime.datetime) -> ssl.SSLContext:
    """What a server with a certificate for these names serves with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or ("localhost", "127.0.0.1", "::1", "comfy.test")), **options).configure_cert(context)
    return context


def run_through(client: Client) -> tuple[RunState, list[RunState]]:
    """A run from its socket to its end; the finished state, and those on the way that showed a preview."""
    runs = Runs(client)
    try:
        run = runs.submit(Job(prompt(7, steps=4), "test"), owner="me", watched=False)
        states = list(run.watch(timeout=LIMIT))
    finally:
        runs.close()
    return states[-1], [state for state in states if state.preview]


def shell(workflow: Path, *arguments: str) -> int:
    """`python -m comfy run`, its files into the workflow's folder."""
    return main(["run", str(workflow), "--out", str(workflow.parent), *arguments])


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "small.json"
    file.write_text(json.dumps(prompt(7, steps=3)))
    return file


# 7: what is shown


def everything_told(app: RunningApp, run: Run) -> str:
    """All that a visitor of the app can get to see of it and of a run."""
    pages = [get(app, path).text for path in ("/", "/config", "/gradio_api/info", f"/runs/{run.id}", "/health")]
    with connected(app, "/news") as socket:
        pages.append(json.dumps(told(socket, lambda _: True)))
    with connected(app, f"/live/{run.id}") as socket:
        pages += [json.dumps(message) for message in messages(socket) if isinstance(message, dict)]
    return "".join(pages)


def test_finding_07_a_password_in_the_server_address_is_shown_nowhere(
    demo: DemoServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, workflow: Path
) -> None:
    """It opens the way for a whole run with previews, and stands in no page, message, record, file or log line."""
    caplog.set_level(logging.DEBUG)
    with (
        Guard(demo.url, wanted=BASIC) as guard,
        running_app(f"http://{USER_INFO}@{guard.place}", workflows=workflow.parent, data=tmp_path, demo=False) as app,
    ):
        run = start(app, "small")
        previews = [state for state in run.watch(timeout=LIMIT) if state.preview]
        assert finished(run).state.phase is Phase.DONE
        assert previews
        assert guard.sockets
        shown = everything_told(app, run)
        assert guard.place in shown
        shown += repr((app.backend.client.address, app.backend))
    shown += caplog.text
    shown += "".join(file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file())
    for secret in (PASSWORD, quote(PASSWORD), USER_INFO, SECRET):
        assert secret not in shown


@pytest.mark.parametrize("failing", ["nobody", "refused", "error"])
def test_finding_07_errors_do_not_tell_a_password(demo: DemoServer, failing: str) -> None:
    """Whatever goes wrong on the way, over HTTP or on the socket, sentence and traceback are without it."""
    with contextlib.ExitStack() as stack:
        guard = stack.enter_context(Guard(demo.url, wanted="X-No: body", refusal=REFUSALS.get(failing, "")))
        if failing == "nobody":
            stack.close()
        with Client(f"http://{USER_INFO}@{guard.place}") as client:
            for way in (client.queue, partial(open_socket, client)):
                with pytest.raises(ComfyError) as error:
                    way()
                text = "".join((str(error.value), error.value.hint, repr(error.value), str(error.getrepr(chain=True))))
                assert PASSWORD not in text
                assert USER_INFO not in text


REFUSALS = {"refused": "403 Forbidden", "error": "500 Internal Server Error"}


def open_socket(client: Client) -> None:
    """Only the WebSocket of a run."""
    stream = Stream(client, "me", receive=lambda _: None, ended=lambda *_: None)
    stream.open()
    stream.close()


def ends_at_once(client: Client) -> None:
    """Raises what a run ended with that could not even be sent; it is not waited for."""
    state, _ = run_through(client)
    assert state.phase is Phase.FAILED
    assert state.error is not None
    raise ComfyError(state.error.message, state.error.hint)


@pytest.mark.parametrize(("host", "told_where"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_finding_07_visitors_are_not_told_where_the_server_is(
    demo: DemoServer, host: str, told_where: bool, tmp_path: Path
) -> None:
    """The page and its errors name the host only where nobody but this machine reaches the app; the log always does."""
    with Guard(demo.url, wanted="X-Key: k1-secret") as guard:
        place = f"localhost:{guard.port}"
        options = ("--server", f"http://{place}", "--host", host, "--data", str(tmp_path))
        with started(*options, NO_PROXY="*", COMFYFORMS_SERVER_HEADER="X-Key: k1-secret") as one:
            app = RunningApp(one.url, None, None)  # type: ignore[arg-type]
            assert f"http://{place}" in one.said()
            assert (place in get(app, "/config").text) is told_where
            assert ("</span>ComfyUI</span>" in get(app, "/config").text) is not told_where
        assert "k1-secret" not in one.said()


@pytest.mark.parametrize(
    "wrong",
    ["comfy", "http://", "http://host:99999", "http://u:pa55word@host:x", "http://u:pa55word@host/?a", "ftp://h"],
)
def test_finding_07_a_wrong_address_is_refused_in_a_sentence(
    wrong: str, workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """App and shell end with status 2, without a traceback and without what was typed."""
    from ui.arguments import read_settings

    with pytest.raises(SystemExit) as end:
        read_settings(["--server", wrong])
    assert end.value.code == 2
    assert shell(workflow, "--server", wrong) == 2
    said = capsys.readouterr().err
    assert "address of a server" in said
    assert "pa55word" not in said
    assert "Traceback" not in said


# 7 and 18: what is sent


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"COMFYFORMS_SERVER_TOKEN": "t0ken-of-ours"}, "Authorization: Bearer t0ken-of-ours"),
        ({"COMFYFORMS_SERVER_HEADER": "X-Api-Key: k3y"}, "X-Api-Key: k3y"),
    ],
)
def test_finding_18_a_token_or_a_header_goes_with_every_request(
    demo: DemoServer, workflow: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    """From the environment of a shell command: over HTTP and on the socket."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Guard(demo.url, wanted=wanted) as guard:
        assert shell(workflow, "--server", f"http://{guard.place}") == 0
        assert guard.sockets
        assert all(wanted in head for head in guard.heads)


def test_finding_18_two_logins_are_refused(workflow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A password in the address beside a token: nobody guesses which one is meant."""
    assert shell(workflow, "--server", f"http://{USER_INFO}@127.0.0.1:9", "--server-token", "t0ken") == 2
    assert shell(workflow, "--server-token", "t0ken") == 2
    said = capsys.readouterr().err
    assert "more than one login" in said
    assert "none is named" in said
    assert "t0ken" not in said


def test_finding_18_a_redirect_takes_no_login_along(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To another host neither password nor header are sent, to one's own both; `.netrc` is not asked for either."""
    (tmp_path / ".netrc").write_text("default login other password people\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Guard(demo.url) as elsewhere, Redirecting(f"http://localhost:{elsewhere.port}") as guard:
        for login in ({"header": "X-Api-Key: k3y"}, {"token": "t0ken"}, {}):
            with Client(server_at(f"http://{guard.place}", **login)) as client:
                client.queue()
                with pytest.raises(ComfyError, match="another address"):
                    ends_at_once(client)
        assert len(guard.heads) == 6
        assert "k3y" in guard.heads[0]
        assert "t0ken" in guard.heads[2]
        assert len(elsewhere.heads) == 3
        assert not any(word in head for head in elsewhere.heads for word in ("k3y", "Authorization"))


class Redirecting(Guard):
    """Sends everybody to another place."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._elsewhere = place

    def route(self, head: str) -> bytes:
        return answer("302 Found", f"Location: {self._elsewhere}{head.split(' ')[1]}")


def server_at(url: str, **login: str) -> object:
    """An address with a login, as settings give it."""
    from comfy.address import ServerAddress

    return ServerAddress.parse(url, **login)


def test_finding_18_netrc_does_not_take_the_place_of_the_login(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was given to this app is sent, whatever that file holds for the host."""
    (tmp_path / ".netrc").write_text("default login other password people\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Guard(demo.url) as guard, Client(f"http://{USER_INFO}@{guard.place}") as client:
        client.queue()
        assert BASIC in guard.heads[0]
    with Guard(demo.url) as guard, Client(f"http://{guard.place}") as client:
        client.queue()
        assert "Authorization" not in guard.heads[0]


# 18: certificates


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("trusted_by", ["--server-ca", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_finding_18_one_bundle_counts_for_both_ways(
    demo: DemoServer,
    ca: trustme.CA,
    bundle: Path,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted_by: str,
    host: str,
) -> None:
    """A whole run behind TLS, a login and a path, also at an IPv6 address; each way of naming the bundle is enough."""
    options = ("--server-ca", str(bundle)) if trusted_by.startswith("-") else ()
    if not options:
        monkeypatch.setenv(trusted_by, str(bundle))
    listening = "::1" if "::" in host else "127.0.0.1"
    with Guard(demo.url, wanted=BASIC, tls=certificate(ca), path="/comfy/ui", host=listening) as guard:
        address = f"https://{USER_INFO}@{host}:{guard.port}/comfy/ui/"
        assert shell(workflow, "--server", address, *options) == 0
        assert guard.sockets
    assert list(workflow.parent.glob("*.png"))


LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FAR_AWAY = datetime.datetime(2199, 1, 1, tzinfo=datetime.UTC)
CERTIFICATES = {
    "is not trusted": {},
    "has expired": {"not_before": LONG_AGO, "not_after": LONG_AGO + datetime.timedelta(days=9)},
    "is not valid yet": {"not_before": FAR_AWAY - datetime.timedelta(days=9), "not_after": FAR_AWAY},
    "is for another host name": {},
}


@pytest.mark.parametrize("wrong", CERTIFICATES)
def test_finding_18_a_certificate_is_named_as_the_cause(
    demo: DemoServer, ca: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """With the same sentence over HTTP and on the socket; a run ends at once with it, nothing is tried for minutes."""
    if wrong != "is not trusted":
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, str(bundle))
    names = ("elsewhere.test",) if "another host" in wrong else ("localhost",)
    with Guard(demo.url, tls=certificate(ca, *names, **CERTIFICATES[wrong])) as guard:
        sentences = failures(f"https://localhost:{guard.port}")
    assert len(sentences) == 1
    assert wrong in sentences.pop()


def failures(url: str) -> set[str]:
    """What a call and a run are told when they fail."""
    said = set()
    with Client(url) as client:
        for way in (client.queue, partial(ends_at_once, client)):
            with pytest.raises(ComfyError) as error:
                way()
            said.add(f"{error.value} {error.value.hint}")
    return said


def test_finding_18_the_wrong_scheme_is_named_as_the_cause(demo: DemoServer, ca: trustme.CA) -> None:
    """TLS to a server without: the sentence says so. The other way round it breaks off: the hint says where to look."""
    sentences = failures(demo.url.replace("http://", "https://"))
    assert len(sentences) == 1
    assert "does not speak TLS" in sentences.pop()
    with Guard(demo.url, tls=certificate(ca)) as guard, Client(f"http://{guard.place}") as client:
        for way in (client.queue, partial(open_socket, client)):
            with pytest.raises(ComfyError) as error:
                way()
            assert "https://" in error.value.hint


@pytest.mark.parametrize("refusal", ["401 Unauthorized", "403 Forbidden", "407 Proxy Authentication Required"])
def test_finding_18_a_login_is_named_as_the_cause(demo: DemoServer, refusal: str) -> None:
    """With the same sentence over HTTP and on the socket, and at once."""
    with Guard(demo.url, wanted=BASIC, refusal=refusal) as guard:
        sentences = failures(f"http://{guard.place}")
    assert len(sentences) == 1
    assert "login" in sentences.pop()


def test_finding_18_a_socket_that_can_never_open_ends_the_run_at_once(demo: DemoServer) -> None:
    """Where only the socket is refused, after uploads were sent: the sentence comes now, not after two minutes."""
    with Guard(demo.url, wanted=BASIC, only_sockets=True) as guard, Client(f"http://{guard.place}") as client:
        client.queue()
        with pytest.raises(ComfyError, match="asks for a login"):
            ends_at_once(client)
    assert not any(head.startswith("POST /prompt") for head in guard.heads)


# 18: proxies


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_finding_18_proxies_count_for_the_socket_too(
    demo: DemoServer,
    ca: trustme.CA,
    bundle: Path,
    workflow: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    """A server that is reached through the proxy of the environment alone: a whole run, with the proxy's own login."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    login = base64.b64encode(b"us:pr0xy pass").decode()
    tls = certificate(ca) if scheme == "https" else None
    with Guard(demo.url, wanted=BASIC, tls=tls) as guard, ForwardProxy(login=f"Basic {login}") as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://us:pr0xy%20pass@127.0.0.1:{proxy.port}")
        assert shell(workflow, "--server", f"{scheme}://{USER_INFO}@comfy.test:{guard.port}") == 0
        assert guard.sockets
        assert not any("Proxy-Authorization" in head for head in guard.heads)
        assert any(head.startswith("CONNECT comfy.test:") for head in proxy.heads)
        assert scheme == "http" or not any(SECRET in head for head in proxy.heads)


def test_finding_18_no_proxy_counts_for_both_ways(demo: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this machine is never asked for through a proxy, nor one that NO_PROXY names."""
    with ForwardProxy() as proxy, Client(demo.url) as client:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert run_through(client)[0].phase is Phase.DONE
        assert not proxy.heads
        monkeypatch.setenv("no_proxy", "comfy.test,10.0.0.0/8")
        with Client("http://comfy.test:9") as other, pytest.raises(ComfyError):
            open_socket(other)
        assert not proxy.heads


@pytest.mark.parametrize(
    ("proxy_says", "sentence"),
    [("407 Proxy Authentication Required", "asks for a login"), ("403 Forbidden", "refuses|does not let us through")],
)
def test_finding_18_a_proxy_that_refuses_is_named_as_the_cause(
    ca: trustme.CA, bundle: Path, monkeypatch: pytest.MonkeyPatch, proxy_says: str, sentence: str
) -> None:
    """Neither ComfyUI nor the network is blamed."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with ForwardProxy(refusal=proxy_says) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        (said,) = failures("https://comfy.test:9")
    assert "proxy" in said
    with pytest.raises(ComfyError, match="proxy before ComfyUI"), Client("https://comfy.test:9") as client:
        client.queue()
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")
    (said,) = failures("https://comfy.test:9")
    assert "proxy" in said


@pytest.mark.parametrize("silent", ["TLS", "CONNECT"])
def test_finding_18_a_run_can_be_stopped_while_its_way_is_opened(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """A server that never answers the handshake, a proxy that never answers CONNECT: the run ends when told to."""
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    asked = threading.Event()
    with silence(asked) as port:
        if silent == "CONNECT":
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with Client(f"https://{'comfy.test' if silent == 'CONNECT' else 'localhost'}:{port}") as client:
            runs = Runs(client)
            run = runs.submit(Job(prompt(1), "test"), owner="me", watched=False)
            assert asked.wait(LIMIT)
            run.cancel()
            *_, last = run.watch(timeout=LIMIT)
            runs.close()
    assert last.phase is Phase.STOPPED


@contextlib.contextmanager
def silence(asked: threading.Event) -> Iterator[int]:
    """A port where everything is read and nothing said; `asked` is set by the first bytes."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                one = listener.accept()[0]
                ends.append(one)
                if one.recv(1):
                    asked.set()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for one in ends:
            one.close()
