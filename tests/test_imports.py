"""Imports point one way: app, then ui, then comfy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
USERS = {
    "requests": {"client.py", "connections.py"},
    "websocket": {"stream.py"},
    "sqlalchemy": {"history.py", "history_database.py", "history_tables.py"},
}


def imports(file: Path) -> set[str]:
    """The top-level packages a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found |= {name.name.split(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.split(".")[0])
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "comfy").rglob("*.py")), ids=lambda file: file.stem)
def test_comfy_knows_neither_the_page_nor_its_libraries(file: Path) -> None:
    """No file of comfy imports gradio, fastapi, ui or app."""
    assert not imports(file) & {"gradio", "gradio_client", "fastapi", "ui", "app"}


@pytest.mark.parametrize("library", USERS)
def test_each_way_out_has_its_own_file(library: str) -> None:
    """requests is imported by the client and its connections, websocket-client by one file, the database's library by
    those of the history."""
    users = {
        file.name for folder in ("comfy", "ui") for file in (ROOT / folder).rglob("*.py") if library in imports(file)
    }
    assert users == USERS[library]


def test_the_page_does_not_know_the_app() -> None:
    """No file of ui imports app."""
    assert all("app" not in imports(file) for file in (ROOT / "ui").rglob("*.py"))


def test_help_answers_without_importing_gradio() -> None:
    """`python app.py --help` never loads gradio."""
    code = "import sys, app\ntry: app.main(['--help'])\nexcept SystemExit: pass\nassert 'gradio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=30)


def test_no_file_is_too_long_to_read() -> None:
    """Every source file has at most 400 lines."""
    sources = [ROOT / "app.py", *(ROOT / "comfy").rglob("*.py"), *(ROOT / "ui").rglob("*.*")]
    long = {
        str(file): n
        for file in sources
        if file.suffix in (".py", ".js", ".css") and (n := file.read_text().count("\n")) > 400
    }
    assert not long
