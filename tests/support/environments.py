"""Python environments of tests, with this one's libraries but without the checkout."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import gradio
import pytest

from tests.support.waiting import LONGEST_WAIT

ROOT = Path(__file__).parents[2]
OUR_OWN = re.compile(r"PYTHON|COMFYFORMS_|SPACE_|XDG_")  # variables that would tell an app of tests
_HIDDEN = re.compile(r"_?comfyforms|.*\.pth$")


def environment_at(folder: Path) -> Path:
    """Create an environment with this one's libraries but without the package, so that Python finds
    neither its modules nor its metadata. Return the environment's folder of programs."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt")
    builder.create(folder)
    context = builder.ensure_directories(folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    let_find_libraries(Path(paths["purelib"]))
    return Path(context.bin_path)


def let_find_libraries(packages: Path) -> None:
    """Let an environment with this folder of packages import this one's libraries too."""
    libraries = packages / "libraries"
    libraries.mkdir()
    for entry in Path(gradio.__file__).parents[1].iterdir():
        if not _HIDDEN.match(entry.name):
            (libraries / entry.name).symlink_to(entry)
    (packages / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")


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


def plain_environment() -> dict[str, str]:
    """Return this process's variables without those that the app reads."""
    return {name: value for name, value in os.environ.items() if not OUR_OWN.match(name)}
