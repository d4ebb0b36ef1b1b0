"""ComfyUI's folder, its Python and its arguments."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from comfy.base.errors import ComfyError
from comfy.base.json_values import parse_json

# Chosen by the app, which has to reach ComfyUI.
_OURS = ("--port", "--listen", "--tls-keyfile", "--tls-certfile")
# ComfyUI sends no previews without this (docs/comfyui.md#3).
_PREVIEWS = ("--preview-method", "auto")
_PROGRAM = Path("Scripts", "python.exe") if sys.platform == "win32" else Path("bin", "python")
# Variables for the app's own Python, and the app's settings with their passwords.
_NOT_PASSED = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_SETTINGS = "COMFYFORMS_"
_DESKTOP_PATHS = "extra_models_config.yaml"  # ComfyUI Desktop's folders of models and custom nodes


@dataclass(frozen=True, slots=True)
class Installation:
    """ComfyUI on this machine. `folder` has its `main.py`; `arguments`: for `main.py`, besides the
    app's own."""

    folder: Path
    python: Path
    arguments: tuple[str, ...] = ()

    @classmethod
    def find(cls, folder: Path, python: Path | None = None, arguments: str = "") -> Self:
        """Return the installation in a folder. `python`: its interpreter, by default the one of
        `.venv` or `venv` in that folder; `arguments`: as typed in a shell. Raises ComfyError if
        something is missing."""
        folder = Path(os.path.abspath(folder))
        if (folder / "main.py").is_file():
            return cls(folder, _python(folder, python), _arguments(arguments))
        settings = _desktop_settings()
        if settings is None or (program := _desktop_program(folder, settings)) is None:
            raise ComfyError(
                "This folder has no main.py.",
                "Name the folder of ComfyUI, which has this file, or the folder that ComfyUI"
                " Desktop keeps its models in.",
            )
        given = (*_desktop_arguments(folder, settings, program), *_arguments(arguments))
        return cls(program, _python(folder, python), given)

    def command(self, port: int) -> list[str]:
        """Return the command that starts ComfyUI on this port of the loopback address."""
        previews = () if "--preview-method" in " ".join(self.arguments) else _PREVIEWS
        own = ("--listen", "127.0.0.1", "--port", str(port), "--disable-auto-launch")
        return [
            *(str(self.python), "-u", str(self.folder / "main.py")),
            *(*own, *previews, *self.arguments),
        ]

    def environment(self) -> dict[str, str]:
        """Return the variables for ComfyUI: this process's, without the app's settings."""
        return {
            name: value
            for name, value in os.environ.items()
            if name not in _NOT_PASSED and not name.upper().startswith(_SETTINGS)
        }


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Settings of a ComfyUI that the app starts. `label`: as in `ServerAddress`; `limit`: the
    maximum number of prompts at once, None for the app's default."""

    installation: Installation
    label: str = ""
    limit: int | None = None


def _desktop_settings() -> Path | None:
    """Return the folder with the settings of ComfyUI Desktop, None on a system without it."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", "")) / "ComfyUI"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ComfyUI"
    return None


def _desktop_program(base: Path, settings: Path) -> Path | None:
    """Return the folder with the `main.py` that ComfyUI Desktop runs on this base folder, None if
    it uses another one. Source: `desktopConfig.ts` and `comfyServerConfig.ts` of Desktop 0.9.4."""
    try:
        config = parse_json((settings / "config.json").read_bytes())
        paths = yaml.safe_load((settings / _DESKTOP_PATHS).read_text(encoding="utf-8"))
        program = Path(paths["desktop_extensions"]["custom_nodes"]).parent
        is_its_own = os.path.samefile(config["basePath"], base)
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return None
    return program if is_its_own and (program / "main.py").is_file() else None


def _desktop_arguments(base: Path, settings: Path, program: Path) -> list[str]:
    """Return the arguments that ComfyUI Desktop passes: `comfyServer.ts` of Desktop 0.9.4."""
    page = program / "web_custom_versions" / "desktop_app"
    return [
        *("--base-directory", str(base)),
        *("--extra-model-paths-config", str(settings / _DESKTOP_PATHS)),
        *("--database-url", f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}"),
        *(("--front-end-root", str(page)) if page.is_dir() else ()),
    ]


def _python(folder: Path, python: Path | None) -> Path:
    if python is not None:
        path = Path(os.path.abspath(python))
        if not os.access(path, os.X_OK) or path.is_dir():
            raise ComfyError(
                "ComfyUI's Python isn't a program.", "Name a file like PATH/.venv/bin/python."
            )
        return path
    places = [folder / name / _PROGRAM for name in (".venv", "venv")]
    if sys.platform == "win32":  # the portable ComfyUI
        places.append(folder.parent / "python_embeded" / "python.exe")
    for path in places:
        if os.access(path, os.X_OK):
            return path
    raise ComfyError(
        "ComfyUI's folder has no Python in .venv or venv.",
        "Create one with ComfyUI's requirements, or name its Python with --comfyui-python.",
    )


def _arguments(text: str) -> tuple[str, ...]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ComfyError(
            "The arguments for ComfyUI have an unclosed quote.", "Write them as in a shell."
        ) from error
    if not {word.partition("=")[0] for word in words}.isdisjoint(_OURS):
        raise ComfyError(
            "The app chooses ComfyUI's address itself.",
            f"Remove {', '.join(_OURS)} from the arguments for ComfyUI.",
        )
    return tuple(words)
