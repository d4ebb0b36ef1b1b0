"""`python app.py` starts with nothing but the packages in requirements.txt."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from comfy.base.version import app_version
from tests.support.environments import ROOT, environment_at, plain_environment, serving
from tests.support.samples.space import PUBLIC, SPACE
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python that has the libraries, but not the package or its metadata."""
    return environment_at(tmp_path_factory.mktemp("bare")) / "python"


def test_a_checkout_starts_as_a_space(python: Path, tmp_path: Path) -> None:
    """The app needs no metadata of its package. Its page has the form, and its health the
    version."""
    variables = {**SPACE, "COMFYFORMS_DATA": str(tmp_path), "COMFYFORMS_PORT": "0"}
    behind = {"Host": PUBLIC, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    with (
        serving([python, "app.py"], ROOT, **variables) as url,
        requests.Session() as browser,
    ):
        browser.headers.update(behind)
        page = browser.get(url, timeout=LONGEST_WAIT)
        assert page.status_code == 200
        assert '"text-to-image"' in page.text
        assert f"ComfyForms {app_version()}" in page.text
        health = browser.get(f"{url}/api/v1/health", timeout=LONGEST_WAIT).json()
        assert health["version"] == app_version()


@pytest.mark.parametrize("command", ["app.py", "-m comfyforms", "-m comfy"])
def test_each_command_prints_its_version(command: str, python: Path) -> None:
    """Each command prints the version without importing Gradio."""
    words = [python, "-X", "importtime", *command.split(), "--version"]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST_WAIT,
    )
    assert done.stdout == f"ComfyForms {app_version()}\n"
    assert "| gradio" not in done.stderr
