"""Docker Space with ComfyUI in it: its Dockerfile and its app.py.

https://huggingface.co/docs/hub/spaces-sdks-docker
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from types import MappingProxyType

from comfy.requirements.lock import Lock, LockedPack

LOCK = "lock.toml"
DOCKERFILE = "Dockerfile"
HARDWARE = "l4x1"  # 24 GB of video memory
_PORT = 7860
# Front matter: https://huggingface.co/docs/hub/spaces-config-reference
SETTINGS = MappingProxyType({"sdk": "docker", "app_port": _PORT, "suggested_hardware": HARDWARE})
_COMFYUI = "https://github.com/Comfy-Org/ComfyUI"
_PIP = "ComfyUI/.venv/bin/pip install --no-cache-dir"
# Besides Git, the libraries of OpenCV and a compiler: node packs often need them.
_SYSTEM = "git build-essential libgl1 libglib2.0-0"
_DOCKERFILE = """\
# A Docker Space at Hugging Face, written by `comfyforms space --gpu`. lock.toml names the models.
FROM python:{python}-slim
RUN apt-get update && apt-get install -y --no-install-recommends {system} \\
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 user
USER 1000
WORKDIR /home/user
ENV HOME=/home/user
{steps}
COPY --chown=1000:1000 requirements.txt app/
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir -r app/requirements.txt
COPY --chown=1000:1000 . app/
EXPOSE {port}
CMD ["/home/user/.venv/bin/python", "/home/user/app/app.py"]
"""
APP = '''"""Show the workflows in this folder as web forms. `comfyforms space` made this file."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path

from comfyforms.__main__ import main

HERE = Path(__file__).parent
LOCK = HERE / "lock.toml"
# Persistent storage keeps the models. Without it, each start of the Space downloads them again.
MODELS = Path("/data" if os.access("/data", os.W_OK) else Path.home()) / "models"


def prepare() -> None:
    """Let ComfyUI find the models there, and the app find ComfyUI and the lock."""
    folders = {model["folder"] for model in tomllib.loads(LOCK.read_text("utf-8")).get("model", [])}
    for folder in folders:
        (MODELS / folder).mkdir(parents=True, exist_ok=True)
    paths = HERE.with_name("model_paths.yaml")
    section = {"base_path": str(MODELS), "is_default": True, **{one: one for one in folders}}
    paths.write_text(json.dumps({"comfyforms": section}), "utf-8")  # JSON is YAML, too
    for name, value in {
        "COMFYFORMS_WORKFLOWS": HERE / "workflows",
        "COMFYFORMS_LOCK": LOCK,
        "COMFYFORMS_COMFYUI": HERE.with_name("ComfyUI"),
    }.items():
        os.environ.setdefault(name, str(value))
    more = os.environ.get("COMFYFORMS_COMFYUI_ARGS", "")  # a variable of the Space
    os.environ["COMFYFORMS_COMFYUI_ARGS"] = f"--extra-model-paths-config '{paths}' {more}"


if __name__ == "__main__":
    prepare()
    os.chdir(HERE)  # settings of a Space name files beside this one
    sys.exit(main())
'''


def dockerfile(lock: Lock) -> str:
    """Return the Dockerfile of a Space with the ComfyUI and the node packs of a lock."""
    return _DOCKERFILE.format(
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        system=_SYSTEM if lock.packs else "git",
        steps="\n".join(f"RUN {step}" for step in steps(lock)),
        port=_PORT,
    )


def steps(lock: Lock) -> Iterator[str]:
    """Yield the shell commands that install ComfyUI and its node packs."""
    if "." in lock.comfyui:
        yield f"git clone --depth 1 --branch v{lock.comfyui} {_COMFYUI} ComfyUI"
    else:
        yield f"git clone {_COMFYUI} ComfyUI && git -C ComfyUI checkout {lock.comfyui}"
    yield f"python -m venv ComfyUI/.venv && {_PIP} -r ComfyUI/requirements.txt"
    if any(one.is_release for one in lock.packs):
        yield f"{_PIP} -r ComfyUI/manager_requirements.txt"
    for one in lock.packs:
        if one.is_release:
            release = shlex.quote(f"{one.pack.id}@{one.pack.version}")
            cli = "ComfyUI/.venv/bin/cm-cli install --exit-on-fail"
            yield f"COMFYUI_PATH=/home/user/ComfyUI {cli} {release}"
        elif one.repository:
            yield _cloned(one)


def _cloned(pack: LockedPack) -> str:
    """Return the command that clones a pack and installs its requirements."""
    name = pack.repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
    folder = f"ComfyUI/custom_nodes/{name}"
    return (
        f"git clone {pack.repository} {folder}"
        f" && git -C {folder} checkout {pack.pack.version or 'HEAD'}"
        f" && git -C {folder} submodule update --init --recursive"
        f" && if [ -f {folder}/requirements.txt ]; then {_PIP} -r {folder}/requirements.txt; fi"
    )
