"""Check the app's tables with the plugin `every_hook`, which has been installed."""

from __future__ import annotations

import os

from comfy.comfyui.protocol.outputs import read_outputs
from comfy.form.conventions.readers import read_layers
from comfy.form.kinds.registry import KINDS
from comfy.graph.packs import rule_of
from comfy.workflow.model import Workflow
from tests.plugins.every_hook import EverySettings
from ui.page.form.kinds.registry import VIEWS
from ui.settings.arguments import read_settings

assert KINDS["stars"].name == "stars"
assert KINDS["checkbox"].name == "checkbox"
assert KINDS["checkbox"].check is not KINDS["text"].check
assert VIEWS["stars"].kind is KINDS["stars"]
assert KINDS.keys() == VIEWS.keys()
files, _ = read_outputs("1", {"files": [{"filename": "a.bvh"}, {"filename": "a.png"}]})
assert [file.kind for file in files] == ["3d", "image"], files
assert rule_of("EveryNode").unconnected == {"every"}
assert not rule_of("Other").unconnected
layers = read_layers(Workflow("a", {}), {}, [])
assert "0 nodes" in [layer.description for layer in layers]
os.environ["COMFYFORMS_EVERY_SIZE"] = "3"
given = read_settings(["--every-note", "hello", "--port", "1"])
assert (given.every_note, given.every_size, given.port) == ("hello", 3, 1)
assert isinstance(given, EverySettings)
print("checked")
