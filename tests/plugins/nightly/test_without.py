"""The app works without the folder of a plugin that owns all it brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfyforms.plugin_manager import contributed
from tests.imports import ROOT
from tests.records.test_people import fill
from tests.support.samples.histories import ANN
from tests.support.waiting import LONGEST_WAIT
from tests.test_parts import OWNERS

LEFT_OUT = (".git", ".venv", ".*_cache", ".hypothesis", "node_modules", "build", "__pycache__")
# They start the app, read its page and its script, walk all routes and tables, and read all files.
# All tests would take as long for each plugin as the tests of a push.
TESTS = (
    "tests/test_architecture.py",
    "tests/test_parameters.py",
    "tests/records/test_people.py",
    "tests/ui/api/page/test_history.py",
    "tests/ui/page/test_joined_script.py",
    "tests/ui/documents/test_document_types.py",
    "tests/ui/languages/test_translated.py",
    "tests/security/test_routes.py",
    "tests/docs/test_api_page.py",
    "tests/docs/test_docs_site.py",
    "tests/docs/test_readme.py",
    "tests/security/test_groups_apart.py",
    "tests/ui/accounts/test_tokens.py",
    "tests/ui/test_anything.py",
    "tests/ui/test_app.py",
    "tests/ui/test_brought.py",
    "tests/ui/web/test_route_options.py",
    "tests/browser/stage/test_results.py",
)
OPEN = """
import sys
from contextlib import closing
from pathlib import Path
from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
import comfyforms
assert Path(comfyforms.__file__).is_relative_to(Path.cwd())
folder = Path(sys.argv[1])
with closing(RunStore(sqlite_address(folder), BlobStore(folder))) as history:
    history.sweep()
    history.forget_person(sys.argv[2])
"""


@pytest.mark.parametrize("plugin", OWNERS)
def test_the_app_works_without_a_plugin(plugin: str, tmp_path: Path) -> None:
    """It opens a database with the plugin's rows, which are there again with the plugin, and its
    own tests pass."""
    copy, data = tmp_path / "checkout", tmp_path / "data"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    shutil.rmtree(copy / plugin)
    own = [table for one in contributed("tables") for table in one.schema.tables.sorted_tables]

    def counts(history: RunStore) -> dict[str, int]:
        with history.engine.connect() as connection:
            queries = ((one.name, select(func.count()).select_from(one)) for one in own)
            return {name: connection.execute(query).scalar_one() for name, query in queries}

    with closing(RunStore(sqlite_address(data), BlobStore(data))) as history:
        fill(history, ANN, "ann")
        before = counts(history)
    run(copy, "-c", OPEN, str(data), "nobody")
    with closing(RunStore(sqlite_address(data), BlobStore(data))) as history:
        assert counts(history) == before
        history.sweep()
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # a socket's path has a limit
        options = ("-q", "-n", "0", "-p", "no:cacheprovider", f"--basetemp={short}/t")
        run(copy, "-m", "pytest", *options, *TESTS)


def run(folder: Path, *arguments: str) -> None:
    """Run Python in this folder."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=10 * LONGEST_WAIT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
