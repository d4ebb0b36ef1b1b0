"""Conversion of real graphs, compared with the official front end's prompts. The tests need that
data beside the checkout."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from comfy.__main__ import main
from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert


@pytest.fixture(scope="module")
def catalog(shared: Path) -> Catalog:
    return Catalog.read(shared / "comfyui" / "object_info-0.33.0.json.gz")


def graphs(folder: Path) -> dict[str, Any]:
    return {
        path.name: json.loads(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
        if path.stem != "index"
    }


def test_official_graphs(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command converts all 411 graphs with known nodes to the editor's prompts, according to
    the published score."""
    truth = shared / "workflows"
    saved = sorted(str(path) for path in (truth / "gui_to_api" / "gui").glob("*.json"))
    info = str(shared / "comfyui" / "object_info-0.33.0.json.gz")
    assert main(["convert", *saved, "--object-info", info, "--out", str(tmp_path)]) == 0
    # Three of the graphs have nodes that no server here knows.
    assert "AILab_QwenVL" in capsys.readouterr().err
    score = subprocess.run(
        [sys.executable, str(truth / "score_conversion.py"), str(tmp_path), "--list"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "equivalent 411/411" in score.stdout, score.stdout
    assert int(score.stdout.split("identical ")[1].split("/")[0]) >= 408, score.stdout


def test_every_graph_opens(shared: Path, catalog: Catalog) -> None:
    """Graphs from public repositories open despite many unknown nodes. The result names the missing
    ones."""
    found = graphs(shared / "workflows" / "corpus" / "gui")
    assert len(found) == 35
    missing = {name: convert(data, catalog).missing for name, data in found.items()}
    assert sum(map(bool, missing.values())) > 10


def test_pairs_from_images(shared: Path, catalog: Catalog) -> None:
    """A graph and a prompt from the same image have the same links between their common nodes."""
    folder = shared / "workflows" / "corpus"
    index = json.loads((folder / "pairs" / "index.json").read_text())
    wrong = []
    for entry in index:
        if entry["pair_quality"] != "exact":
            continue
        truth = json.loads((folder / entry["file"]).read_text())
        prompt = convert(json.loads((folder / entry["gui_file"]).read_text()), catalog).prompt
        for node_id in truth.keys() & prompt.keys():
            mine, theirs = prompt[node_id]["inputs"], truth[node_id]["inputs"]
            links = {
                name
                for name, value in theirs.items()
                if isinstance(value, list) and value[0] in prompt
            }
            wrong += [
                (entry["file"], node_id, name) for name in links if mine.get(name) != theirs[name]
            ]
    # A muted Reroute: the editor of that time passed it over, today's gives nothing.
    assert [place[1:] for place in wrong] == [("76", "image")]


def test_odd_files(shared: Path, catalog: Catalog) -> None:
    """Wrapped and foreign files convert, or the app refuses them with a sentence."""
    for data in graphs(shared / "workflows" / "corpus" / "odd").values():
        with contextlib.suppress(WorkflowError):
            convert(data, catalog)
