"""The Dockerfiles, run step by step in a clean folder, and the other deployment files."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from comfyui_standin.server.routes import VERSION
from tests.nightly.deploy.dockerfile import Image, built, context_of, instructions
from tests.support.app_process import free_port
from tests.support.environments import ROOT, environment_at, plain_environment, serving
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.arguments import settings_type
from ui.settings.server_options import PREFIX

DEPLOY = ROOT / "docs" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
VARIABLES = {f"{PREFIX}{name.upper()}" for name in settings_type().model_fields}
COMPOSITIONS = [
    yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in (
        DEPLOY / "compose.yaml",
        *sorted((ROOT / "comfyforms" / "plugins").glob("*/deploy/compose.yaml")),
    )
]
COMFYUI = "https://github.com/Comfy-Org/ComfyUI"
# The stand-in with ComfyUI's command line, as far as the image uses it.
MAIN = f"""
import argparse, pathlib, signal, sys, tempfile
sys.path[:0] = {[str(ROOT), str(Path(requests.__file__).parents[1])]}
from comfyui_standin import DemoServer

parser = argparse.ArgumentParser()
parser.add_argument("--listen")
parser.add_argument("--port", type=int)
parser.add_argument("--disable-auto-launch", action="store_true")
parser.add_argument("--preview-method")
parser.add_argument("--base-directory", type=pathlib.Path)
args = parser.parse_args()
assert (args.base_directory / "models").is_dir() and (args.base_directory / "custom_nodes").is_dir()
tempfile.tempdir = str(args.base_directory)
server = DemoServer(host=args.listen, port=args.port, painted=64)
server.start()
print(f"To see the GUI go to: {{server.url}}", flush=True)
signal.sigwait([signal.SIGTERM, signal.SIGINT])
"""
# In place of Debian's: fail for what the images must not do.
PROGRAMS = {
    "apt-get": """#!/bin/sh
case "$*" in
update | "install -y --no-install-recommends git") ;;
*) echo "apt-get $*" >&2; exit 1 ;;
esac
""",
    "useradd": """#!/bin/sh
[ "$*" = "--uid 10001 --user-group --no-log-init --create-home comfyui" ]
""",
}
# In a namespace of its own: everything read-only but the volume.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield built_app(Path(folder))


def built_app(folder: Path) -> Image:
    """Build the app's image in this folder."""
    context = context_of(ROOT, DEPLOY / "Dockerfile.dockerignore", folder / "sent")
    return built(DOCKERFILE, context, folder)


@pytest.fixture
def downloads(tmp_path: Path) -> dict[str, str]:
    """Return the variables that give the steps a repository in the place of ComfyUI's, and programs
    that change nothing on this machine."""
    repository = tmp_path / "ComfyUI"
    repository.mkdir()
    (repository / "main.py").write_text(MAIN, encoding="utf-8")
    (repository / "requirements.txt").touch()
    for name in ("custom_nodes", "input", "models", "output"):
        (repository / name).mkdir()
        (repository / name / "here.txt").touch()
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for step in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"], ["tag", f"v{VERSION}"]):
        subprocess.run([*git, *step], check=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": COMFYUI,
    }


def as_its_user(image: Image) -> list[str]:
    """Return the prefix that makes a command run as in the container, as far as this account may:
    under another account, on a read-only root."""
    if os.geteuid():
        return []
    (volume,) = image.volumes
    alone = ["unshare", "--mount", "sh", "-c", READ_ONLY, volume]
    can = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    return [*(alone if can else ()), *image.as_user]


def test_the_image_runs_without_a_user_on_a_read_only_root(image: Image) -> None:
    """The built image starts, answers the health check and lists its workflows. It writes only to
    its volume."""
    command, check = ([*as_its_user(image), *one] for one in (image.command, image.health))
    assert image.user.partition(":")[0].isdecimal(), "orchestrators know a number for no root"
    environment = {**image.env, "COMFYFORMS_PORT": str(free_port())}
    before = written(image)
    with serving(command, image.workdir, **environment) as url:
        done = subprocess.run(
            check, env=plain_environment() | environment, timeout=LONGEST_WAIT, check=False
        )
        assert done.returncode == 0
        page = requests.get(url, timeout=LONGEST_WAIT)
        listed = requests.get(f"{url}/api/v1/workflows", cookies=page.cookies, timeout=LONGEST_WAIT)
        assert "text-to-image" in {one["name"] for one in listed.json()["workflows"]}
    assert (image.root / "data" / "secret").exists()
    assert written(image) == before
    gone = subprocess.run(
        image.health, env=plain_environment() | environment, capture_output=True, check=False
    )
    assert gone.returncode != 0


def test_the_image_with_comfyui_starts_both(downloads: dict[str, str]) -> None:
    """On the app's image. Models are in the volume, so the folders for them are made first. If only
    its owner reaches this Python, the account and the read-only root are left out: the app looks
    for a Python that its account may run."""
    text = (DEPLOY / "Dockerfile.comfyui").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        base = built_app(Path(folder))
        image = built(
            text, DEPLOY, Path(folder, "with"), images={"comfyforms": base}, variables=downloads
        )
        assert (image.user, image.workdir) == ("10001:10001", image.root / "data")
        environment = {**image.env, "COMFYFORMS_PORT": str(free_port())}
        everyone = all(
            path.stat().st_mode & 0o001 for path in Path(sys.executable).resolve().parents
        )
        command = [*(as_its_user(image) if everyone else ()), *image.command]
        before = written(image)
        with serving(command, image.workdir, **environment) as url:
            eventually(
                lambda: requests.get(f"{url}/api/v1/health?ready=true", timeout=LONGEST_WAIT).ok,
                "ComfyUI takes runs",
            )
        assert (image.root / "data" / "comfyui-base" / "models").is_dir()
        assert written(image) == before


def test_the_steps_inside_compositions_can_be_run(
    image: Image, downloads: dict[str, str], tmp_path: Path
) -> None:
    """Plugins' add packages to the app's image, the other is ComfyUI alone."""
    for composition in COMPOSITIONS[1:]:
        app = composition["services"]["app-1"]["build"]["dockerfile_inline"]
        images = {"comfyforms": dataclasses.replace(image)}
        assert built(app, ROOT / "docs", tmp_path, images=images).user == image.user
    comfyui = COMPOSITIONS[0]["services"]["comfyui"]["build"]["dockerfile_inline"]
    alone = built(comfyui, DEPLOY, tmp_path, variables=downloads)
    assert (alone.workdir / alone.command[1]).read_text(encoding="utf-8") == MAIN


def written(image: Image) -> dict[str, int]:
    """Return the modification time of each file outside the volumes."""
    (volume,) = map(Path, image.volumes)
    files = (path for path in image.root.rglob("*") if not path.is_relative_to(volume))
    return {str(path): path.lstat().st_mtime_ns for path in files}


def test_the_image_contains_no_build_inputs(image: Image) -> None:
    """The image leaves its build inputs behind."""
    assert {path.name for path in image.root.iterdir()} == {"opt", "data", "usr"}


def test_the_image_is_built_from_the_files_of_the_wheel() -> None:
    """The build context has each part of the wheel, and the Dockerfile copies it. Packages are
    installed by their recorded hashes."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, wheel = pyproject["project"], pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    parts = {*wheel["only-include"], *wheel["force-include"], project["readme"], "pyproject.toml"}
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert parts <= {line.removeprefix("!") for line in sent if line.startswith("!")}
    steps = instructions(DOCKERFILE)
    assert parts <= {name for word, rest in steps if word == "COPY" for name in rest.split()[:-1]}
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    assert all("--no-cache-dir" in one for one in installs)
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    tested = project["requires-python"].removeprefix(">=")
    assert {rest.split()[0] for word, rest in steps if word == "FROM"} == {f"python:{tested}-slim"}


def test_the_composition_shows_nothing_but_the_app() -> None:
    """ComfyUI, which has no sign-in, publishes no port. Each variable is a setting of the app."""
    services = COMPOSITIONS[0]["services"]
    app, comfyui = services["comfyforms"], services["comfyui"]
    assert "ports" not in comfyui
    assert all(port.startswith("127.0.0.1:") for port in app["ports"])
    assert app["environment"].keys() <= VARIABLES
    assert app["environment"]["COMFYFORMS_SERVER"] == "http://comfyui:8188"
    assert app["read_only"] is True
    assert (DEPLOY / app["build"]["context"] / app["build"]["dockerfile"]).is_file()


def test_the_systemd_unit_is_valid(tmp_path: Path) -> None:
    """If systemd is installed, it finds no errors in the unit. Each variable is a setting of the
    app."""
    text = (DEPLOY / "comfyforms.service").read_text(encoding="utf-8")
    (variables,) = (line for line in text.splitlines() if line.startswith("Environment="))
    given = (pair.partition("=")[0] for pair in variables.removeprefix("Environment=").split())
    assert VARIABLES.issuperset(given)
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd")
    programs = environment_at(tmp_path / "environment")
    unit = tmp_path / "comfyforms.service"
    unit.write_text(text.replace("/opt/comfyforms/bin/comfyforms", str(programs / "python")))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
