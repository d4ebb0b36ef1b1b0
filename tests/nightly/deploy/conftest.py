"""Fixtures that build the wheel once and install it out of reach of the checkout."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.waiting import LONGEST_WAIT

ROOT = Path(__file__).parents[3]
OUR_OWN = re.compile(r"PYTHON|COMFYFORMS_|SPACE_|XDG_")  # variables that would tell an app of tests

Serve = Callable[..., AbstractContextManager[str]]


def pip(*arguments: str | Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def environment_at(folder: Path) -> Path:
    """Create an environment with this one's libraries but without the checkout. Return its folder
    of programs."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt")
    builder.create(folder)
    context = builder.ensure_directories(folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    let_find_libraries(Path(paths["purelib"]))
    return Path(context.bin_path)


def let_find_libraries(packages: Path) -> None:
    """Let an environment import this one's libraries too. Python searches a folder named in a .pth
    file, but ignores .pth files inside that folder."""
    libraries = sysconfig.get_path("purelib")
    (packages / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, ROOT)
    (built,) = folder.glob("comfyforms-*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a new environment and return its folder of programs."""
    programs = environment_at(tmp_path_factory.mktemp("installed"))
    pip("--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    return programs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Create an empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def serving(command: Sequence[str | Path], cwd: Path, **variables: str) -> Iterator[str]:
    """Start an app with this command in this folder, and yield its address. Stop it with SIGTERM
    and expect exit status 0."""
    with subprocess.Popen(
        [*map(str, command)],
        cwd=cwd,
        env=plain_environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        assert program.stdout is not None
        heard: list[str] = []
        try:
            for line in program.stdout:
                heard.append(line)
                if found := re.search(r"Open http://[^:]+:(\d+)(\S*) in", line):
                    yield f"http://127.0.0.1:{found[1]}{found[2]}"
                    break
            else:
                pytest.fail(f"{command} ended: {''.join(heard)}")
        finally:
            program.send_signal(signal.SIGTERM)
            heard.append(program.communicate(timeout=LONGEST_WAIT)[0])
    assert program.returncode == 0, "".join(heard)


def plain_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not OUR_OWN.match(name)}
