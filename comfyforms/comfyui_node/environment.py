"""Python environment with the app, apart from ComfyUI's own packages. Imports nothing from ComfyUI
or the app."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from .problems import Installing, NotOpened

log = logging.getLogger(__name__)
_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]
_PROGRAM = Path("Scripts", "python.exe") if sys.platform == "win32" else Path("bin", "python")
_ARCHIVE = "https://github.com/comfyforms/comfyforms/archive/refs/tags/v{version}.zip"
_VERSION = re.compile(r'^version = "([^"\n]+)"', re.MULTILINE)
_LOG_END = 500  # characters of the log in an error
_NO_TOOL = (
    "ComfyForms can't be installed with ComfyUI's Python. Install uv (https://docs.astral.sh/uv)"
    " and restart ComfyUI."
)


# This package has no requirements.txt: ComfyUI-Manager would install it into ComfyUI's Python
# (docs/comfyui.md#67).
class AppEnvironment:
    """Virtual environment with the app, created when it is first needed. Only one thread at a time
    may call the methods."""

    def __init__(self, fallback: Path, guard: Sequence[str], source: str = "") -> None:
        """`fallback`: folder for the log, and for the environment if this package's folder can't be
        written. `guard`: command that runs another one and ends it with this process. `source`:
        what pip installs; by default the app of this version."""
        base = _HERE if os.access(_HERE, os.W_OK) else fallback
        self._folder = base / ".venv"
        self._log = fallback / "install.log"
        self._python = self._folder / _PROGRAM
        self._guard = guard
        self._source = [source] if source else _own_source()
        self._thread: threading.Thread | None = None
        self._problem = ""

    def command(self) -> list[str]:
        """Return the command that starts the app. If the app isn't installed, install it in a
        thread and raise Installing until it is. Raises NotOpened if that failed; the next call
        tries again. After a failed upgrade, the former app starts."""
        start = [str(self._python), "-I", "-m", "comfyforms"]
        if self._thread is not None and self._thread.is_alive():
            raise Installing(self._log_end().rpartition("\n")[2])
        if self._problem:
            problem, self._problem = self._problem, ""
            if not self._installed():
                raise NotOpened(f"ComfyForms could not be installed: {problem}")
            log.warning("ComfyForms could not be upgraded: %s", problem)
            return start
        if os.access(self._python, os.X_OK) and self._installed() == self._wanted():
            return start
        steps = self._steps()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_bytes(b"")
        self._thread = threading.Thread(target=self._install, args=(steps,), daemon=True)
        self._thread.start()
        raise Installing("")

    def _steps(self) -> list[list[str]]:
        """Return the commands that create or upgrade the environment. Raises NotOpened."""
        uv = [sys.executable, "-m", "uv"] if find_spec("uv") else []
        if program := shutil.which("uv"):
            uv = [program]
        # The portable ComfyUI's Python has no `venv`, and can't be the base of an environment.
        is_base = sys.version_info >= (3, 11) and find_spec("venv") is not None
        if not uv and not is_base:
            raise NotOpened(_NO_TOOL)
        python, folder = str(self._python), str(self._folder)
        create = ["venv", "--python", sys.executable if is_base else "3.12", folder]
        install = ["install", "--upgrade", *self._source]
        if uv:
            steps = [[*uv, *create], [*uv, "pip", *install, "--python", python]]
        else:
            steps = [[sys.executable, "-m", "venv", folder], [python, "-I", "-m", "pip", *install]]
        return steps[1:] if self._installed() and os.access(self._python, os.X_OK) else steps

    def _install(self, steps: Sequence[Sequence[str]]) -> None:
        try:
            if len(steps) > 1:
                shutil.rmtree(self._folder, ignore_errors=True)
            for step in steps:
                with (
                    self._log.open("ab") as output,
                    subprocess.Popen(
                        [*self._guard, *step], stdin=subprocess.PIPE, stdout=output, stderr=output
                    ) as process,
                ):
                    code = process.wait()
                if code:
                    self._problem = self._log_end()[-_LOG_END:] or f"exit code {code}"
                    return
            (self._folder / "source.txt").write_text(self._wanted(), encoding="utf-8")
        except OSError as error:
            self._problem = str(error)

    def _wanted(self) -> str:
        """Return a text that changes with the source and its dependencies."""
        folder = _CHECKOUT if "--editable" in self._source else _HERE
        project = (folder / "pyproject.toml").read_bytes()
        return f"{hashlib.sha256(project).hexdigest()} {' '.join(self._source)}"

    def _installed(self) -> str:
        try:
            return (self._folder / "source.txt").read_text(encoding="utf-8")
        except OSError:
            return ""

    def _log_end(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace").strip()


def _own_source() -> list[str]:
    """Return pip's arguments for the app of this version: a wheel in this folder, the checkout that
    this folder belongs to, or the archive of the release."""
    version = _version()
    for wheel in _HERE.glob(f"comfyforms-{version}-*.whl"):
        return [str(wheel)]
    if (_CHECKOUT / "app.py").is_file() and (_CHECKOUT / "comfyforms" / _HERE.name) == _HERE:
        return ["--editable", str(_CHECKOUT)]
    return [_ARCHIVE.format(version=version)]


def _version() -> str:
    project = (_HERE / "pyproject.toml").read_text(encoding="utf-8")
    found = _VERSION.search(project)
    return found[1] if found else ""
