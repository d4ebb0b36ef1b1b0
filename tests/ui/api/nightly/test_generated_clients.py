"""Clients that generators make from the OpenAPI document, and a fuzzer that reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from tests.imports import ROOT
from tests.support.programs import needs
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_app, running_demo_app
from tests.templates.template_server import some_templates
from tests.ui.api.api_calls import call
from ui.accounts.login import SignInSettings
from ui.accounts.users import UsersFile
from ui.settings.web_settings import WebSettings

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
WRITTEN = "http://127.0.0.1:7860"
(YAML,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
(TYPESCRIPT,) = re.findall(r"```ts\n(.*?)```", PAGE, re.S)
NODE_PACKAGES = ("openapi-typescript@7", "openapi-fetch@0.17", "typescript@5")
COMPILE = ("--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "esnext")
USE = """
from client import Client
from client.api.runs import start_run
from client.models import RunDoc, StartRunJsonRunBody

values = {"2.text": "a lighthouse at dusk", "5.steps": 1}
body = StartRunJsonRunBody.from_dict({"values": values})
run = start_run.sync("text-to-image", client=Client("APP/api/v1"), body=body, wait=True)
assert isinstance(run, RunDoc), run
print(run.phase, run.files[0].media_type)
"""
# Not whether the app accepts just what the document allows: it checks values against the form, and
# accepts null for a part that is left out.
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance", "missing_required_header"),
    *("unsupported_method", "allow_header_conformance"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with running_demo_app(step_seconds=0) as served:
        yield served


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the generator and the fuzzer, and return their folder."""
    folder = tmp_path_factory.mktemp("generators")
    venv.create(folder, with_pip=True)
    packages = ("openapi-python-client", "schemathesis")
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", *packages]
    subprocess.run(pip, check=True, timeout=900)
    return folder / "bin"


def output_of(command: list[str | Path], folder: Path, path: Path | None = None) -> str:
    """Return what a command prints; `path` is searched for programs first."""
    searched = os.pathsep.join(map(str, filter(None, (path, os.environ["PATH"]))))
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": searched},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_python_client_is_generated(programs: Path, app: RunningApp, tmp_path: Path) -> None:
    """The generator warns of nothing, and its client makes a run."""
    (tmp_path / "openapi.json").write_bytes(call(app, "GET", "/openapi.json").content)
    (tmp_path / "config.yaml").write_text(YAML)
    command = [programs / "openapi-python-client", "generate", "--path", "openapi.json"]
    options = ["--config", "config.yaml", "--meta", "none", "--output-path", "client"]
    assert "WARNING" not in output_of([*command, *options], tmp_path, programs)
    use = [programs / "python", "-c", USE.replace("APP", app.url)]
    assert output_of(use, tmp_path) == "done image/png\n"


def test_a_typescript_client_compiles(app: RunningApp, tmp_path: Path) -> None:
    """The page's program compiles strictly, and makes a run."""
    needs("node", "npm")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "client.ts").write_text(TYPESCRIPT.replace(WRITTEN, app.url))
    output_of(["npm", "install", "--silent", "--no-audit", *NODE_PACKAGES], tmp_path)
    own = tmp_path / "node_modules" / ".bin"
    document = f"{app.url}/api/v1/openapi.json"
    output_of([own / "openapi-typescript", document, "-o", "api.d.ts"], tmp_path)
    types = ["--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable"]
    output_of([own / "tsc", *COMPILE, *types, "client.ts"], tmp_path)
    assert output_of(["node", "client.js"], tmp_path).startswith("done /api/v1/runs/")


def test_a_fuzzer_finds_nothing(programs: Path, tmp_path: Path) -> None:
    """Each answer is in the document, also those to values that it forbids and to other methods.

    The fuzzer is an administrator that a proxy signs in: it removes users, but can't end its own
    session. Left out: event streams, because it compares each parsed event with the schema of the
    whole text.
    """
    folder = shutil.copytree(WORKFLOWS, tmp_path / "copy")
    file = UsersFile(tmp_path / "users.json")
    file.add("ben", "a harbour in rain", "user")
    ways = SignInSettings(file=file, user_header="X-Forwarded-User")
    with (
        DemoServer(step_seconds=0, templates=some_templates()) as demo,
        running_app(
            demo.url,
            workflows=folder,
            settings=WebSettings(port=0, sign_in=ways),
            permissions=Permissions.of_a_shell(),
        ) as app,
    ):
        command = [programs / "schemathesis", "run", f"{app.url}/api/v1/openapi.json"]
        options = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage", "--seed", "1"]
        rest = [
            "--request-timeout",
            "120",
            "--exclude-path-regex",
            "/events",
            "-H",
            "X-Forwarded-User: anna",
        ]
        shown = output_of([*command, "--url", f"{app.url}/api/v1", *options, *rest], tmp_path)
        assert not app.asgi.state.failures
    assert "401 Unauthorized" not in shown
