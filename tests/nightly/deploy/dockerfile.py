r"""Run the steps of a Dockerfile below a separate folder, without a container engine.

Absolute paths in the file are placed below that folder. Packages that a step would download by hash
come from the test environment.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.environments import let_find_libraries, plain_environment

_OURS = r"(?<![\w/.:])/(?=(?:opt|data|build)\b)"  # where the file's absolute paths begin
SECONDS = 300


@dataclass
class Image:
    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: Path = Path()
    user: str = ""
    volumes: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def placed(self, text: str) -> str:
        """Return the text with its absolute paths moved below the root."""
        return re.sub(_OURS, f"{self.root}/", text)


def instructions(file: Path) -> list[tuple[str, str]]:
    """Return each instruction of a Dockerfile with its arguments."""
    lines = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    parted = (line.partition(" ") for line in lines if line.strip() and not line.startswith("#"))
    return [(word, rest.strip()) for word, _, rest in parted]


def context_of(checkout: Path, ignoring: Path, folder: Path) -> Path:
    """Copy the build context, as the ignore file defines it, from a checkout to this folder."""
    lines = ignoring.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*", "what is sent is named, not what is left out"
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = checkout / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def built(file: Path, context: Path, folder: Path) -> Image:
    """Build the image of a Dockerfile's last stage, with its root in this folder."""
    root = folder / "root"
    image, stages = Image(root), dict[str, Path]()
    name = ""
    for word, rest in instructions(file):
        match word:
            case "FROM":
                if root.exists():  # the next stage has the same paths
                    stages[name] = root.rename(folder / f"stage-{name}")
                name = rest.partition(" AS ")[2]
                image = Image(root, workdir=root)
                root.mkdir(mode=0o755)
            case "WORKDIR":
                image.workdir = Path(image.placed(rest))
                image.workdir.mkdir(parents=True, exist_ok=True)
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(image.placed(rest)))
                image.env |= {variable: value for variable, _, value in pairs}
            case "USER":
                image.user = rest
            case "VOLUME":
                image.volumes.append(image.placed(rest))
            case "RUN":
                _run(image, rest)
            case "COPY":
                _copy(image, shlex.split(rest), context, stages)
            case "CMD":
                image.command = json.loads(image.placed(rest))
            case "HEALTHCHECK":
                image.health = json.loads(image.placed(rest.partition(" CMD ")[2]))
            case "EXPOSE":
                assert rest == "7860"
            case _:
                raise AssertionError(f"{word} is not carried out here")
    return image


def _run(image: Image, command: str) -> None:
    if "--require-hashes" in command:
        assert (image.workdir / shlex.split(command)[-1]).is_file()
        (packages,) = image.root.glob("opt/*/lib/python*/site-packages")
        let_find_libraries(packages)
        return
    if os.geteuid():  # only root can give files away
        command = re.sub(r" -[og] \d+", "", command)
    done = subprocess.run(
        image.placed(re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command)),
        shell=True,
        cwd=image.workdir,
        # An environment variable of pip's that is "no" says what its option says.
        env={
            **plain_environment(),
            **image.env,
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "no",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"


def _copy(image: Image, words: Sequence[str], context: Path, stages: Mapping[str, Path]) -> None:
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    *sources, target = (word for word in words if not word.startswith("--"))
    here = stages[options["from"]] if "from" in options else context
    to = image.workdir / image.placed(target)
    for source in (here / name.lstrip("/") for name in sources):
        if source.is_dir():
            shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True)
        else:
            into = to / source.name if target.endswith("/") else to
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, into)
    if "chown" in options and os.geteuid() == 0:
        user, group = map(int, options["chown"].split(":"))
        for path in (to, *to.rglob("*")):
            os.chown(path, user, group)
