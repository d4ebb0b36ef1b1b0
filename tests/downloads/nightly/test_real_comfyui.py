"""The custom node downloads models in a real ComfyUI, also after ComfyUI was killed."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.downloads import DownloadSettings
from comfy.library.permissions import Permissions
from comfyforms.comfyui_node.model_orders import DOWNLOADS
from comfyforms.comfyui_node.signing import signed_headers
from tests.downloads.file_server import FileServer, safetensors
from tests.downloads.node_server import SECRET, graph_with
from tests.support.app_process import START, free_port
from tests.support.environments import ROOT, plain_environment
from tests.support.serving import RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually

NAME = "new.safetensors"


@contextmanager
def comfyui(base: Path, port: int) -> Iterator[str]:
    """Start this machine's ComfyUI with the node, and kill it at the end."""
    folder = os.environ.get("COMFYUI_DIR")
    if not folder:
        pytest.skip("needs COMFYUI_DIR, the folder of a ComfyUI that COMFYUI_COMMAND starts there")
    node = base / "custom_nodes" / "comfyforms"
    if not node.exists():
        shutil.copytree(ROOT / "comfyforms" / "comfyui_node", node)
        (node / "secret.txt").write_text(SECRET, encoding="utf-8")
    command = shlex.split(os.environ.get("COMFYUI_COMMAND", "python main.py --cpu"))
    url, log = f"http://127.0.0.1:{port}", base / "log"
    with (
        log.open("w") as said,
        subprocess.Popen(
            [*command, "--port", str(port), "--base-directory", base, "--disable-auto-launch"],
            cwd=folder,
            env={**plain_environment(), "PATH": os.environ["PATH"], "TMPDIR": str(base)},
            stdout=said,
            stderr=said,
        ) as program,
    ):
        try:
            eventually(lambda: program.poll() is not None or answers(url), "ComfyUI answers", START)
            assert program.poll() is None, log.read_text(encoding="utf-8")
            yield url
        finally:
            program.kill()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/system_stats", timeout=LONGEST_WAIT).ok
    except requests.ConnectionError:
        return False


def asked(app: RunningApp, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Connection": "close"}
    return requests.request(
        method, f"{app.url}/api/v1{path}", timeout=LONGEST_WAIT, headers=headers, **options
    )


def test_a_killed_comfyui_continues_its_download(files: FileServer, tmp_path: Path) -> None:
    """ComfyUI never lists the incomplete file. After its restart the download continues, and the
    form can run without a refresh. No web page and no replayed request is obeyed."""
    content = safetensors(20_000_000)
    hosted = files.host(NAME, content, held=threading.Event())
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    graph = graph_with(NAME, files.url(NAME), hashlib.sha256(content).hexdigest())
    (workflows / "new.json").write_text(json.dumps(graph), encoding="utf-8")
    port, base = free_port(), tmp_path / "base"
    (base / "custom_nodes").mkdir(parents=True)
    with comfyui(base, port) as url, opened_app(url, workflows, files) as app:
        assert not asked(app, "GET", "/workflows/new").json()["can_run"]
        started = asked(app, "POST", "/admin/downloads", json={"workflow": "new"})
        assert started.status_code == 204, started.text
        eventually(lambda: download(app).get("received", 0) > 1_000_000)
        assert requests.get(f"{url}/models/checkpoints", timeout=LONGEST_WAIT).json() == []
    with comfyui(base, port) as url, opened_app(url, workflows, files) as app:
        assert not asked(app, "GET", "/workflows/new").json()["can_run"]
        assert hosted.held
        hosted.held.set()
        eventually(lambda: asked(app, "GET", "/workflows/new").json()["can_run"])
        refuses_others(url)
    assert (base / "models" / "checkpoints" / NAME).read_bytes() == content
    assert "range" in files.requests[-1][1]


def opened_app(url: str, workflows: Path, files: FileServer) -> AbstractContextManager[RunningApp]:
    return running_app(
        url,
        workflows=workflows,
        downloads=DownloadSettings(SECRET, (files.origin,)),
        permissions=Permissions(operates=lambda _: True),
        demo=False,
    )


def download(app: RunningApp) -> dict[str, Any]:
    downloads = asked(app, "GET", "/admin/downloads").json()["downloads"]
    return dict(downloads[0]) if downloads else {}


def refuses_others(url: str) -> None:
    """Check the answers to requests that the app didn't sign, or that arrive twice."""
    body = b'{"orders": []}'
    signed = signed_headers(SECRET, "POST", DOWNLOADS, body)
    page = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    for headers, status in (({}, 403), (signed | page, 403), (signed, 200), (signed, 403)):
        answer = requests.post(url + DOWNLOADS, body, headers=headers, timeout=LONGEST_WAIT)
        assert answer.status_code == status, answer.text
    for path in (DOWNLOADS, f"/api{DOWNLOADS}", f"{DOWNLOADS}/facts"):
        assert requests.get(url + path, timeout=LONGEST_WAIT).status_code == 403
