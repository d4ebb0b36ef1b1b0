"""The commands and snippets in README.md and the pages for users and authors work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.docs import test_readme as twin
from tests.docs.test_operating_page import OPERATING
from tests.docs.test_readme import (
    PEOPLE,
    PICTURES,
    ROOT,
    SEVERAL,
    SHELL,
    STAND_IN,
    TESTS,
    arguments,
    check_moving_picture,
    serving,
)
from tests.support.app_process import launched
from tests.support.waiting import IMPORTING, LONGEST_WAIT, eventually

app = twin.app


SERVERS = [block for block in SHELL if "app.py" in block and block not in (*PEOPLE, SEVERAL)]
RUN_ELSEWHERE = (*SERVERS, SEVERAL, STAND_IN, *PEOPLE, TESTS)
ONCE = [block for block in SHELL if "-m comfy " in block and block not in RUN_ELSEWHERE]


@pytest.mark.parametrize("command", SERVERS)
def test_a_command_that_serves_starts_and_ends(command: str) -> None:
    """Each command that starts the app prints its address and exits with 0 on SIGTERM."""
    with serving(*arguments(command, "app.py")):
        pass


@pytest.mark.parametrize("command", ONCE)
def test_every_other_command_exits_with_0(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other command exits with 0 and writes its files to the given folder."""
    monkeypatch.chdir(ROOT)
    words = arguments(command, "-m comfy")
    if "--out" in words:
        words[words.index("--out") + 1] = str(tmp_path)
    assert main(words) == 0
    assert "--out" not in words or list(tmp_path.glob("*.*"))


def test_the_app_starts_with_every_access_option(tmp_path: Path) -> None:
    """All options of the table work together. The app answers at the proxy, and prints the
    address where the proxy reaches the app."""
    commands = re.findall(r"\| `comfyforms (--.+?)` \|", OPERATING)
    assert len(commands) == 3
    words = " ".join(commands).split()
    with DemoServer() as demo:
        places = ("--server", demo.url, "--data", str(tmp_path / "data"))
        with launched(*words, *places) as app:
            eventually(lambda: "Link for guests" in app.said(), "the app has started")
            assert f"The proxy must connect to {app.url}." in app.said()
            assert "Link for guests: https://forms.example.org/forms/join/" in app.said()
            asked = {"Host": "forms.example.org"}
            told = requests.get(f"{app.url}/health", headers=asked, timeout=LONGEST_WAIT)
            assert told.status_code == 200
            assert app.end() == 0


def test_the_pictures_can_be_made_again(tmp_path: Path) -> None:
    """The script makes each picture of the docs from today's page."""
    command = [sys.executable, "-m", "tools.pictures", str(tmp_path)]  # with its own event loop
    subprocess.run(command, cwd=ROOT, check=True, timeout=IMPORTING)
    made = {file.name for file in tmp_path.iterdir()}
    assert made == {file.name for file in (ROOT / "docs" / "pictures").iterdir()}
    for name, limits in zip(("run_phone", "run"), PICTURES, strict=True):
        check_moving_picture(tmp_path / f"{name}.webp", *limits)
