"""Check the app's tables with the plugin `every_hook`, which has been installed."""

from __future__ import annotations

import os
import tempfile
from base64 import b64encode
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import delete, insert
from starlette.requests import Request

import app
from comfy.comfyui.protocol.outputs import read_outputs
from comfy.form.added_nodes import without_added
from comfy.form.conventions.readers import read_layers
from comfy.form.kinds.registry import KINDS
from comfy.graph.packs import rule_of
from comfy.records.blobs import BlobStore
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfy.records.tables import all_tables
from comfy.workflow.model import Workflow
from comfyforms.hooks import PluginPage
from comfyforms.plugin_manager import installed_plugins
from tests.plugins.every_hook import EVERY_TABLE, EverySettings
from tests.support.samples.histories import begun
from ui.page.form.kinds.registry import VIEWS
from ui.page.script_files import joined, modules, page_script
from ui.page.style_text import styles
from ui.plugin_parts import page_routes
from ui.settings.arguments import read_settings

assert KINDS["stars"].name == "stars"
assert KINDS["checkbox"].name == "checkbox"
assert KINDS["checkbox"].check is not KINDS["text"].check
assert VIEWS["stars"].kind is KINDS["stars"]
assert KINDS.keys() == VIEWS.keys()
files, _ = read_outputs("1", {"files": [{"filename": "a.bvh"}, {"filename": "a.png"}]})
assert [file.kind for file in files] == ["3d", "image"], files
assert rule_of("EveryNode").unconnected == {"every"}
assert without_added({}, {}).keys() == {"every"}
assert not rule_of("Other").unconnected
layers = read_layers(Workflow("a", {}), {}, [])
assert "0 nodes" in [layer.description for layer in layers]
os.environ["COMFYFORMS_EVERY_SIZE"] = "3"
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "config.toml"
    file.write_text('[[every_row]]\nname = "a"\n[[every_row]]\nname = "b"\n')
    given = read_settings(["--every-note", "hello", "--port", "1", "--config", str(file)])
assert [row.name for row in given.every_row] == ["a", "b"]
assert (given.every_note, given.every_size, given.port) == ("hello", 3, 1)
assert isinstance(given, EverySettings)
assert app.main(["every", "one", "two"]) == 2
assert "every" in app._COMMANDS
assert app._COMMANDS["user"] is not len
with tempfile.TemporaryDirectory() as folder, closing(BlobStore(Path(folder))) as blobs:
    for _ in range(2):
        with closing(RunStore(sqlite_address(Path(folder)), blobs)) as history:
            history.begin(begun("r1"))
            with history.engine.begin() as connection:
                connection.execute(delete(EVERY_TABLE))
                connection.execute(insert(EVERY_TABLE).values(run="r1"))
assert {one.name for one in all_tables()} >= {"every", "every_version", "runs"}
shared = installed_plugins().hook.shared_runs(settings=SimpleNamespace(registry=5))
assert (shared.registry(), shared.serves_pages) == (5, False)
assert '"parts/every/share.js": async' in joined(modules())
script = page_script("every.js")
assert 'load("parts/every/pages/every.js")' in script
(page,) = page_routes(PluginPage("Every", "/every", lambda _: "<p>Every</p>", "every.js"), "")
scope = {"type": "http", "scheme": "http", "server": ("localhost", 80), "path": "/every"}
answer = page.endpoint(Request({**scope, "query_string": b"", "headers": []}))
assert f'<script type="module">{script}</script>' in answer.body.decode()
digest = b64encode(sha256(script.encode()).digest()).decode()
assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]
assert styles("parts/every/every.css") == ".every {\ncolor: red;\n}"
print("checked")
