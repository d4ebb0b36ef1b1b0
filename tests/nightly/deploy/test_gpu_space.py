"""A Docker Space with a real ComfyUI on the CPU. COMFYUI_DIR is a checkout with a checkpoint of
Stable Diffusion 1.5, COMFYUI_COMMAND `PYTHON main.py --cpu`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import gradio
import pytest
import requests
from playwright.sync_api import expect

from comfy import __main__ as comfy
from comfyui_standin import DemoServer
from tests.docs.test_operating_page import LOCKING
from tests.downloads.file_server import FileServer, file_server
from tests.nightly.deploy.dockerfile import Image, built
from tests.nightly.deploy.test_space import BEHIND, framed
from tests.support.app_process import START
from tests.support.environments import serving
from tests.support.samples.space import SPACE
from tests.support.waiting import LONGEST_WAIT

FOLDER, COMMAND = os.environ.get("COMFYUI_DIR", ""), os.environ.get("COMFYUI_COMMAND", "")
pytestmark = pytest.mark.skipif(not (FOLDER and COMMAND), reason="needs a real ComfyUI")
LONGEST = 1000 * START  # milliseconds
SOURCE = "https://github.com/Comfy-Org/ComfyUI"


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    """Return the ComfyUI's first checkpoint."""
    found = sorted(Path(FOLDER, "models", "checkpoints").glob("*.safetensors"))
    if not found:
        pytest.skip("needs a checkpoint in models/checkpoints")
    return found[0]


@pytest.fixture
def host(checkpoint: Path) -> Iterator[FileServer]:
    """Yield a download host that holds back the checkpoint's second half."""
    with file_server() as server:
        content = checkpoint.read_bytes()
        linked = {"X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        server.host(checkpoint.name, content, headers=linked, held=threading.Event())
        server.files["whole"] = server.files[checkpoint.name]
        yield server


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder that the image's account reaches."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def downloads(place: Path) -> dict[str, str]:
    """Return the variables that give the steps the files of the ComfyUI here in the place of its
    repository. A checkout may be shallow and may lack objects, so they become a commit of their
    own. Programs that only root of a fresh machine may run do nothing else than make the home."""
    folder = place / "comfyui.git"
    git = ["git", f"--git-dir={folder}", f"--work-tree={FOLDER}"]
    mine = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    listed = subprocess.run(
        ["git", "-C", FOLDER, "ls-files", "-z"], capture_output=True, text=True, check=True
    ).stdout
    names = [name for name in listed.split("\0") if name and Path(FOLDER, name).exists()]
    given = ["--pathspec-from-file=-", "--pathspec-file-nul"]
    version = re.search(r'"(.+)"', Path(FOLDER, "comfyui_version.py").read_text("utf-8"))
    assert version
    for words in (["init", "-q"], ["add", "-f", *given], [*mine, "commit", "-qm", "ComfyUI"]):
        text = "\0".join(names) if "add" in words else ""
        subprocess.run([*git, *words], cwd=FOLDER, input=text, text=True, check=True)
    subprocess.run([*git, "tag", f"v{version[1]}"], check=True)
    if not os.geteuid():  # Git refuses the repository of another account
        subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
    programs = place / "bin"
    programs.mkdir()
    home = "mkdir -p home/user" if os.geteuid() else "install -d -o 1000 -g 1000 home/user"
    for name, script in (("apt-get", "true"), ("useradd", home)):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}.insteadOf",
        "GIT_CONFIG_VALUE_0": SOURCE,
    }


def write_workflow(file: Path, checkpoint: str) -> None:
    """Write a workflow that makes a small image in a few steps."""
    size = {"width": 128, "height": 64, "batch_size": 1}
    sampling = {"seed": 5, "steps": 3, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal"}
    links = {
        "model": ["1", 0],
        "positive": ["2", 0],
        "negative": ["3", 0],
        "latent_image": ["4", 0],
    }
    nodes = {
        "1": ("CheckpointLoaderSimple", {"ckpt_name": checkpoint}),
        "2": ("CLIPTextEncode", {"text": "a harbor", "clip": ["1", 1]}),
        "3": ("CLIPTextEncode", {"text": "blurry", "clip": ["1", 1]}),
        "4": ("EmptyLatentImage", size),
        "5": ("KSampler", {**sampling, **links, "denoise": 1.0}),
        "6": ("VAEDecode", {"samples": ["5", 0], "vae": ["1", 2]}),
        "7": ("SaveImage", {"images": ["6", 0], "filename_prefix": "forms"}),
    }
    text = json.dumps(
        {key: {"class_type": one, "inputs": two} for key, (one, two) in nodes.items()}
    )
    file.write_text(text, encoding="utf-8")


def write_space(folder: Path, host: FileServer, checkpoint: str) -> Path:
    """Write a Space with the documented commands. Between them, fill in the checkpoint's address."""
    write_workflow(folder / "my-workflow.json", checkpoint)
    lock, space = LOCKING.splitlines()
    with chdir(folder), DemoServer() as demo:
        words = shlex.split(lock.replace("http://127.0.0.1:8188", demo.url))[1:]
        assert comfy.main(words) == 1
        file = Path("lock.toml")
        address = f'url = "{host.url(checkpoint)}"'
        file.write_text(file.read_text("utf-8").replace('url = ""', address), encoding="utf-8")
        assert comfy.main([*words, "--download-hosts", host.origin]) == 0
        assert comfy.main(shlex.split(space)[1:]) == 0
    return folder / "my-space"


def image_of(space: Path, folder: Path, downloads: dict[str, str]) -> Image:
    """Carry out the Dockerfile. ComfyUI's packages come from its Python here, ours from this one."""
    python = shlex.split(COMMAND)[0]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    libraries = {
        "ComfyUI/requirements.txt": Path(told.stdout.strip()),
        "app/requirements.txt": Path(gradio.__file__).parents[1],
    }
    folder.mkdir()
    text = (space / "Dockerfile").read_text("utf-8")
    return built(text, space, folder, variables=downloads, libraries=libraries)


def test_a_space_with_comfyui_makes_images(
    place: Path, checkpoint: Path, host: FileServer, downloads: dict[str, str]
) -> None:
    """Its Dockerfile's steps give a ComfyUI, which starts and fetches its checkpoint. Hugging
    Face's page shows the progress in its frame, then a form with previews that makes an image. The
    next start downloads nothing."""
    space = write_space(place, host, checkpoint.name)
    image = image_of(space, place / "image", downloads)
    variables = {**SPACE, **image.env, "COMFYFORMS_COMFYUI_ARGS": "--cpu", "COMFYFORMS_PORT": "0"}
    variables["TMPDIR"] = str(image.workdir)  # for ComfyUI's compiled code
    del variables["GRADIO_SERVER_PORT"]
    # If only its owner reaches this Python, the account is left out.
    everyone = all(path.stat().st_mode & 1 for path in Path(sys.executable).resolve().parents)
    command = [*(image.as_user if everyone else ()), *image.command]
    held = host.files[checkpoint.name].held
    assert held
    with serving(command, image.workdir, **variables) as url, framed(url) as app:
        bar = app.get_by_role("progressbar", name=checkpoint.name)
        card = app.locator("#missing")
        card.get_by_role("button", name="Details").click(timeout=LONGEST)
        expect(bar).to_be_visible(timeout=LONGEST)
        held.set()
        expect(card).to_be_hidden(timeout=LONGEST)
        app.locator("#generate").click(timeout=LONGEST)
        app.locator("#stage img.live-frame").first.wait_for(timeout=LONGEST)
        app.locator('#stage .stage[data-phase="done"]').wait_for(timeout=LONGEST)
        result = app.locator("#stage .media img").first
        expect(result).to_have_js_property(
            "naturalWidth", 128, timeout=LONGEST
        )  # after the last preview
    models = image.workdir / "models" / "checkpoints"
    assert [one.name for one in models.iterdir()] == [checkpoint.name]
    asked = len(host.requests)
    with serving(command, image.workdir, **variables) as url:
        wait_for_form(url)
    assert len(host.requests) == asked


def wait_for_form(url: str) -> None:
    """Wait until ComfyUI answers and has the model."""
    address = f"{url}/api/v1/workflows/my-workflow"
    for _ in range(int(START)):
        answer = requests.get(address, headers=BEHIND, timeout=LONGEST_WAIT)
        if answer.ok and answer.json()["can_run"]:
            return
        threading.Event().wait(1)
    pytest.fail("ComfyUI doesn't answer")
