"""A workflow as users provide it: a prompt (API format), an editor graph, or both, with the
author's settings for the form.

A prompt is `{node id: {"class_type", "inputs", "_meta"?}}`. An input is a literal, or a link `[node
id, output slot]`. Converting a graph into a prompt takes a server's catalog: see
`comfy.workflow.resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy.base.errors import WorkflowError
from comfy.base.wording import title_words
from comfy.prompt.model import Node, Prompt
from comfy.prompt.text_replacements import PrefixNames
from comfy.workflow.app import App, ShownInput
from comfy.workflow.config import FormConfig, read_config
from comfy.workflow.cover import cover_of, cover_problem
from comfy.workflow.documents import is_node
from comfy.workflow.extract import find_workflow, find_workflow_in
from comfy.workflow.names import check_names
from comfy.workflow.node_mappings import NO_MAPPINGS, NodeMappings, read_mappings

if TYPE_CHECKING:
    from comfy.prompt.model import DrawnNode, MissingNode
    from comfy.requirements.model import ModelFile


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow. `config` comes from `<name>.toml` beside the file; `path` is None without a
    file.

    `prompt` is empty while there is only a `graph`. Details of the graph: `app` is the form its
    author arranged in the editor, `promoted` the inputs that subgraphs promote, `missing` and
    `models` the node classes and model files it needs, `names` the names that its file prefixes may
    use, `drawn` its groups and colors by node. `cover` is its author's example image, `mappings`
    are node names from a config.toml in the folder.
    """

    name: str
    prompt: Prompt
    path: Path | None = None
    config: FormConfig | None = None
    cover: Path | None = None
    graph: Mapping[str, Any] | None = None
    title: str = ""
    app: App | None = None
    promoted: tuple[ShownInput, ...] = ()
    missing: tuple[MissingNode, ...] = ()
    models: tuple[ModelFile, ...] = ()
    mappings: NodeMappings = NO_MAPPINGS
    names: PrefixNames | None = None
    drawn: Mapping[str, DrawnNode] = field(default_factory=dict)


def read_workflow(path: Path, name: str = "") -> Workflow:
    """Read a workflow from any file that contains one, and the TOML beside it. Raises WorkflowError
    with a message. The default `name` is the file's."""
    carried = find_workflow_in(path)
    beside = path.with_suffix(".toml")
    config = read_config(beside) if beside.is_file() else None
    workflow = _workflow(name or path.stem, carried.prompt, carried.graph)
    return with_config(replace(workflow, path=path, mappings=read_mappings(path)), config)


def with_config(workflow: Workflow, config: FormConfig | None) -> Workflow:
    """Return the workflow with these settings for its form, and the cover that they name. A cover
    that can't be shown becomes one of their problems."""
    cover = cover_of(workflow.path, config) if workflow.path else None
    if config and cover and (problem := cover_problem(cover)):
        cover, config = None, replace(config, problems=(*config.problems, problem))
    return replace(workflow, config=config, cover=cover)


def open_workflow(file: str, data: bytes) -> Workflow:
    """Return the workflow in the bytes of a file called `file`. Raises WorkflowError with a
    message."""
    carried = find_workflow(data, file)
    return _workflow(Path(file).stem, carried.prompt, carried.graph)


def _workflow(
    name: str, prompt: Mapping[str, Any] | None, graph: Mapping[str, Any] | None
) -> Workflow:
    """Build a workflow. Removes the prompt's keys that aren't nodes, and each node's keys that a
    prompt doesn't use."""
    check_names(prompt or {}, graph or {})
    nodes = {key: _node(name, key, node) for key, node in (prompt or {}).items() if is_node(node)}
    return Workflow(name, nodes, graph=graph)


def _node(name: str, node_id: str, node: Mapping[str, Any]) -> Node:
    inputs = node.get("inputs", {})
    if not isinstance(inputs, dict):
        raise WorkflowError(
            f"“{name}” is damaged: the inputs of node {node_id[:40]} have no names."
        )
    kept: Node = {"class_type": node["class_type"], "inputs": inputs}
    if isinstance(node.get("_meta"), dict):
        kept["_meta"] = node["_meta"]
    return kept


def title_from_name(name: str) -> str:
    """Convert a workflow's name into a title, without its subfolders: "text-to-image" becomes "Text
    to image". Also drops the `.app` of names such as `name.app.json`, which the editor gives to
    Apps."""
    file = name.rpartition("/")[2]
    return title_words(file.removesuffix(".app"))
