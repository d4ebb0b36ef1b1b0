"""The page's commands run with its config."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from comfyforms.plugins.comfy_runner.settings import RunnerSettings
from tests.imports import ROOT
from tests.support.programs import needs
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.settings.arguments import read_settings
from ui.settings.web_settings import WebSettings

PAGE = (ROOT / "comfyforms/plugins/comfy_runner/docs.md").read_text(encoding="utf-8")
START, CALLS = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
(CONFIG,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)


def test_the_examples_of_the_page_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that starts the app uses existing settings. Client commands get the answers that
    the table shows."""
    needs("curl", "jq")
    (tmp_path / "comfy_runner" / "workflows").mkdir(parents=True)
    config = tmp_path / "comfy_runner" / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = read_settings(START.split()[2:])
    assert settings.comfy_runner == config.relative_to(tmp_path)
    web = WebSettings(port=0, of_plugins=RunnerSettings(comfy_runner=config))
    with running_demo_app(step_seconds=0, settings=web) as (_, app):
        ended = subprocess.run(
            ["bash", "-ec", CALLS.replace("http://127.0.0.1:7860", app.url)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=2 * LONGEST_WAIT,
            check=True,
        )
    assert ended.stdout.splitlines() == [
        "Updated text in node prompt successfully",
        "Workflow completed successfully",
    ]
    assert (tmp_path / "lighthouse.png").read_bytes().startswith(b"\x89PNG")
