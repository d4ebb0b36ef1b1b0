"""A checkout is a Hugging Face Space: its metadata is correct, and the app starts with the Space's
command."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import shutil
import ssl
import subprocess
import sys
import threading
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import trustme
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from playwright.sync_api import FrameLocator, Page, Playwright, expect

from comfy import __main__ as comfy
from tests.support.environments import ROOT, environment_at, plain_environment, serving
from tests.support.programs import installed_chromium
from tests.support.reverse_proxy import Relay, one_request
from tests.support.samples.space import PUBLIC, SPACE
from tests.support.waiting import LONGEST_WAIT
from tests.ui.accounts.openid_provider import openid_provider, sent_to

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Hugging Face adds these if the front matter says `hf_oauth: true`.
OAUTH = {
    "OAUTH_CLIENT_ID": "forms",
    "OAUTH_CLIENT_SECRET": "hush",
    "OAUTH_SCOPES": "openid profile",
}


def test_requirements_match_the_package() -> None:
    """A Space installs requirements.txt before it has the package's files."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == PROJECT["dependencies"]


def test_a_space_can_use_what_it_has_installed() -> None:
    """A Space installs Gradio with these extras. The app can use their packages, also for its own
    extras."""
    bounds = {one.name: one.specifier for one in map(Requirement, PROJECT["dependencies"])}
    brought = [
        needed
        for needed in map(Requirement, requires("gradio") or ())
        for extra in ("oauth", "mcp")
        if needed.marker and needed.marker.evaluate({"extra": extra})
    ]
    for needed in brought:
        assert may_be_met(needed.specifier & bounds.get(needed.name, SpecifierSet()))
    extras = {name: own for name, own in PROJECT["optional-dependencies"].items() if name != "test"}
    used = {one.name: one.specifier for own in extras.values() for one in map(Requirement, own)}
    for needed in brought:
        assert may_be_met(needed.specifier & used.get(needed.name, SpecifierSet()))


def may_be_met(both: SpecifierSet) -> bool:
    edges = [part.version for part in both if not part.version.endswith("*")]
    return not edges or any(both.contains(one) for one in edges)


BEHIND = {"Host": PUBLIC, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
HUB_PAGE = "https://huggingface.co/spaces/ann/forms"
# The second lets a page of the internet frame one of this machine.
FLAGS = ("--no-sandbox", "--disable-features=LocalNetworkAccessChecks")
SPACES = """
functions = []
GPU = functions.append
gradio_auto_wrap = lambda function: function  # called by Gradio
disable_gradio_auto_wrap = functions.clear
"""
REPORT = """
import pathlib, spaces

def startup():
    (pathlib.Path.home() / "reported").write_text(str(len(spaces.functions)))
"""
CREATE, VALIDATE = "/api/repos/create", "/api/validate-yaml"
FILES = "/api/spaces/NAME/forms/preupload/main"


class Hub(http.server.BaseHTTPRequestHandler):
    """Stand-in for Hugging Face that answers an upload until the app sends the files."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, told))  # type: ignore[attr-defined]
        body = json.dumps({"url": "https://huggingface.co/spaces/NAME/forms"}).encode()
        self.send_response(200 if self.path in (CREATE, VALIDATE) else 403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a Space for one workflow."""
    out = tmp_path_factory.mktemp("written") / "my forms"
    workflow = ROOT / "workflows" / "text-to-image.json"
    assert comfy.main(["space", str(workflow), "--out", str(out)]) == 0
    return out


def test_an_installed_app_writes_the_same_space(written: Path, installed: Path, home: Path) -> None:
    """A wheel has everything that a Space needs."""
    workflow = ROOT / "workflows" / "text-to-image.json"
    subprocess.run(
        [installed / "comfyforms", "space", workflow, "--out", written.name],
        cwd=home,
        env=plain_environment() | {"HOME": str(home)},
        timeout=LONGEST_WAIT,
        check=True,
    )
    first, second = (
        {one.relative_to(space): one.read_bytes() for one in space.rglob("*") if one.is_file()}
        for space in (written, home / written.name)
    )
    assert {one for one in first if "__pycache__" not in one.parts} == second.keys()
    assert all(second[one] == first[one] for one in second)


def test_the_printed_commands_upload_the_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They create a Gradio Space with its secrets, and upload the folder."""
    out = tmp_path / "my forms"
    workflow = ROOT / "workflows" / "upscale.json"
    server = "https://gpu.example.org/a&b"
    assert comfy.main(["space", str(workflow), "--out", str(out), "--server", server]) == 0
    commands = re.findall(r"^  (\S*hf .*)", capsys.readouterr().out, re.M)
    assert commands[0].endswith("hf auth login")
    with http.server.HTTPServer(("127.0.0.1", 0), Hub) as hub:
        hub.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_TOKEN": "hf_none"}
        home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
        for command in commands[1:]:
            hf, *words = shlex.split(command)
            subprocess.run(
                [Path(sys.executable).with_name(Path(hf).name), *words],
                env={**plain_environment(), **told, **home},
                capture_output=True,
                timeout=LONGEST_WAIT,
                check=False,  # the upload is refused in the end
            )
        hub.shutdown()
        thread.join()
        asked = hub.asked  # type: ignore[attr-defined]
    (made, space), (again, _), (_, readme) = asked[:3]
    assert made == again == CREATE
    assert (space["name"], space["type"], space["sdk"]) == ("my-forms", "space", "gradio")
    assert space["secrets"] == [{"key": "COMFYFORMS_SERVER", "value": server}]
    assert readme["content"] == (out / "README.md").read_text("utf-8")
    listed = {file["path"] for path, one in asked if path == FILES for file in one["files"]}
    written = {one.relative_to(out).as_posix() for one in out.rglob("*") if one.is_file()}
    assert listed  # the first of several commits
    assert listed <= written


def test_the_front_matter_matches_the_tested_versions() -> None:
    """The front matter names the tested Gradio and Python versions and uses only values that
    Hugging Face accepts."""
    head = yaml.safe_load(README.split("---\n")[1])
    assert head["sdk"] == "gradio"
    assert (ROOT / head["app_file"]).is_file()
    pins = (ROOT / "docs" / "constraints.txt").read_text(encoding="utf-8")
    assert f"\ngradio=={head['sdk_version']} " in pins
    bounds = {needed.name: needed for needed in map(Requirement, PROJECT["dependencies"])}
    assert bounds["gradio"].specifier.contains(head["sdk_version"])
    assert head["python_version"] == PROJECT["requires-python"].removeprefix(">=")
    assert head["license"] == PROJECT["license"].lower()
    assert len(head["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {head["colorFrom"], head["colorTo"]} <= colours


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """Copy the checkout's files that a Space has."""
    folder = tmp_path / "app"
    left_out = shutil.ignore_patterns("__pycache__", ".*", "tests", "data")
    shutil.copytree(ROOT, folder, ignore=left_out, symlinks=True)
    return folder


def test_a_space_serves_its_public_name(space: Path, home: Path, tmp_path: Path) -> None:
    """The app starts with the Space's command, without settings. It accepts other machines and
    answers by its public name, in a frame on Hugging Face's page and over TLS."""
    programs = environment_at(tmp_path / "environment")
    command = [programs / "python", "app.py", "--port", "0"]
    with serving(command, space, **SPACE, HOME=str(home)) as url:
        assert requests.get(f"{url}/health", headers=BEHIND, timeout=LONGEST_WAIT).ok
        page = requests.get(url, headers=BEHIND, timeout=LONGEST_WAIT)
        assert page.status_code == 200
        assert "frame-ancestors" in page.headers["content-security-policy"]
        assert "huggingface.co" in page.headers["content-security-policy"]
        assert "SameSite=None" in page.headers["set-cookie"]
        assert (
            requests.get(url, headers={"Host": "evil.example"}, timeout=LONGEST_WAIT).status_code
            == 421
        )
    assert (space / "data" / "secret").exists()


class HostProxy(Relay):
    """The host's proxy in front of the app at `target`, which ends TLS."""

    def __init__(self, target: str, tls: ssl.SSLContext) -> None:
        super().__init__(tls=tls)
        self._target = ("127.0.0.1", urlsplit(target).port or 0)

    def route(self, head: str) -> tuple[tuple[str, int], str]:
        """Tell the app that the browser uses TLS."""
        first, rest = one_request(head).split("\r\n", 1)
        added = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7"
        return self._target, f"{first}\r\n{added}\r\n{rest}"


@pytest.fixture(scope="module")
def host_python(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install what Hugging Face installs, from the package index, and return the Python."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    head = yaml.safe_load((written / "README.md").read_text("utf-8").split("---\n")[1])
    gradio = f"gradio[oauth,mcp]=={head['sdk_version']}"
    others = ("uvicorn>=0.14.0", "websockets>=10.4", "spaces")
    python = folder / "bin" / "python"
    pip = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "-r",
        written / "requirements.txt",
        gradio,
        *others,
    ]
    done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return python


@contextmanager
def behind_tls(playwright: Playwright, url: str) -> Iterator[Page]:
    """Yield a page of a browser that reaches the app at `url` behind TLS, by its public name."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(PUBLIC).configure_cert(tls)
    with (
        HostProxy(url, tls) as proxy,
        playwright.chromium.launch(
            executable_path=installed_chromium(),
            args=[*FLAGS, f"--host-resolver-rules=MAP {PUBLIC} 127.0.0.1:{proxy.port}"],
        ) as browser,
    ):
        page = browser.new_page(ignore_https_errors=True, service_workers="block")
        page.set_default_timeout(1000 * LONGEST_WAIT)
        yield page


@contextmanager
def framed(playwright: Playwright, url: str) -> Iterator[FrameLocator]:
    """Open the app at `url` behind TLS, in a frame of another site, and yield the frame."""
    with behind_tls(playwright, url) as page:
        frame = f'<iframe src="https://{PUBLIC}" width="1200" height="900"></iframe>'
        page.route(HUB_PAGE, lambda route: route.fulfill(body=frame, content_type="text/html"))
        page.goto(HUB_PAGE)
        yield page.frame_locator("iframe")


def test_the_lines_for_zerogpu_report_before_the_app_listens(
    written: Path, home: Path, tmp_path: Path
) -> None:
    """With a stand-in for the package `spaces`, which Hugging Face installs on this hardware."""
    page = (ROOT / "docs" / "spaces.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(if os[^`]*SPACES_ZERO_GPU[^`]*)```", page)
    space = shutil.copytree(written, tmp_path / "space")
    app = (space / "app.py").read_text(encoding="utf-8")
    imports = "from comfyforms.__main__ import main\n"
    assert imports in app
    (space / "app.py").write_text(app.replace(imports, f"{imports}\n{lines}"), encoding="utf-8")
    package = tmp_path / "libraries" / "spaces"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SPACES)
    (package / "zero.py").write_text(REPORT)
    programs = environment_at(tmp_path / "environment")
    told = {**SPACE, "HOME": str(home), "PYTHONPATH": str(package.parent)}
    command = [programs / "python", "app.py", "--port", "0"]
    with serving(command, space, **told, SPACES_ZERO_GPU="true"):
        assert (home / "reported").read_text() == "1"
    (home / "reported").unlink()
    with serving(command, space, **told):
        assert not (home / "reported").exists()


@pytest.mark.parametrize("folder", ["written", "space"])
def test_a_space_makes_images_in_hugging_faces_frame(
    folder: str,
    host_python: Path,
    home: Path,
    playwright: Playwright,
    request: pytest.FixtureRequest,
) -> None:
    """With nothing installed but its requirements, a written Space and a checkout open in a frame
    of another site behind TLS, show previews and make an image."""
    command = [host_python, "app.py", "--port", "0"]
    with (
        serving(command, request.getfixturevalue(folder), **SPACE, HOME=str(home)) as url,
        framed(playwright, url) as app,
    ):
        app.locator("#form textarea").first.fill("a lighthouse at dusk")
        app.locator("#generate").click()
        app.locator("#stage img.live-frame").first.wait_for()
        app.locator('#stage .stage[data-phase="done"]').wait_for()
        image = app.locator("#stage .media img").first
        assert image.evaluate("image => image.naturalWidth") == 512
        shown = requests.get(f"{url}/api/v1/workflows", headers=BEHIND, timeout=LONGEST_WAIT).json()
    names = {one["name"] for one in shown["workflows"]}
    assert names == {"text-to-image"} if folder == "written" else "upscale" in names


def test_a_space_at_its_own_address_loads_once(
    written: Path, host_python: Path, home: Path, playwright: Playwright
) -> None:
    """Its page sends no request to another site, shows no message, and reports no error."""
    asked, failed, said = [], [], []
    command = [host_python, "app.py", "--port", "0"]
    with (
        serving(command, written, **SPACE, HOME=str(home)) as url,
        behind_tls(playwright, url) as page,
    ):
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: failed.append(request.url))
        page.on("console", lambda heard: heard.type == "error" and said.append(heard.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"https://{PUBLIC}", wait_until="commit")
        expect(page.locator("#generate")).to_be_enabled()
        page.locator("#generate").click()
        page.locator('#stage .stage[data-phase="done"]').wait_for()
        expect(page.get_by_text("couldn't be loaded")).to_have_count(0)
    assert {urlsplit(one).netloc for one in asked if not one.startswith(("blob:", "data:"))} == {
        PUBLIC
    }
    assert [urlsplit(one).path for one in asked].count("/") == 1
    assert not failed
    assert not said


def test_a_space_can_require_sign_in_with_hugging_face(space: Path, home: Path) -> None:
    """If the Space turns on sign-in, every user must sign in, and no other setting is needed. The
    shipped README leaves it off, so the demo is open to all."""
    behind = {"Host": PUBLIC, "X-Forwarded-For": "192.0.2.7"}
    command = [sys.executable, "app.py", "--port", "0"]
    with openid_provider() as provider:
        told = SPACE | OAUTH | {"OPENID_PROVIDER_URL": provider.url, "HOME": str(home)}
        with serving(command, space, **told) as url, requests.Session() as browser:
            browser.headers.update(behind)
            assert "Sign in with Hugging Face" in browser.get(url, timeout=LONGEST_WAIT).text
            assert browser.get(f"{url}/config", timeout=LONGEST_WAIT).status_code == 401
            form = sent_to(browser, f"{url}/login/openid")
            asked = parse_qs(urlsplit(form).query)
            assert asked["redirect_uri"] == [f"https://{PUBLIC}/login/openid/callback"]
            assert asked["scope"] == ["openid profile"]
    assert "hf_oauth" not in yaml.safe_load(README.split("---\n")[1])


@pytest.mark.parametrize("variables", [SPACE, {}], ids=["space", "elsewhere"])
def test_a_space_keeps_its_data_where_it_outlasts_a_restart(
    variables: dict[str, str], tmp_path: Path
) -> None:
    """A Space keeps its data in persistent storage, if it has any. Elsewhere the app doesn't use
    that folder."""
    code = (
        "import pathlib, sys; from ui.settings.folders import data_folder\n"
        "print(*(data_folder(pathlib.Path(one)) for one in sys.argv[1:]), sep='\\n')"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, tmp_path, tmp_path / "none"],
        cwd=ROOT,
        env=plain_environment() | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST_WAIT,
    )
    beside = str(ROOT / "data")
    kept = str(tmp_path / "comfyforms") if variables else beside
    assert said.stdout.splitlines() == [kept, beside]
