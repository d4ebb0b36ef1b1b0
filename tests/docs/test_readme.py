"""Every command and snippet of the README does what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from mcp import Client

from comfy.demo import DemoServer
from tests.support.app_process import launched
from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
SHELL = [block.strip() for language, block in BLOCKS if language == "sh"]
PYTHON = [block for language, block in BLOCKS if language == "python"]
SETUP, TESTS = (next(block for block in SHELL if part in block) for part in ("app.py", "pytest"))
PEOPLE = [block for block in SHELL if "app.py user" in block]
(SEVERAL,) = (block for block in SHELL if block.count("--server ") > 1)
SERVERS = [
    block
    for block in SHELL
    if ("app.py" in block or "comfy demo" in block) and block not in (*PEOPLE, SEVERAL)
]
CALLS = [block for block in SHELL if block.startswith("curl ")]
ONCE = [block for block in SHELL if block not in [*SERVERS, SEVERAL, *PEOPLE, *CALLS, TESTS]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def arguments(command: str) -> list[str]:
    """A README command with this Python in the place of the one in .venv; `env` sets variables that
    stand before it."""
    words = [
        sys.executable if part == ".venv/bin/python" else part for part in shlex.split(command)
    ]
    return ["env", *words] if "=" in words[0] else words


@contextmanager
def started(command: list[str], says: str) -> Iterator[subprocess.Popen[str]]:
    """The program once it has said `says`; ended by SIGTERM, with exit code 0."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        assert program.stdout is not None
        try:
            heard = []
            for line in program.stdout:
                heard.append(line)
                if says in line:
                    break
            else:
                pytest.fail(f"{command} ended: {''.join(heard)}")
            yield program
        finally:
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=LONGEST_WAIT)
    assert program.returncode == 0


def test_ci_runs_the_test_command_and_both_set_up_the_same_way() -> None:
    """The two commands differ in their last step and in the test packages; CI takes the second from
    the README."""
    assert SETUP.split(" && ")[:1] == TESTS.split(" && ")[:1]
    assert TESTS.split(" && ")[1] == ".venv/bin/pip install -q -e '.[test]'"
    pattern = re.search(
        r"grep --max-count=1 '(.*?)' README.md", (ROOT / ".ci/run").read_text(encoding="utf-8")
    )
    assert pattern is not None
    assert re.findall(f".*{pattern[1]}.*", README)[0] == TESTS


@pytest.mark.parametrize("command", SERVERS)
def test_a_command_that_serves_starts_and_ends(command: str) -> None:
    """Each command that starts a server says where it listens, and ends on SIGTERM with 0."""
    last = arguments(command.split(" && ")[-1])
    if "--port" in last:
        last[last.index("--port") + 1] = str(free_port())
    else:
        last += ["--port", str(free_port())]
    with started(last, "Open http" if "app.py" in last else "Stand-in ComfyUI at"):
        pass


def test_the_app_uses_each_of_several_servers() -> None:
    """The command names two, and both are asked."""
    with DemoServer() as one, DemoServer() as other:
        command = SEVERAL
        for written, demo in zip(re.findall(r"--server (\S+)", SEVERAL), (one, other), strict=True):
            command = command.replace(written, demo.url)
        port = free_port()
        with started([*arguments(command), "--port", str(port)], "Open http"):
            health = f"http://127.0.0.1:{port}/api/v1/health"
            told = requests.get(health, timeout=LONGEST_WAIT).json()["servers"]
            assert [server["up"] for server in told] == [True, True]


@pytest.mark.parametrize("command", ONCE)
def test_a_command_that_ends_does_so_with_success(command: str, tmp_path: Path) -> None:
    """Each other command exits with 0 and leaves its files where it was told."""
    words = arguments(command)
    if "--out" in words:
        words[words.index("--out") + 1] = str(tmp_path)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "--out" not in words or list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("command", PEOPLE)
def test_a_command_about_people_writes_their_file(command: str, tmp_path: Path) -> None:
    """It takes the password that is piped in as well as one that is typed."""
    words = [*arguments(command), "--data", str(tmp_path)]
    password = "a lighthouse at dusk\n"
    subprocess.run(words, cwd=ROOT, input=password, text=True, timeout=LONGEST_WAIT, check=True)
    assert "anna" in (tmp_path / "users.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("snippet", PYTHON)
def test_a_snippet_runs_against_the_app(snippet: str, tmp_path: Path) -> None:
    """The Python snippet, pointed at a running app, ends with a finished run and its file."""
    with running_demo_app() as (_, app):
        code = snippet.replace("http://127.0.0.1:7860", app.url)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^done .*\.png", done.stdout, re.M)


def test_the_address_for_assistants_is_one() -> None:
    """What an assistant's settings name is a server that has tools."""
    (settings,) = (json.loads(block) for kind, block in BLOCKS if kind == "json")
    (server,) = settings["mcpServers"].values()

    async def tools(address: str) -> list[str]:
        async with Client(address) as assistant:
            return [tool.name for tool in (await assistant.list_tools()).tools]

    with running_demo_app(step_seconds=0) as (_, app):
        address = server["url"].replace("http://127.0.0.1:7860", app.url)
        assert "text_to_image" in awaited(tools(address))


@pytest.mark.parametrize("command", CALLS)
def test_a_call_is_answered_by_the_app(command: str) -> None:
    """A command that asks a running app is answered with a finished run."""
    with running_demo_app(step_seconds=0) as (_, app):
        words = shlex.split(command.replace("http://127.0.0.1:7860", app.url))
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert '"phase":"done"' in done.stdout


@pytest.mark.parametrize("command", SHELL)
def test_no_command_shows_a_password(command: str) -> None:
    """Options are seen by everybody at the machine; secrets stand in variables."""
    assert not re.search(r"--(login|server-token|server-header|database)[ =]|://[^/ ]*@", command)


def test_the_app_starts_with_all_that_lets_more_in(tmp_path: Path) -> None:
    """The options of that table, all at once: guests are let in at the proxy, which is told where
    the app is."""
    commands = re.findall(r"\| `python app.py (.+?)` \|", README)
    assert len(commands) == 4
    config = tmp_path / "config.toml"
    config.write_text('[comfy]\nworkflow = "text-to-image"\n', encoding="utf-8")
    words = " ".join(commands).replace(config.name, str(config)).split()
    with DemoServer() as demo:
        places = ("--server", demo.url, "--data", str(tmp_path / "data"))
        with launched(*words, *places) as app:
            eventually(lambda: "lets guests in" in app.said(), "the app has started")
            assert f"The proxy reaches the app at {app.url}." in app.said()
            assert "guests in: https://forms.example.org/forms/join/" in app.said()
            asked = {"Host": "forms.example.org"}
            told = requests.get(f"{app.url}/health", headers=asked, timeout=LONGEST_WAIT)
            assert told.json()["STATUS"] == "ComfyUI Workflow Runner is running"
            assert app.end() == 0


def test_every_file_the_readme_names_exists() -> None:
    """Links and pictures that point into the project lead somewhere, also those to a heading."""
    for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", README):
        if target.startswith("http"):
            continue
        file = ROOT / (target or "README.md")
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            there = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
            assert heading in there, (target, heading)
