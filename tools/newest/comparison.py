"""Differences in effect between the prompts of the converter and of the editor, and the forms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.graph.convert import convert
from comfy.prompt.model import is_link
from comfy.prompt.text_replacements import replace_prefixes
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server

# Inputs that hold the state of the editor's own view.
_EDITOR_STATE = {
    ("ImageCompare", "compare_view"),
    ("Load3D", "image"),
    ("CreateBoundingBoxes", "editor_state"),
    ("CreateBoundingBoxes", "last_incoming"),
}
_ABSENT = "(absent)"

Graph = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result for one graph: the inputs that differ from the editor's prompt, exceptions, and
    the seconds that the conversion and the form took. `truth` is False without an editor's
    prompt, and for a graph with `missing` node classes, whose prompt has no classes. `by_name`: the
    prompts are only equal if the editor reads saved values by name."""

    name: str
    truth: bool = True
    missing: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    exception: str = ""
    form_exception: str = ""
    fields: int = 0
    convert_seconds: float = 0.0
    form_seconds: float = 0.0
    by_name: bool = False


def compared(name: str, graph: Graph, truth: Graph | None, catalog: Catalog) -> Comparison:
    """Convert a graph, compare the prompt with the editor's, and build its form."""
    begun = time.perf_counter()
    differences: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    exception = form_exception = ""
    fields = 0
    try:
        converted = convert(graph, catalog)
        prompt, _ = replace_prefixes(converted.prompt, converted.names)
        missing = tuple(one.class_type for one in converted.missing)
        if truth is not None and not missing:
            differences = tuple(_differences(truth, prompt, catalog.raw))
    except Exception as error:  # noqa: BLE001 - the table has any exception
        exception = f"{type(error).__name__}: {error}"
    converted_at = time.perf_counter()
    try:
        data = json.dumps(graph).encode()
        form = build_form(on_server(open_workflow(f"{name}.json", data), catalog), catalog)
        fields = len(form.fields)
    except Exception as error:  # noqa: BLE001 - the table has any exception
        form_exception = f"{type(error).__name__}: {error}"
    return Comparison(
        name,
        truth is not None and not missing,
        missing,
        differences,
        exception,
        form_exception,
        fields,
        converted_at - begun,
        time.perf_counter() - converted_at,
    )


def _differences(truth: Graph, prompt: Graph, info: Graph) -> Iterator[str]:
    """Yield the nodes and inputs, as `Class.input`, that differ in effect."""
    wanted, given = _effect(truth, info), _effect(prompt, info)
    for node_id in dict.fromkeys([*wanted, *given]):
        if node_id not in wanted or node_id not in given:
            class_type, _ = wanted.get(node_id) or given[node_id]
            yield f"{class_type} ({'missing' if node_id in wanted else 'extra'})"
            continue
        (class_type, expected), (other, inputs) = wanted[node_id], given[node_id]
        if class_type != other:
            yield f"{class_type} (is {other})"
            continue
        for name in dict.fromkeys([*expected, *inputs]):
            if expected.get(name, _ABSENT) != inputs.get(name, _ABSENT):
                yield f"{class_type}.{name}"


def _effect(prompt: Graph, info: Graph) -> dict[str, tuple[str, dict[str, object]]]:
    """Return the class and the inputs of each node that leads to an output. ComfyUI's own nodes
    read only the inputs that they declare."""
    effect = {}
    for node_id in _reached(prompt, info):
        class_type = _class_of(prompt[node_id])
        declared = _declared(info.get(class_type, {}))
        effect[node_id] = (
            class_type,
            {
                name: _plain(value)
                for name, value in prompt[node_id].get("inputs", {}).items()
                if (declared is None or name.partition(".")[0] in declared)
                and (class_type, name) not in _EDITOR_STATE
            },
        )
    return effect


def _reached(prompt: Graph, info: Graph) -> set[str]:
    todo = [
        node_id
        for node_id, node in prompt.items()
        if info.get(_class_of(node), {"output_node": True}).get("output_node")
    ]
    reached: set[str] = set()
    while todo:
        node_id = todo.pop()
        if node_id not in reached and node_id in prompt:
            reached.add(node_id)
            values = prompt[node_id].get("inputs", {}).values()
            todo += [str(value[0]) for value in values if is_link(value)]
    return reached


def _class_of(node: Mapping[str, Any]) -> str:
    """Return a node's class; the editor leaves it out if the server lacks it."""
    return str(node.get("class_type", ""))


def _declared(spec: Mapping[str, Any]) -> set[str] | None:
    """Return the names that a node of ComfyUI itself declares; None for other nodes."""
    if not spec or str(spec.get("python_module", "")).startswith("custom_nodes"):
        return None
    groups = [spec.get("input", {}).get(group) or {} for group in ("required", "optional")]
    return {name for group in groups for name in group}


def _plain(value: object) -> object:
    """Return a value in which 1 equals 1.0 but not true."""
    match value:
        case bool() | None:
            return ("literal", value)
        case float() if value.is_integer():
            return int(value)
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case _:
            return value
