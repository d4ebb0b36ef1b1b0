"""`/mcp` exists if its extra is installed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
import requests

from comfyforms.hooks import PluginApp
from comfyforms.plugins.mcp.plugin import NEEDED, app_parts
from tests.imports import ROOT
from tests.support.samples.packages import package_in
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.web_settings import WebSettings


def test_without_the_extra_there_is_no_mcp_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app runs as usual."""
    monkeypatch.setitem(sys.modules, "mcp", None)  # as where it is not installed
    with running_demo_app(step_seconds=0) as (_, app):
        for method in ("GET", "POST"):
            answer = requests.request(method, f"{app.url}/mcp", json={}, timeout=LONGEST_WAIT)
            assert answer.status_code == 404


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("1.29.4", False),
        ("1.30.0", True),
        ("2.2.9", False),
        ("2.3.0", True),
        ("2.4.0rc1", True),
        ("2.10.1", True),
        ("3.0.0a1", False),
    ],
)
def test_an_incompatible_version_of_the_extra_is_not_used(
    app: RunningApp,
    version: str,
    fits: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Gradio may have installed an incompatible version. The log names the required version, which
    matches pyproject.toml."""
    caplog.set_level("INFO", "comfyforms.plugins.mcp.plugin")
    monkeypatch.syspath_prepend(package_in(tmp_path, "mcp", version))
    plugin_app = PluginApp(app.services, app.asgi.state.identity, WebSettings(), lambda _: False)
    assert (app_parts(plugin_app) is not None) == fits
    said = f"/mcp is off: it needs {NEEDED}, but mcp {version} is installed."
    assert caplog.messages == [said] * (not fits)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["mcp"] == [NEEDED]
