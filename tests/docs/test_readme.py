"""The commands and snippets in README.md and the pages for users and authors work."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
import requests
from PIL import Image

from comfyui_standin import DemoServer
from tests.support.app_process import Started, free_port, launched
from tests.support.leaks import closing
from tests.support.samples.shipped import prompt
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import IMPORTING, LONGEST_WAIT, eventually, run_python

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = README + "".join(
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("guide", "own_forms", "from_graph_to_form")
)
BLOCKS = list(dict.fromkeys(re.findall(r"```(\w+)\n(.*?)```", PAGES, re.S)))
SHELL = [block.strip() for language, block in BLOCKS if language == "sh"]
SETUP, TESTS = (next(block for block in SHELL if part in block) for part in ("app.py", "pytest"))
PEOPLE = [block for block in SHELL if "app.py user" in block]
(SEVERAL,) = (block for block in SHELL if block.count("--server ") > 1)
(STAND_IN,) = (block for block in SHELL if "comfy demo" in block)
PICTURES = ((700_000, 600), (1_000_000, 1024))  # bytes and width: for phones, for others


def is_of_removed_plugin(target: str) -> bool:
    """Return whether a link leads into the folder of a plugin that a user has removed."""
    is_removed = not (ROOT / target).with_name("__init__.py").exists()
    return target.startswith("comfyforms/") and is_removed


def snippets() -> list[str]:
    """Return the snippets in Python. The line before one has a link to the plugin that it needs."""
    found = re.findall(r"([^\n]*)\n\n```python\n(.*?)```", PAGES, re.S)
    return [
        snippet
        for line, snippet in found
        if not any(map(is_of_removed_plugin, re.findall(r"\]\((.*?)\)", line)))
    ]


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    with running_demo_app(step_seconds=0) as (_, running):
        closing.append(running.close_idle)
        yield running
        closing.remove(running.close_idle)


def arguments(command: str, program: str) -> list[str]:
    python, *words = shlex.split(command.split(" && ")[-1])
    assert python == ".venv/bin/python"
    given = len(program.split())
    assert words[:given] == program.split()
    return words[given:]


@contextmanager
def serving(*words: str) -> Iterator[Started]:
    """Start the app with these arguments and yield it when it has printed its address. Then end it
    with SIGTERM and expect exit code 0."""
    with launched(*words) as one:
        eventually(lambda: "Open http" in one.said() or not one.process.is_alive())
        assert "Open http" in one.said()
        yield one
        assert one.end() == 0


def test_ci_runs_the_test_command_and_both_set_up_the_same_way() -> None:
    """The two commands differ in their last step and in the test packages. CI reads the second
    command from the README."""
    assert SETUP.split(" && ")[:1] == TESTS.split(" && ")[:1]
    assert TESTS.split(" && ")[1] == ".venv/bin/pip install -q -e '.[test]'"
    pattern = re.search(
        r"grep --max-count=1 '(.*?)' README.md", (ROOT / ".ci/run").read_text(encoding="utf-8")
    )
    assert pattern is not None
    assert re.findall(f".*{pattern[1]}.*", README)[0] == TESTS


def test_the_stand_in_starts_alone_and_ends() -> None:
    """The stand-in's command prints its address and exits with 0 on SIGTERM."""
    words = arguments(STAND_IN, "-m comfy demo")
    words[words.index("--port") + 1] = str(free_port())
    with subprocess.Popen(
        [sys.executable, "-m", "comfy", "demo", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout is not None
        try:
            assert any("Stand-in ComfyUI at" in line for line in program.stdout)
        finally:
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=LONGEST_WAIT)
    assert program.returncode == 0


def test_the_app_uses_each_of_several_servers() -> None:
    """The command names two servers, and the app checks both."""
    with DemoServer() as one, DemoServer() as other:
        command = SEVERAL
        for written, demo in zip(re.findall(r"--server (\S+)", SEVERAL), (one, other), strict=True):
            command = command.replace(written, demo.url)
        with serving(*arguments(command, "app.py")) as app:
            told = requests.get(f"{app.url}/api/v1/health", timeout=LONGEST_WAIT).json()["servers"]
            assert [server["up"] for server in told] == [True, True]


@pytest.mark.parametrize("command", PEOPLE)
def test_a_user_command_writes_the_user_file(command: str, tmp_path: Path) -> None:
    """The command accepts a piped password as well as a typed one."""
    words = [sys.executable, "app.py", *arguments(command, "app.py"), "--data", str(tmp_path)]
    password = "a lighthouse at dusk\n"
    subprocess.run(words, cwd=ROOT, input=password, text=True, timeout=IMPORTING, check=True)
    assert "anna" in (tmp_path / "users.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("snippet", snippets())
def test_a_snippet_runs_against_the_app(
    snippet: str,
    app: RunningApp,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pointed at a running app, the Python snippet finishes a run and prints its file."""
    (tmp_path / "prompt.json").write_text(json.dumps(prompt(n5_steps=2)), encoding="utf-8")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # Gradio's client leaves folders there
    with chdir(tmp_path):
        run_python(snippet.replace("http://127.0.0.1:7860", app.url))
    assert re.search(r"^done .*\.png", capsys.readouterr().out, re.M)


@pytest.mark.parametrize("command", SHELL)
def test_no_command_shows_a_password(command: str) -> None:
    """Every user of the machine can see options, so secrets belong in variables."""
    assert not re.search(r"--(login|server-token|server-header|database)[ =]|://[^/ ]*@", command)


def check_moving_picture(file: Path, most_bytes: int, widest: int) -> None:
    """Fail unless the picture is small, and shows a run in 6 to 10 seconds."""
    assert file.stat().st_size < most_bytes
    with Image.open(file) as picture:
        assert picture.width <= widest
        frames: int = getattr(picture, "n_frames", 1)
        times = []
        for number in range(frames):
            picture.seek(number)
            picture.load()
            times.append(picture.info["duration"])
    assert frames > 20
    assert 6000 <= sum(times) <= 10_000


def test_the_readme_begins_with_a_moving_picture() -> None:
    """Its first picture is an animation that a browser loads quickly. Phones show another one,
    whose text they don't scale down to less than half."""
    picture = README[: README.index("</picture>")]
    assert 'media="(max-width: 600px)"' in picture
    for file, limits in zip(re.findall(r'src(?:set)?="(\S+)"', picture), PICTURES, strict=True):
        check_moving_picture(ROOT / file, *limits)
