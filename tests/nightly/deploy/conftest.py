"""The wheel, built once, and installed where nothing of the checkout is in reach."""

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
    """A new environment that has the libraries of this one, but no checkout; its folder of
    programs."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt")
    builder.create(folder)
    context = builder.ensure_directories(folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    let_find_libraries(Path(paths["purelib"]))
    return Path(context.bin_path)


def let_find_libraries(packages: Path) -> None:
    """Let an environment with this folder of packages import the libraries of this one too: a
    folder that such a file names is looked through, but not for such files of its own."""
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
    """The folder of programs of an environment in which the wheel is installed."""
    programs = environment_at(tmp_path_factory.mktemp("installed"))
    pip("--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    return programs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A person's own folder, with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@contextlib.contextmanager
def serving(command: Sequence[str | Path], cwd: Path, **variables: str) -> Iterator[str]:
    """The address of an app that this command starts in this folder; ended by SIGTERM, with 0."""
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
