"""The custom node opens a workflow from ComfyUI's editor as a form in the app, which runs beside
ComfyUI."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, Page

from comfyforms.comfyui_node import beside
from comfyforms.comfyui_node.problems import NotOpened
from comfyui_standin import DemoServer
from tests.support.app_process import START, free_port
from tests.support.environments import ROOT, plain_environment
from tests.support.waiting import LONGEST_WAIT, eventually

NODE = ROOT / "comfyforms" / "comfyui_node"
GRAPH = json.loads((ROOT / "tests/data/graphs/lighthouse.app.json").read_text(encoding="utf-8"))
# A graph of the editor that needs no model: an empty image, which is saved.
PLAIN = {
    "version": 0.4,
    "nodes": [
        {
            "id": 1,
            "type": "EmptyImage",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "widgets_values": [64, 32, 1, 0],
        },
        {
            "id": 2,
            "type": "SaveImage",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
            "widgets_values": ["plain"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}
# Like ComfyUI, import only the node's own folder. Nothing else of the app is available.
PROGRAM = """
import json, pathlib, sys
from comfyui_node.beside import FormsApp
from comfyui_node.problems import NotOpened
forms = FormsApp(pathlib.Path(sys.argv[1]))
for line in sys.stdin:
    try:
        print(forms.open(sys.argv[2], **json.loads(line)), flush=True)
    except NotOpened as problem:
        print(problem, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the app's data folder."""
    return tmp_path / "user" / "comfyforms"


def node(python: Path, folder: Path, comfyui: str) -> subprocess.Popen[str]:
    """Start a program that contains the node. Like ComfyUI, it finds nothing else of the app."""
    return subprocess.Popen(
        [python, "-c", PROGRAM, folder, comfyui],
        cwd=NODE.parent,
        env={**plain_environment(), "PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answers(url: str, path: str = "/health") -> bool:
    try:
        return requests.get(f"{url}{path}", timeout=LONGEST_WAIT).ok
    except requests.ConnectionError:
        return False


def asked(program: subprocess.Popen[str], name: str) -> str:
    assert program.stdin
    assert program.stdout
    print(json.dumps({"name": name, "workflow": GRAPH}), file=program.stdin, flush=True)
    return program.stdout.readline().strip()


def test_a_workflow_of_the_editor_is_a_form(installed: Path, folder: Path) -> None:
    """The first press starts the app for this ComfyUI server, and later presses find it. Each
    workflow lies in the app's own folder, regardless of its name. The app ends with ComfyUI,
    however ComfyUI ends."""
    with DemoServer() as demo, node(installed / "python", folder, demo.url) as program:
        first, other = asked(program, "A light/house"), asked(program, "../../out")
        app = first.partition("/?")[0]
        assert first == f"{app}/?workflow=ComfyUI/A%20light-house"
        assert other == f"{app}/?workflow=ComfyUI/------out"
        assert requests.get(first, timeout=LONGEST_WAIT).status_code == 200
        address = f"{app}/api/v1/workflows?with_page=true"
        answer = requests.get(address, timeout=LONGEST_WAIT).json()
        listed = {one["name"]: one["page"] for one in answer["workflows"]}
        assert {"ComfyUI/A light-house", "ComfyUI/------out", "text-to-image"} <= listed.keys()
        assert not listed["ComfyUI/A light-house"]["blocked"]
        assert demo.url in (folder / "log").read_text(encoding="utf-8")
        program.kill()
    eventually(lambda: not answers(app))
    kept = {file.name for file in (folder / "workflows" / "ComfyUI").iterdir()}
    assert kept == {"A light-house.json", "------out.json"}


def test_unsaved_workflows_get_different_names() -> None:
    """The editor gives all unsaved workflows the same name, so the node adds a suffix. Scrolling or
    zooming doesn't change the suffix."""
    one = {"id": "a", "nodes": [{"id": 1}], "extra": {"ds": {"scale": 1}}}
    moved, other = one | {"extra": {"ds": {"scale": 2}}}, one | {"nodes": []}
    names = [beside.unsaved_name("Unsaved Workflow.json", each) for each in (one, moved, other)]
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("Unsaved Workflow ") for name in names)


@pytest.mark.parametrize(
    ("listens", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8188"),
        ("192.0.2.2", "http://192.0.2.2:8188"),
        ("0.0.0.0", "http://127.0.0.1:8188"),
        ("::", "http://[::1]:8188"),
        ("2001:db8::2", "http://[2001:db8::2]:8188"),
    ],
)
def test_the_app_uses_the_address_that_comfyui_listens_on(listens: str, url: str) -> None:
    """The app contacts ComfyUI at the address it listens on, or at a loopback address if it listens
    on all."""
    assert beside.server_url(listens, 8188) == url


def test_the_address_is_reachable_from_the_browser(folder: Path) -> None:
    """A browser on another machine gets the host name that it used for ComfyUI, if the app listens
    there. Otherwise the node names the setting to change and starts nothing."""
    here = beside.browser_host("localhost:8188", "127.0.0.1", "127.0.0.1")
    itself = beside.browser_host("192.0.2.2:8188", "192.0.2.2", "192.0.2.2")
    elsewhere = beside.browser_host("192.0.2.2:8188", "192.0.2.2", "192.0.2.9")
    by_proxy = beside.browser_host("comfy.example", "127.0.0.1", "127.0.0.1")
    six = beside.browser_host("[2001:db8::2]:8188", "2001:db8::2", "2001:db8::9")
    assert (here, itself, elsewhere, by_proxy) == ("", "", "192.0.2.2", "comfy.example")

    def address(host: str, browser: str) -> str:
        return str(beside.FormsApp(folder, host=host).address(browser))

    assert address("127.0.0.1", here) == "http://127.0.0.1:0"
    assert address("0.0.0.0", here) == "http://127.0.0.1:0"
    assert address("0.0.0.0", elsewhere) == "http://192.0.2.2:0"
    assert address("::", six) == "http://[2001:db8::2]:0"
    assert address("192.0.2.5", elsewhere) == "http://192.0.2.5:0"
    proxied = beside.FormsApp(folder, "https://forms.example/")
    assert proxied.address(by_proxy) == "https://forms.example"
    with pytest.raises(NotOpened, match="COMFYFORMS_HOST"):
        beside.FormsApp(folder).open("http://127.0.0.1:8188", "any", {}, elsewhere)
    assert not folder.exists()


# Stands for uv, which would need the network: the Python of its environments has the app.
UV = """#!/bin/sh
echo "$@" >> {log}
for last; do :; done
[ "$1" = venv ] || exit 0
mkdir -p "$last/bin"
ln -s {environment}/bin/python "$last/bin/python"
ln -s {environment}/lib {environment}/pyvenv.cfg "$last"
"""


def put_node(base: Path) -> None:
    """Put the node alone into a ComfyUI."""
    shutil.copytree(NODE, base / "custom_nodes" / "open_as_form", ignore=_OWN)


def put_checkout(base: Path) -> None:
    """Put the whole checkout into a ComfyUI, as `git clone` does."""
    folder = base / "custom_nodes" / "comfyforms"
    shutil.copytree(ROOT / "comfyforms", folder / "comfyforms", ignore=_OWN)
    for name in ("__init__.py", "app.py", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)


_OWN = shutil.ignore_patterns("__pycache__", ".venv")


@contextlib.contextmanager
def real_comfyui(base: Path, programs: Path) -> Iterator[str]:
    """Start this machine's ComfyUI on a free port, with its files in `base` and these programs."""
    folder = os.environ.get("COMFYUI_DIR")
    if not folder:
        pytest.skip("needs COMFYUI_DIR, the folder of a ComfyUI that COMFYUI_COMMAND starts there")
    port = free_port()
    command = shlex.split(os.environ.get("COMFYUI_COMMAND", "python main.py --cpu"))
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    log = base / "log"
    with (
        log.open("w") as said,
        subprocess.Popen(
            [*command, "--port", str(port), "--base-directory", base],
            cwd=folder,
            env={**plain_environment(), "PATH": path, "TMPDIR": str(base)},
            stdout=said,
            stderr=said,
        ) as program,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(
                lambda: program.poll() is not None or answers(url, "/system_stats"),
                "ComfyUI answers",
                START,
            )
            assert program.poll() is None, log.read_text(encoding="utf-8")
            yield url
        finally:
            program.kill()


@contextlib.contextmanager
def editor_of(chromium: Browser, comfyui: str) -> Iterator[Page]:
    """Open the editor with the plain graph."""
    with chromium.new_context(viewport={"width": 1360, "height": 900}) as context:
        context.set_default_timeout(1000 * START)
        editor = context.new_page()
        editor.add_init_script("localStorage.setItem('Comfy.TutorialCompleted', 'true')")
        editor.goto(comfyui, wait_until="domcontentloaded")
        editor.wait_for_function("window.app?.extensionManager?.workflow?.activeWorkflow")
        editor.evaluate("graph => window.app.loadGraphData(graph, true, true, 'plain')", PLAIN)
        close = editor.get_by_role("button", name="Close dialog")
        editor.add_locator_handler(close, lambda button: button.click())
        yield editor


def choose(editor: Page, entry: str) -> None:
    """Choose an entry of the menu *File*."""
    editor.locator(
        ".comfyui-logo-wrapper, .comfy-menu-button-wrapper, [data-testid=comfy-menu-button]"
    ).first.click()
    editor.get_by_role("menuitem", name="File", exact=True).hover()
    editor.get_by_role("menuitem", name=entry).click()


def opened_form(editor: Page, press: Callable[[], None]) -> str:
    """Return the address of the form that a press opens in a new tab."""
    with editor.context.expect_page() as opened:
        press()
    opened.value.wait_for_url(re.compile("workflow="), wait_until="commit")
    return opened.value.url


def test_a_real_comfyui_opens_a_form_from_its_menu(
    installed: Path, tmp_path: Path, chromium: Browser
) -> None:
    """ComfyUI loads the node and its script. The menu opens a form whose runs use that ComfyUI. The
    app stops when ComfyUI stops."""
    put_node(tmp_path)
    with real_comfyui(tmp_path, installed) as comfyui:
        scripts = requests.get(f"{comfyui}/extensions", timeout=LONGEST_WAIT).json()
        (script,) = (one for one in scripts if one.endswith("/open_as_form.js"))
        assert requests.get(f"{comfyui}{script}", timeout=LONGEST_WAIT).status_code == 200
        with editor_of(chromium, comfyui) as editor:
            url = opened_form(editor, lambda: choose(editor, "Open as form"))
        app = url.partition("/?")[0]
        assert requests.get(url, timeout=LONGEST_WAIT).status_code == 200
        asked = requests.post(
            f"{app}/api/v1/workflows/{url.partition('workflow=')[2].replace('/', '%2F')}/runs?wait=true",
            json={"values": {"1.width": 48}},
            timeout=LONGEST_WAIT,
        )
        (file,) = asked.json()["files"]
        image = requests.get(f"{app}{file['url']}", timeout=LONGEST_WAIT)
        assert Image.open(io.BytesIO(image.content)).size == (48, 32)
        assert list((tmp_path / "output").glob("plain*.png"))
    eventually(lambda: not answers(app))


def test_a_real_comfyui_with_the_checkout_installs_the_app(
    installed: Path, tmp_path: Path, chromium: Browser
) -> None:
    """The button at the top installs the app of the checkout into an environment of its own, and
    opens the form. A dialog shares the app with the network, with a QR code."""
    log, programs = tmp_path / "calls", tmp_path / "programs"
    programs.mkdir()
    uv = UV.format(log=log, environment=installed.parent)
    (programs / "uv").write_text(uv)
    (programs / "uv").chmod(0o755)
    put_checkout(tmp_path)
    with real_comfyui(tmp_path, programs) as comfyui, editor_of(chromium, comfyui) as editor:
        button = editor.get_by_role("button", name="Open as form")
        app = opened_form(editor, button.click).partition("/?")[0]
        assert answers(app)
        created, filled = log.read_text(encoding="utf-8").splitlines()
        folder = tmp_path / "custom_nodes" / "comfyforms"
        assert created.endswith(f" {folder / 'comfyforms' / 'comfyui_node' / '.venv'}")
        assert f"--editable {folder} " in filled
        choose(editor, "ComfyForms on other devices")
        dialog = editor.get_by_role("dialog", name="ComfyForms on other devices")
        assert dialog.get_by_role("link").inner_text() == app
        dialog.get_by_role("button", name="Share on this network").click()
        dialog.get_by_role("button", name="Stop sharing").wait_for()
        assert dialog.get_by_role("img", name="QR code").is_visible()
        shared = f"http://127.0.0.1:{urlsplit(dialog.get_by_role('link').inner_text()).port}"
        assert answers(shared)
    eventually(lambda: not answers(shared))
