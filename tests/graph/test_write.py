"""Editor graphs written from prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import prompt_of
from comfy.graph.write import graph_of
from comfy.prompt.model import Prompt, is_link
from tests.support.samples.graphs import CATALOG

DATA = Path(__file__).parents[1] / "data"


def renumbered(prompt: Prompt) -> dict[str, Any]:
    """Return the inputs of each node, with ids as in a written graph."""
    ids = {key: str(number) for number, key in enumerate(prompt, 1)}
    return {
        ids[key]: {
            name: [ids[value[0]], value[1]] if is_link(value) else value
            for name, value in node["inputs"].items()
        }
        for key, node in prompt.items()
    }


def sent_again(prompt: Prompt, catalog: Catalog) -> dict[str, Any]:
    """Return the inputs that ComfyUI's editor sends for the written graph."""
    graph = graph_of(prompt, catalog)
    return {key: node["inputs"] for key, node in prompt_of(graph, catalog).items()}


@pytest.mark.parametrize("path", sorted((DATA / "graphs").glob("*.prompt.json")), ids=str)
def test_a_written_graph_sends_the_same_prompt(path: Path) -> None:
    """All values and links survive."""
    prompt = json.loads(path.read_text("utf-8"))
    assert sent_again(prompt, CATALOG) == renumbered(prompt)


def test_a_written_graph_is_laid_out_by_its_links() -> None:
    """Each node stands right of its sources. Seeds stay fixed. A node of an unknown class keeps its
    links."""
    prompt: Prompt = {
        "a:1": {"class_type": "KSampler", "inputs": {"seed": 7, "model": ["b", 2], "steps": 4}},
        "b": {"class_type": "Nowhere", "inputs": {}},
    }
    catalog = Catalog.read(DATA / "object_info.json")
    graph = graph_of(prompt, catalog)
    sampler, unknown = graph["nodes"]
    assert sampler["pos"][0] > unknown["pos"][0]
    assert sampler["widgets_values"][:3] == [7, "fixed", 4]
    assert graph["links"] == [[1, 2, 2, 1, 0, "*"]]
    assert [one["links"] for one in unknown["outputs"]] == [[], [], [1]]
