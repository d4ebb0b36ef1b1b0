"""The Dockerfile, run step by step in a clean folder, and the other deployment files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.nightly.deploy.dockerfile import Image, built, context_of, instructions
from tests.support.app_process import free_port
from tests.support.environments import ROOT, environment_at, plain_environment, serving
from tests.support.waiting import LONGEST_WAIT
from ui.settings.arguments import settings_type
from ui.settings.server_options import PREFIX

DEPLOY = ROOT / "docs" / "deploy"
VARIABLES = {f"{PREFIX}{name.upper()}" for name in settings_type().model_fields}
# In a namespace of its own: everything read-only but the volume.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        file = DEPLOY / "Dockerfile"
        context = context_of(ROOT, file.with_name("Dockerfile.dockerignore"), Path(folder) / "sent")
        yield built(file, context, Path(folder))


def as_its_user(image: Image) -> list[str]:
    """Return the prefix that makes a command run as in the container, as far as this account may:
    under another account, on a read-only root."""
    if os.geteuid():
        return []
    user, group = image.user.split(":")
    (volume,) = image.volumes
    alone = ["unshare", "--mount", "sh", "-c", READ_ONLY, volume]
    can = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--inh-caps=-all"]
    return [*(alone if can else ()), *drop]


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


def written(image: Image) -> dict[str, int]:
    """Return the modification time of each file outside the volumes."""
    (volume,) = map(Path, image.volumes)
    files = (path for path in image.root.rglob("*") if not path.is_relative_to(volume))
    return {str(path): path.lstat().st_mtime_ns for path in files}


def test_the_image_contains_no_build_inputs(image: Image) -> None:
    """The image leaves its build inputs behind."""
    assert {path.name for path in image.root.iterdir()} == {"opt", "data"}


def test_the_image_is_built_from_the_files_of_the_wheel() -> None:
    """The build context has each part of the wheel, and the Dockerfile copies it. Packages are
    installed by their recorded hashes."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, wheel = pyproject["project"], pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    parts = {*wheel["only-include"], *wheel["force-include"], project["readme"], "pyproject.toml"}
    sent = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert parts <= {line.removeprefix("!") for line in sent if line.startswith("!")}
    steps = instructions(DEPLOY / "Dockerfile")
    assert parts <= {name for word, rest in steps if word == "COPY" for name in rest.split()[:-1]}
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    assert all("--no-cache-dir" in one for one in installs)
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    tested = project["requires-python"].removeprefix(">=")
    assert {rest.split()[0] for word, rest in steps if word == "FROM"} == {f"python:{tested}-slim"}


def test_the_composition_shows_nothing_but_the_app() -> None:
    """ComfyUI, which has no sign-in, publishes no port. Each variable is a setting of the app."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
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
