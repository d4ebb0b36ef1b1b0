"""A workflow as people bring it: a prompt (API format), an editor graph, or both, and what its author says of the form.

A prompt is `{node id: {"class_type", "inputs", "_meta"?}}`; an input is a literal, or a link `[node id, output slot]`.
A graph becomes a prompt only with a server's catalogue at hand: `comfy.from_graph`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy.documents import documents
from comfy.errors import WorkflowError
from comfy.form_config import FormConfig, read_config
from comfy.metadata import find_workflow, find_workflow_in
from comfy.node_mappings import NO_MAPPINGS, NodeMappings, read_mappings
from comfy.statements import App, ShownInput

if TYPE_CHECKING:
    from comfy.graph import MissingNode, ModelFile

Prompt = dict[str, dict[str, Any]]

MAX_DEPTH = 100


@dataclass(frozen=True)
class Workflow:
    """One workflow. `config` comes from `<name>.toml` beside the file, `path` is None for one that was never a file.

    `prompt` is empty as long as there is only a `graph`. What a graph says beyond its prompt: `app` is the form its
    author arranged in the editor, `promoted` what subgraphs show on their outside, `missing` and `models` the node
    classes and model files it needs. `mappings` are names for nodes from a config.toml in the folder.
    """

    name: str
    prompt: Prompt
    path: Path | None = None
    config: FormConfig | None = None
    graph: Mapping[str, Any] | None = None
    title: str = ""
    app: App | None = None
    promoted: tuple[ShownInput, ...] = ()
    missing: tuple[MissingNode, ...] = ()
    models: tuple[ModelFile, ...] = ()
    mappings: NodeMappings = NO_MAPPINGS


def read_workflow(path: Path) -> Workflow:
    """Read a workflow from any file that holds one, and the toml beside it. Raises WorkflowError with a sentence."""
    carried = find_workflow_in(path)
    beside = path.with_suffix(".toml")
    config = read_config(beside) if beside.is_file() else None
    workflow = _workflow(path.stem, carried.prompt, carried.graph)
    return replace(workflow, path=path, config=config, mappings=read_mappings(path))


def open_workflow(file: str, data: bytes) -> Workflow:
    """The workflow in the bytes of a file called `file`. Raises WorkflowError with a sentence."""
    carried = find_workflow(data, file)
    return _workflow(Path(file).stem, carried.prompt, carried.graph)


def parse_workflow(name: str, data: object) -> Workflow:
    """Turn parsed JSON into a workflow: a prompt, a graph, or either in a wrapping that other programs use.

    Raises WorkflowError for everything that holds neither.
    """
    found = {document.kind: document.data for document in reversed(list(documents(data)))}
    if not found:
        raise WorkflowError(f"“{name}” holds no ComfyUI workflow.", "Open a file that ComfyUI saved.")
    return _workflow(name, found.get("prompt"), found.get("graph"))


def _workflow(name: str, prompt: Mapping[str, Any] | None, graph: Mapping[str, Any] | None) -> Workflow:
    """Keys that are no nodes are dropped, and of each node only what is part of a prompt is kept. NaN and infinity,
    which JSON cannot carry, become None.
    """
    nodes = {str(key): _clean_node(name, key, node) for key, node in (prompt or {}).items() if _is_node(node)}
    return Workflow(name, nodes, graph=graph)


def is_link(value: object) -> bool:
    """True for `[node id, output slot]`. The server takes every list in a prompt for a link."""
    match value:
        case [str() | int(), int() | float()]:
            return True
        case _:
            return False


def links(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The linked inputs of a node: (input name, source node id, source slot)."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, str(value[0]), int(value[1])


def own_title(node: dict[str, Any]) -> str:
    """The title that the author's file gives a node, on one line and at most 80 characters, or ""."""
    title = node.get("_meta", {}).get("title")
    if not isinstance(title, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in title[:400]).split())
    return line if len(line) <= 80 else line[:79] + "…"


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_type"), str) and bool(value["class_type"])


def _clean_node(name: str, node_id: object, node: dict[str, Any]) -> dict[str, Any]:
    inputs = node.get("inputs", {})
    if not isinstance(inputs, dict):
        raise WorkflowError(f"“{name}” is damaged: the inputs of node {str(node_id)[:40]} are not named.")
    try:
        clean: dict[str, Any] = {
            "class_type": node["class_type"],
            "inputs": {str(key): _clean(value) for key, value in inputs.items()},
        }
        if isinstance(node.get("_meta"), dict):
            clean["_meta"] = _clean(node["_meta"])
    except _TooDeep:
        raise WorkflowError(f"“{name}” is nested too deeply to be a workflow.") from None
    return clean


class _TooDeep(Exception):
    pass


def _clean(value: object, depth: int = 0) -> Any:
    """A private copy of a JSON value, so that nobody else's changes reach the workflow."""
    if depth > MAX_DEPTH:
        raise _TooDeep
    match value:
        case dict():
            return {str(key): _clean(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item, depth + 1) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
