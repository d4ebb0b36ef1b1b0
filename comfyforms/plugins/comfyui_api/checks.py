"""Checks of a prompt before it waits for its turn, with ComfyUI's own errors: see
`validate_prompt` in its `execution.py`. The server that runs the prompt checks the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_mapping, as_text
from comfy.comfyui.input_spec import COMBO, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.launch.sent_prompts import PromptRefused
from comfy.library.catalog import CatalogCache
from comfy.prompt.model import InputRef, Node, Prompt, is_link, links
from comfy.workflow.sanitize import unwrap
from comfyforms.plugins.comfyui_api.errors import Json, error_of

_PAUSE = 10.0  # seconds between two requests for new models and nodes
_MOST_OUTPUTS, _MOST = 100, 10_000  # output nodes, and inputs of all nodes
_MOST_WRONG = 100  # nodes with errors in an answer
_MOST_SHOWN = 20  # choices, or nodes of a loop, in an error
_NUMBERS: Mapping[str, Callable[[Any], float]] = MappingProxyType({"INT": int, "FLOAT": float})
_CHECKED_FILES = ("image", "audio", "video")
HasFile = Callable[[str], bool]
_OWN_NODES = ("nodes", "comfy_extras.", "comfy_api_nodes.")


def nodes_of(sent: Mapping[str, Any]) -> Prompt:
    """Return the prompt in a request. Raises PromptRefused."""
    prompt = sent.get("prompt")
    if prompt is None:
        raise PromptRefused("no_prompt", "No prompt provided", "No prompt provided")
    if not isinstance(prompt, dict):
        raise PromptRefused("invalid_prompt", "The prompt must be an object with nodes by id.")
    if isinstance(prompt.get("nodes"), list) and "links" in prompt:
        raise PromptRefused(
            "invalid_prompt",
            "This is a workflow of the editor, not a prompt.",
            "Use File > Export (API) in ComfyUI, or open the file on the page.",
        )
    nodes: Prompt = {}
    for node_id, node in prompt.items():
        match node:
            case {"class_type": str(), "inputs": dict(), **_more}:
                nodes[node_id] = node
            case dict() if not isinstance(node.get("class_type"), str):
                raise _missing(node_id, node, None)
            case _:
                raise PromptRefused(
                    "invalid_prompt", "A node isn't an object with inputs.", f"Node ID '#{node_id}'"
                )
    return nodes


def _missing(node_id: str, node: Mapping[str, Any], class_type: str | None) -> PromptRefused:
    title = as_text(as_mapping(node.get("_meta")).get("title")) or class_type
    if class_type is None:
        name = title or f"ID #{node_id}"
        told = f"Node '{name}' has no class_type. The workflow may be corrupted or a custom node"
        told += " is missing."
    else:
        told = f"Node '{title}' not found. The custom node may not be installed."
    about = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return PromptRefused("missing_node_type", told, f"Node ID '#{node_id}'", about)


class PromptChecker:
    """Checks prompts against the servers' nodes. Asks the servers again before it refuses one,
    because they may have new models or nodes. Thread-safe."""

    def __init__(self, catalog: CatalogCache) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._asked_at = float("-inf")

    def check(
        self, prompt: Prompt, targets: Collection[str] | None, has_file: HasFile
    ) -> tuple[Prompt, Json]:
        """Return the prompt, and the errors of nodes whose outputs ComfyUI will leave out.
        `targets`: the only output nodes to run, with the nodes that they need. `has_file`: whether
        the app sends a file with this name along. Raises PromptRefused if there is nothing to run,
        ServerUnreachable, ServerError."""
        try:
            checked = _checked(prompt, self._catalog.for_prompt(prompt), targets, has_file)
            if not (checked[1] and self._may_ask()):
                return checked
        except PromptRefused:
            if not self._may_ask():
                raise
        renewed = self._catalog.fitted(self._catalog.get(refresh=True), prompt)
        return _checked(prompt, renewed, targets, has_file)

    def _may_ask(self) -> bool:
        with self._lock:
            now, before = time.monotonic(), self._asked_at
            self._asked_at = now if now - before > _PAUSE else before
            return self._asked_at > before


def _checked(
    prompt: Prompt,
    catalog: Mapping[str, NodeSpec],
    targets: Collection[str] | None,
    has_file: HasFile,
) -> tuple[Prompt, Json]:
    for node_id, node in prompt.items():
        if node["class_type"] not in catalog:
            raise _missing(node_id, node, node["class_type"])
    outputs = _outputs(prompt, catalog, targets)
    if not outputs:
        raise PromptRefused("prompt_no_outputs", "Prompt has no outputs")
    if len(outputs) > _MOST_OUTPUTS or sum(len(one["inputs"]) for one in prompt.values()) > _MOST:
        raise PromptRefused("invalid_prompt", "This prompt is too large.")
    loop = _loop_errors(prompt)
    with_errors = (
        (node_id, found)
        for node_id, node in prompt.items()
        if (
            found := [*_errors(node, prompt, catalog, has_file), *filter(None, [loop.get(node_id)])]
        )
    )
    errors = dict(islice(with_errors, _MOST_WRONG))
    needed = {one: _needed(prompt, one) for one in outputs} if errors or targets else {}
    node_errors = _node_errors(prompt, errors, needed)
    if node_errors and all(node_errors.keys() & nodes for nodes in needed.values()):
        raise _failed(errors, node_errors)
    if targets:
        kept = set[str]().union(*needed.values())
        prompt = {node_id: node for node_id, node in prompt.items() if node_id in kept}
    return prompt, node_errors


def _outputs(
    prompt: Prompt, catalog: Mapping[str, NodeSpec], targets: Collection[str] | None = None
) -> list[str]:
    return [
        node_id
        for node_id, node in prompt.items()
        if catalog[node["class_type"]].output_node and (targets is None or node_id in targets)
    ]


def _node_errors(
    prompt: Prompt, errors: Mapping[str, list[Json]], needed: Mapping[str, Collection[str]]
) -> Json:
    """Return ComfyUI's `node_errors`, without nodes that no output needs. `needed`: the nodes that
    each output needs."""
    return {
        node_id: {
            "errors": found,
            "dependent_outputs": dependent,
            "class_type": prompt[node_id]["class_type"],
        }
        for node_id, found in errors.items()
        if (dependent := [one for one in needed if node_id in needed[one]])
    }


def unknown_files(
    prompt: Prompt, places: Iterable[InputRef], catalog: Mapping[str, NodeSpec]
) -> PromptRefused:
    """Return the refusal of inputs that name files which the sender doesn't have."""
    told = "Custom validation failed for node"
    why = "You have no such file. Send it to /upload/image first."
    errors: dict[str, list[Json]] = {}
    for node_id, name in islice(places, _MOST_WRONG):
        about = {"input_name": name}
        error = error_of("custom_validation_failed", told, f"{name} - {why}", about)
        errors.setdefault(node_id, []).append(error)
    needed = {one: _needed(prompt, one) for one in _outputs(prompt, catalog)}
    return _failed(errors, _node_errors(prompt, errors, needed))


def _failed(errors: Mapping[str, list[Json]], node_errors: Json) -> PromptRefused:
    all_errors = [one for found in errors.values() for one in found]
    return PromptRefused(
        "prompt_outputs_failed_validation",
        "Prompt outputs failed validation",
        "\n".join(f"{one['message']}: {one['details']}" for one in all_errors),
        node_errors=node_errors,
    )


def _needed(prompt: Prompt, output: str) -> set[str]:
    """Return an output node with all nodes that it needs."""
    needed, todo = {output}, [output]
    while todo:
        for _, link in links(prompt[todo.pop()]):
            if link.node in prompt and link.node not in needed:
                needed.add(link.node)
                todo.append(link.node)
    return needed


def _errors(
    node: Node, prompt: Prompt, catalog: Mapping[str, NodeSpec], has_file: HasFile
) -> Iterator[Json]:
    inputs = {name: unwrap(value) for name, value in node["inputs"].items()}
    spec = catalog[node["class_type"]]
    for name, declared in spec.active_inputs(inputs).items():
        value = node["inputs"].get(name)
        if name not in inputs:
            if declared.required and not declared.type.startswith("COMFY_"):
                told = "Required input is missing"
                yield error_of("required_input_missing", told, name, {"input_name": name})
        elif is_link(value):
            yield from _link_errors(name, declared, value, prompt, catalog, is_own=_is_own(spec))
        elif isinstance(value, list) and len(value) != 2:
            told = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            about = {"received_value": value, **_about(name, declared)}
            yield error_of("bad_linked_input", told, name, about)
        elif not isinstance(inputs[name], list):
            yield from _value_errors(name, declared, inputs[name], is_own=_is_own(spec))
            yield from _file_errors(name, declared, inputs[name], has_file, is_own=_is_own(spec))


def _is_own(spec: NodeSpec) -> bool:
    return as_text(spec.raw.get("python_module")).startswith(_OWN_NODES)


def _about(name: str, spec: InputSpec) -> Json:
    is_short = len(spec.choices or ()) <= _MOST_SHOWN
    return {"input_name": name, "input_config": spec.raw if is_short else None}


def _link_errors(
    name: str,
    spec: InputSpec,
    link: list[Any],
    prompt: Prompt,
    catalog: Mapping[str, NodeSpec],
    *,
    is_own: bool,
) -> Iterator[Json]:
    """Yield the error about a link. Types of packs may fit others, so only types between ComfyUI's
    own nodes count."""
    about = {"linked_node": link, **_about(name, spec)}
    source = prompt.get(str(link[0]))
    if source is None:
        yield _inner_error(f"Node #{link[0]} doesn't exist", "KeyError", about)
        return
    node = catalog[source["class_type"]]
    types = dict(enumerate(node.output_types))
    received = types.get(link[1], "*")
    both = {*received.split(","), *spec.type.split(",")}
    is_fixed = not any(one in ("*", COMBO) or one.startswith("COMFY_") for one in both)
    is_alike = not {*received.split(",")}.isdisjoint(spec.type.split(","))
    if is_own and _is_own(node) and is_fixed and not is_alike:
        told = f"{name}, received_type({received}) mismatch input_type({spec.type})"
        title = "Return type mismatch between linked nodes"
        yield error_of("return_type_mismatch", title, told, {"received_type": received, **about})


def _inner_error(why: str, exception: str, about: Json) -> Json:
    about |= {"exception_type": exception, "exception_message": why, "traceback": []}
    told = "Exception when validating inner node"
    return error_of("exception_during_inner_validation", told, why, about)


def _value_errors(name: str, spec: InputSpec, value: Any, *, is_own: bool) -> Iterator[Json]:  # noqa: ANN401 - any JSON value
    """Yield the error about a value. Nodes of packs often accept values that aren't in their lists,
    so only lists of ComfyUI's own nodes count."""
    about = {"received_value": value, **_about(name, spec)}
    if convert := _NUMBERS.get(spec.type):
        try:
            value = convert(value)
        except (TypeError, ValueError, OverflowError) as problem:
            told = f"Failed to convert an input value to a {spec.type} value"
            about["exception_message"] = str(problem)
            yield error_of("invalid_input_type", told, f"{name}, {value}, {problem}", about)
            return
        least, most = spec.options.get("min"), spec.options.get("max")
        if isinstance(least, int | float) and value < least:
            told = f"Value {value} smaller than min of {least}"
            yield error_of("value_smaller_than_min", told, name, about)
        if isinstance(most, int | float) and value > most:
            told = f"Value {value} bigger than max of {most}"
            yield error_of("value_bigger_than_max", told, name, about)
    offered = list(spec.choices or ())
    is_list = spec.type == COMBO and spec.choices is not None and "remote" not in spec.options
    if is_own and is_list and not spec.names_files and value not in offered:
        is_short = len(offered) <= _MOST_SHOWN
        shown = f"{offered}" if is_short else f"(list of length {len(offered)})"
        told = f"{name}: '{value}' not in {shown}"
        yield error_of("value_not_in_list", "Value not in list", told, about)


def _file_errors(
    name: str,
    spec: InputSpec,
    value: Any,  # noqa: ANN401 - any JSON value
    has_file: HasFile,
    *,
    is_own: bool,
) -> Iterator[Json]:
    """Yield the error about a file that isn't on the server, as ComfyUI's own nodes for uploads
    check it. Their lists have no files in subfolders or in other folders."""
    if not (is_own and spec.upload in _CHECKED_FILES):
        return
    if not isinstance(value, str):
        why = f"'{type(value).__name__}' object has no attribute 'endswith'"
        yield _inner_error(why, "AttributeError", {"input_name": name})
        return
    is_known = spec.choices is None or value in spec.choices or "/" in value or value.endswith("]")
    if not (is_known or has_file(value)):
        told = "Custom validation failed for node"
        why = f"{name} - Invalid {spec.upload} file: {value}"
        yield error_of("custom_validation_failed", told, why, {"input_name": name})


def _loop_errors(prompt: Prompt) -> Json:
    """Return the errors of nodes that depend on each other, by node."""
    sources = {node_id: [link.node for _, link in links(node)] for node_id, node in prompt.items()}
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as problem:
        loop = problem.args[1]
        named = [f"{one} ({prompt[one]['class_type']})" for one in loop]
        more = ["…", named[-1]] if len(named) > _MOST_SHOWN + 1 else named[_MOST_SHOWN:]
        shown = " -> ".join([*named[:_MOST_SHOWN], *more])
        nodes = [*dict.fromkeys(loop)][:_MOST_WRONG]
        return {
            node_id: error_of(
                "dependency_cycle",
                "Dependency cycle detected",
                shown,
                {"node_id": node_id, "cycle_nodes": nodes},
            )
            for node_id in nodes
        }
    return {}
