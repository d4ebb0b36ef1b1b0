r"""Run the steps of a Dockerfile below a separate folder, without a container engine.

Absolute paths in the file are placed below that folder. Packages that a step would download by hash
come from the test environment. Other downloads fail, unless the caller has something in their place.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.environments import ROOT, environment_at, let_find_libraries, plain_environment

# Where absolute paths begin. A path outside these folders is refused, because the step would
# change this machine.
_ABSOLUTE = r"(?<![\w/.:'}])/(?=\w)"
_OURS = rf"{_ABSOLUTE}(?=(?:opt|data|build|comfyui|home|app|var)\b)"
_SYSTEM = rf"{_ABSOLUTE}(?=(?:usr/bin|bin|dev)/)"
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
        assert not re.search(_ABSOLUTE, re.sub(f"{_OURS}|{_SYSTEM}", "", text)), text
        return re.sub(_OURS, f"{self.root}/", text)

    @property
    def as_user(self) -> list[str]:
        """Return the prefix that runs a command under the image's account, as far as this one may."""
        if os.geteuid() or not self.user.strip("0:"):
            return []
        user, _, group = self.user.partition(":")
        ids = [f"--reuid={user}", f"--regid={group or user}"]
        # Python may be in a home folder that only its owner reads.
        kept = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]
        return ["setpriv", *ids, "--clear-groups", *kept]


def instructions(text: str) -> list[tuple[str, str]]:
    """Return each instruction of a Dockerfile with its arguments."""
    lines = text.replace("\\\n", " ").splitlines()
    parted = (line.partition(" ") for line in lines if line.strip() and not line.startswith("#"))
    return [(word, rest.strip()) for word, _, rest in parted]


def complaints(text: str) -> list[str]:
    """Return what the linter reports about a Dockerfile. Skip the test if it isn't installed."""
    found = shutil.which(
        "hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if not found:
        pytest.skip("needs hadolint")
    done = subprocess.run(
        [found, "--no-color", "--config", str(ROOT / ".hadolint.yaml"), "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


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


def built(
    text: str,
    context: Path,
    folder: Path,
    *,
    images: Mapping[str, Image] | None = None,
    variables: Mapping[str, str] | None = None,
    libraries: Mapping[str, Path] | None = None,
) -> Image:
    """Build the image of a Dockerfile's last stage, with its root in this folder. `images`: images
    that it builds on, which are changed, because programs in them know their paths. `variables`:
    environment variables for the steps, such as a `PATH` to programs in the place of others.
    `libraries`: folders of installed packages, by the requirements file that a step would install
    from."""
    root = folder / "root"
    image, stages = Image(root), dict[str, Path]()
    name = ""
    for word, rest in instructions(text):
        match word:
            case "FROM":
                if root.exists():  # the next stage has the same paths
                    stages[name] = root.rename(folder / f"stage-{name}")
                base, _, name = rest.partition(" AS ")
                image = (images or {}).get(base) or _python_image(root, base)
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
                for step in _without_installs(image, rest, libraries or {}):
                    _run(image, step, variables or {})
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


def _python_image(root: Path, name: str) -> Image:
    """Return Docker's image of Python: an environment with pip that steps may change."""
    assert name.startswith("python:"), f"no image {name}"
    root.mkdir(mode=0o755)
    programs = environment_at(root / "usr" / "local")
    pip = programs / "pip"
    pip.write_text(f'#!/bin/sh\nexec {programs / "python"} -m pip "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    return Image(root, workdir=root)


def _without_installs(image: Image, command: str, libraries: Mapping[str, Path]) -> Iterator[str]:
    """Yield the parts of a command. Installs from the requirements files in `libraries` aren't
    among them: their environments find these libraries."""
    for part in command.split(" && ") if libraries else (command,):
        install = re.fullmatch(r"(\S+)/bin/pip install --no-cache-dir -r (\S+)", part)
        if install and (found := libraries.get(install[2])):
            assert (image.workdir / install[2]).is_file()
            (packages,) = (image.workdir / install[1]).glob("lib/python*/site-packages")
            (packages / "libraries.pth").write_text(f"{found}\n", encoding="utf-8")
        else:
            yield part


def _run(image: Image, command: str, variables: Mapping[str, str]) -> None:
    if "--require-hashes" in command:
        for listed in re.findall(r" -r (\S+)", image.placed(command)):
            assert (image.workdir / listed).is_file(), listed
        (packages,) = image.root.glob("opt/*/lib/python*/site-packages")
        if not (packages / "libraries").exists():
            let_find_libraries(packages)
        return
    if os.geteuid():  # only root can give files away
        command = re.sub(r" -[og] \d+", "", command)
        command = re.sub(r"\bchown -R \S+", "ls -d", command)
    environment = {**plain_environment(), **variables, **image.env}
    environment["PATH"] = f"{image.root}/usr/local/bin{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [*image.as_user, "sh", "-c", image.placed(command)],
        cwd=image.workdir,
        # An environment variable of pip's that is "no" says what its option says.
        env={
            **environment,
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
