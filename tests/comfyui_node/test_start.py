"""The node installs the app into an environment of its own, starts it, and shares it on request."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from comfyforms.comfyui_node import beside, environment
from comfyforms.comfyui_node.beside import FormsApp
from comfyforms.comfyui_node.guard import OrderRefused, read_choice
from comfyforms.comfyui_node.problems import Installing, NotOpened
from tests.support.app_process import START
from tests.support.environments import ROOT
from tests.support.waiting import eventually

COMFYUI = "http://127.0.0.1:1"
NODE = ROOT / "comfyforms" / "comfyui_node"
# An app that answers at its port, and writes down its arguments.
APP = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
print(sys.argv)
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer).serve_forever()
"""
# Writes down its arguments, and creates a Python that starts that app.
UV = """#!/bin/sh
echo "$@" >> {log}
for last; do :; done
if [ "$1" = venv ]; then
  mkdir -p "$last/bin"
  printf '#!/bin/sh\\nshift 3\\nexec {python} {app} "$@"\\n' > "$last/bin/python"
  chmod +x "$last/bin/python"
fi
echo Resolving
exit $(cat {code})
"""


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the node into a folder without the app, on a machine where the app isn't installed."""
    folder = tmp_path / "custom_nodes" / "comfyforms"
    folder.mkdir(parents=True)
    shutil.copy(NODE / "pyproject.toml", folder)
    monkeypatch.setattr(environment, "_HERE", folder)
    monkeypatch.setattr("comfyforms.comfyui_node.beside._installed_command", list)
    return folder


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Install a stand-in for uv. The function sets its exit code and returns its calls so far."""
    log, code, program = tmp_path / "calls", tmp_path / "code", tmp_path / "bin" / "uv"
    program.parent.mkdir()
    app = tmp_path / "app.py"
    app.write_text(APP)
    program.write_text(UV.format(log=log, code=code, python=sys.executable, app=app))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    log.touch()
    code.write_text("0")

    def calls(exit_code: int = 0) -> list[str]:
        code.write_text(str(exit_code))
        return log.read_text(encoding="utf-8").splitlines()

    return calls


@pytest.fixture
def forms(tmp_path: Path, pack: Path) -> Iterator[FormsApp]:
    app = FormsApp(tmp_path / "user")
    yield app
    app.end()


def opened(forms: FormsApp) -> str:
    """Press *Open as form* until the app is installed, as the editor's script does."""
    urls: list[str] = []

    def is_open() -> bool:
        try:
            urls.append(forms.open(COMFYUI, "a", {"nodes": []}))
        except Installing:
            return False
        return True

    eventually(is_open, "the app is installed", START)
    return urls[0]


def test_installs_the_app_once_and_opens_the_form(
    forms: FormsApp, pack: Path, uv: Callable[..., list[str]]
) -> None:
    """The environment is in the node's folder, and a second start doesn't install again."""
    assert opened(forms).endswith("/?workflow=ComfyUI/a")
    created, installed = uv()
    assert created == f"venv --python {sys.executable} {pack / '.venv'}"
    assert "refs/tags/v0.1.0.zip --python" in installed
    log = (pack.parents[1] / "user" / "log").read_text(encoding="utf-8")
    assert f"'--server', '{COMFYUI}'" in log
    assert "'--host', '127.0.0.1'" in log
    forms.end()
    assert opened(forms)
    assert len(uv()) == 2


def test_uses_a_port_again_whose_connections_have_just_ended() -> None:
    """A restart of ComfyUI keeps the address that people know."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    with patch.object(beside, "_PORT", port):
        assert beside._free_port("127.0.0.1") == port


def test_reports_a_failed_installation_and_tries_again(
    forms: FormsApp, pack: Path, uv: Callable[..., list[str]]
) -> None:
    """The error has the end of the log. The next press starts over."""
    uv(3)
    with pytest.raises(NotOpened, match="could not be installed: Resolving"):
        opened(forms)
    with pytest.raises(Installing):
        forms.open(COMFYUI, "a", {})
    with pytest.raises(NotOpened, match="could not be installed"):
        opened(forms)
    assert not (pack / ".venv" / "source.txt").exists()


def test_upgrades_the_app_with_the_node(
    forms: FormsApp, pack: Path, uv: Callable[..., list[str]]
) -> None:
    """A new version of the node installs its app into the present environment. If that fails, the
    former app starts, and the next start tries again."""
    opened(forms)
    forms.end()
    project = pack / "pyproject.toml"
    project.write_text(project.read_text().replace('"0.1.0"', '"0.2.0"'))
    uv(3)
    assert opened(forms)
    forms.end()
    opened(forms)
    assert [call.partition(" ")[0] for call in uv()] == ["venv", "pip", "pip", "pip"]


def test_names_uv_if_no_environment_can_be_made(
    forms: FormsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portable ComfyUI's Python lacks `venv`."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(NotOpened, match="Install uv"):
        forms.open(COMFYUI, "a", {})


def test_finds_the_app_of_the_same_version(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel beside the node comes first, then its checkout, then the release on GitHub."""
    (archive,) = environment._own_source()
    assert archive.startswith("https://")
    assert archive.endswith("/v0.1.0.zip")
    (pack / "comfyforms-0.1.0-py3-none-any.whl").touch()
    assert environment._own_source() == [str(pack / "comfyforms-0.1.0-py3-none-any.whl")]
    monkeypatch.setattr(environment, "_HERE", NODE)
    assert environment._own_source() == ["--editable", str(ROOT)]


def test_starts_the_app_that_put_the_node_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`comfyforms install-node` writes the command down. After that app is deleted, it's ignored."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(beside, "_APP_COMMAND", tmp_path / "app_command.json")
    monkeypatch.setattr(beside, "distribution", Mock(side_effect=PackageNotFoundError))
    assert not beside._installed_command()
    command = [sys.executable, str(tmp_path / "app.py")]
    beside._APP_COMMAND.write_text(json.dumps(command))
    assert not beside._installed_command()
    (tmp_path / "app.py").touch()
    assert beside._installed_command() == command
    for damaged in ("", "1", "[1, 2]", "{"):
        beside._APP_COMMAND.write_text(damaged)
        assert not beside._installed_command()


def test_shares_the_app_only_if_a_local_browser_asks(
    forms: FormsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice is kept. Other machines can't make it, and settings of the administrator come
    first."""
    monkeypatch.setattr(FormsApp, "_start", lambda self, comfyui: None)
    forms._python = sys.executable
    assert forms.devices(COMFYUI, "", share=None)[1:] == (False, "", True)
    with pytest.raises(NotOpened, match="own machine"):
        forms.devices(COMFYUI, "192.0.2.9", share=True)
    assert forms.devices(COMFYUI, "", share=True).code.startswith("data:image/svg+xml")
    elsewhere = FormsApp(tmp_path / "user").devices(COMFYUI, "192.0.2.9", share=None)
    assert elsewhere[:2] == ("http://192.0.2.9:0", True)
    assert not elsewhere.may_change
    with pytest.raises(OrderRefused, match="own machine"):
        forms.devices(COMFYUI, "192.0.2.9", share=False)
    assert not forms.devices(COMFYUI, "", share=False).shared
    configured = FormsApp(tmp_path / "user", host="0.0.0.0")
    with pytest.raises(OrderRefused):
        configured.devices(COMFYUI, "", share=True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"share": 1}', b'{"share": "no"}', b"\xff"])
def test_finding_s10_an_odd_choice_is_refused(body: bytes) -> None:
    """Only true, false and null are choices."""
    with pytest.raises(OrderRefused, match="Send "):
        read_choice(body)
    assert [read_choice(one) for one in (b'{"share": true}', b"{}")] == [True, None]


LOAD = """
import sys, types
from importlib.util import module_from_spec, spec_from_file_location
folder, routes = sys.argv[1], []
fake = types.ModuleType
comfy, paths, server, web = fake("comfy"), fake("folder_paths"), fake("server"), fake("aiohttp")
paths.get_user_directory = lambda: folder
post = lambda route: lambda answer: routes.append(route)
server.PromptServer = types.SimpleNamespace(instance=types.SimpleNamespace(
    routes=types.SimpleNamespace(post=post), address="127.0.0.1", port=8188, app=None))
web.web = types.SimpleNamespace(Request=None, Response=None, Application=None, RouteTableDef=None)
sys.modules |= {"comfy": comfy, "folder_paths": paths, "server": server, "aiohttp": web}
before = list(sys.path)
name = folder.replace(".", "_x_")
spec = spec_from_file_location(name, folder + "/__init__.py")
sys.modules[name] = module = module_from_spec(spec)
spec.loader.exec_module(module)
assert sys.modules["comfy"] is comfy and sys.path == before and "app" not in sys.modules
print(module.WEB_DIRECTORY, *routes)
"""


@pytest.mark.parametrize("folder", [ROOT, NODE])
def test_loads_in_comfyui_beside_its_own_modules(folder: Path) -> None:
    """ComfyUI loads the node alone or the whole checkout. Neither shadows ComfyUI's `comfy`."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    web, *routes = done.stdout.split()
    assert (folder / web / "open_as_form.js").is_file()
    assert routes == ["/comfyforms/open", "/comfyforms/devices"]
