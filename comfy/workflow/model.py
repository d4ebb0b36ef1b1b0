"""A workflow as users provide it: a prompt (API format), an editor graph, or both, with the
author's settings for the form.

A prompt is `{node id: {"class_type", "inputs", "_meta"?}}`. An input is a literal, or a link `[node
id, output slot]`. Converting a graph into a prompt takes a server's catalog: see
`comfy.workflow.resolve`.

The author's form in ComfyUI's editor: the inputs of an App, and the inputs that a subgraph
promotes.

Limit the length of names inside a workflow: of classes, nodes and inputs.

Otherwise a name of any length would reach every rule that matches nodes by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_dicts, as_list, as_mapping, as_text
from comfy.base.wording import one_line, title_words
from comfy.comfyui.input_spec import LONGEST_NAME
from comfy.prompt.model import InputRef, Node, Prompt
from comfy.prompt.text_replacements import PrefixNames
from comfy.workflow.config import FormConfig, read_config
from comfy.workflow.cover import cover_of, cover_problem
from comfy.workflow.extract import find_workflow, find_workflow_in, is_node
from comfy.workflow.known_templates import NOTES, template_of
from comfy.workflow.node_mappings import NO_MAPPINGS, NodeMappings, read_mappings

if TYPE_CHECKING:
    from comfy.prompt.model import DrawnNode, MissingNode
    from comfy.requirements.model import ModelFile

_HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ShownInput:
    """Widget that an author exposed, in an App or on the outside of a subgraph.

    `targets` are the prompt inputs that it sets, as in the editor. `label` is the author's name for
    it (empty if not set). The limits are the author's; None means that only the server's apply.
    `height` is in pixels, None if not set. `fixed` is the value of a seed that stays the same from
    run to run, None for others. `is_primitive` is True for a value in a PrimitiveNode,
    whose title only names it.
    """

    targets: tuple[InputRef, ...]
    label: str = ""
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    tooltip: str = ""
    height: int | None = None
    is_primitive: bool = False
    fixed: int | None = None


@dataclass(frozen=True, slots=True)
class App:
    """Form that a graph's author built in the editor (App mode): inputs in order, and the
    outputs."""

    inputs: tuple[ShownInput, ...]
    outputs: tuple[str, ...] = ()


def check_names(prompt: Mapping[str, Any], graph: Mapping[str, Any]) -> None:
    """Raise WorkflowError for the first node with a name that is too long, in a prompt or in a
    graph as saved, with its subgraphs and legacy group nodes."""
    for node_id, node in prompt.items():
        if is_node(node):
            _check(node_id, node_id, node["class_type"], *as_mapping(node.get("inputs")))
    for part in _parts(graph):
        _check(part.get("name"), *_slots(part))  # names in the graph, such as a subgraph's ports
        for node in as_dicts(part.get("nodes")):
            values = as_mapping(node.get("widgets_values"))
            _check(node.get("id"), node.get("id"), node.get("type"), *_slots(node), *values)


def _check(node: object, *names: object) -> None:
    if any(isinstance(name, str) and len(name) > LONGEST_NAME for name in names):
        raise WorkflowError(
            (f"Node “{str(node)[:40]}” has a name or input longer than {LONGEST_NAME} characters."),
            "Remove this node in ComfyUI, or shorten the name, and save the workflow again.",
        )


def _parts(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the graph and, at any depth, the definitions of its subgraphs and group nodes."""
    waiting = [graph]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += as_dicts(as_mapping(part.get("definitions")).get("subgraphs"))
        groups = as_mapping(as_mapping(part.get("extra")).get("groupNodes"))
        for name, group in groups.items():
            _check(name, name)
            if isinstance(group, dict):
                waiting.append(group)


def _slots(part: Mapping[str, Any]) -> Iterator[object]:
    for slot in as_dicts(part.get("inputs")):
        yield slot.get("name")
        yield as_mapping(slot.get("widget")).get("name")


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow. `config` comes from `<name>.toml` beside the file; `path`: None without a file.

    `prompt` is empty while there is only a `graph`. Details of the graph: `app` is the form its
    author arranged in the editor, `promoted` the inputs that subgraphs promote, `missing` and
    `models` the node classes and model files it needs, `names` the names that its file prefixes may
    use, `drawn` its groups and colors by node, `title` its own title. `template` is the name of
    ComfyUI's template that it is ("" for others), which gives it a title and a `description`.
    `cover` is its author's example image, `mappings` are node names from a config.toml in the
    folder.
    """

    name: str
    prompt: Prompt
    path: Path | None = None
    config: FormConfig | None = None
    cover: Path | None = None
    graph: Mapping[str, Any] | None = None
    title: str = ""
    description: str = ""
    template: str = ""
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
    workflow = Workflow(name, nodes, graph=graph)
    if graph and (known := template_of(graph, name.rpartition("/")[2])):
        workflow = replace(workflow, template=known.name)
        return replace(workflow, title=known.title, description=known.description)
    return replace(workflow, title=_title_in(graph or {}, name))


def _title_in(graph: Mapping[str, Any], name: str) -> str:
    """Return the first title of a subgraph or heading of a note with every word of the file's name,
    "" without one: "Text to Image (Qwen-Image)" for `image_qwen_image`."""
    subgraphs = [*as_dicts(as_mapping(graph.get("definitions")).get("subgraphs"))]
    ids = [one.get("id") for one in subgraphs]
    hosts = [one for one in as_dicts(graph.get("nodes")) if one.get("type") in ids]
    named = (as_text(one.get(key)) for one in (*hosts, *subgraphs) for key in ("title", "name"))
    titles = (*named, *_headings(graph))
    wanted = [_letters(word) for word in title_from_name(name).split()]
    told = (one for one in titles if len(one) <= LONGEST_NAME and " " in one.strip())
    says = (one_line(one) for one in told if all(w in _letters(one) for w in wanted))
    return next(says, "") if len(wanted) > 1 else ""


def _headings(graph: Mapping[str, Any]) -> Iterator[str]:
    for note in as_dicts(graph.get("nodes")):
        text = next(iter(as_list(note.get("widgets_values"))), "")
        if note.get("type") in NOTES and isinstance(text, str):
            yield from (heading.strip("# *") for heading in _HEADING.findall(text))


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


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
