"""Checks of the contributor pages: paths, names, commands and the layer diagram."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.docs.test_contributor_pages import PAGES, ROOT
from tests.support.waiting import IMPORTING


def commands(text: str) -> set[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    return {*map(str.strip, blocks), *re.findall(r"`(\.venv/bin/[^`]+)`", text)}


def in_short(command: str) -> str:
    words = shlex.split(command)
    return shlex.join(
        word
        for word in words
        if "COMFYUI_URL=" not in word and not ("pytest" in words and word.startswith("tests/"))
    )


PYTHON = sorted(
    {
        in_short(part)
        for text in PAGES.values()
        for command in commands(text)
        for part in command.split("&&")
        if "bin/python -m" in part
    }
)
PYTEST = ".venv/bin/python -m pytest"


def printed(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=IMPORTING,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("command", [one for one in PYTHON if "pytest" not in one])
def test_a_program_explains_its_options(command: str) -> None:
    """The help lists the options that a page gives for the program."""
    _, *words = command.split()
    told = printed(*words, "--help")
    assert all(option in told for option in re.findall(r"--[a-z-]+", command))


def test_tests_can_be_collected_with_the_options_that_pages_give() -> None:
    """A single call gets the options of all commands, in the commands' order. It collects one small
    folder, because another test checks the documented paths."""
    commands = [one.removeprefix(PYTEST).split() for one in PYTHON if one.startswith(PYTEST)]
    assert ["-q", "-n", "auto"] in commands
    words = PYTEST.split()[1:]
    assert "tests/comfyui/protocol" in printed(
        *words,
        *(word for one in commands for word in one),
        "--collect-only",
        "tests/comfyui/protocol",
    )
