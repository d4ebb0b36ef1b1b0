"""Validate prompts with the real server's error types and keys (docs/comfyui.md#16).

Checks only nodes that lead to an output node. A valid output still runs if another one is refused:
that response is 200 with `node_errors`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfyui_standin.nodes.base import NodeClass, NodeInfo, RawPrompt
from comfyui_standin.storage import Storage

Error = dict[str, Any]

_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}
_DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
_AUTOGROW = "COMFY_AUTOGROW_V3"
_DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"
_ANY = frozenset({"*", "COMFY_MATCHTYPE_V3"})  # types that any link fits
_BROKEN = (AttributeError, KeyError, IndexError, TypeError)  # of nodes whose check fails
_DEEPEST = 320  # nodes in a chain, near what Python's stack of calls holds


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """The outputs that will run, or the reason why none will, and errors by node id."""

    outputs: tuple[str, ...]
    error: Error | None
    node_errors: dict[str, Any]


@dataclass(slots=True)
class _Finding:
    """State of one node during validation: whether its branch is valid, and its own errors."""

    sound: bool
    errors: list[Error] = field(default_factory=list)


def error(
    type_: str, message: str, details: str, extra_info: dict[str, Any] | None = None
) -> Error:
    """Return an error in the server's format."""
    return {"type": type_, "message": message, "details": details, "extra_info": extra_info or {}}


def is_prompt_id(value: object) -> bool:
    """Return whether a client may choose this id: a UUID in canonical lower-case form
    (docs/comfyui.md#15)."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False


def validate(
    prompt: RawPrompt,
    nodes: Mapping[str, NodeClass],
    storage: Storage,
    targets: Collection[str] | None = None,
) -> ValidationResult:
    """Validate a prompt. Values are converted in place (for an INT, the string "20" becomes 20), as
    on the real server.

    `targets` limits which output nodes count (`partial_execution_targets`).
    """
    for node_id, node in prompt.items():
        if (unknown := _unknown_class(node_id, node, nodes)) is not None:
            return ValidationResult((), unknown, {})
    used = {node["class_type"] for node in prompt.values()}
    entries = {class_type: nodes[class_type].describe(storage) for class_type in used}
    outputs = [
        node_id
        for node_id, node in prompt.items()
        if entries[node["class_type"]]["output_node"] and (targets is None or node_id in targets)
    ]
    if not outputs:
        return ValidationResult((), error("prompt_no_outputs", "Prompt has no outputs", ""), {})
    return _Validator(prompt, nodes, entries, storage).result(outputs)


def _unknown_class(
    node_id: str, node: Mapping[str, Any], nodes: Mapping[str, NodeClass]
) -> Error | None:
    class_type = node.get("class_type")
    if class_type in nodes:
        return None
    title = node.get("_meta", {}).get("title")
    if class_type is None:
        what = f"Node '{title or f'ID #{node_id}'}' has no class_type. "
        what += "The workflow may be corrupted or a custom node is missing."
    else:
        title = title or class_type
        what = f"Node '{title}' not found. The custom node may not be installed."
    about = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error("missing_node_type", what, f"Node ID '#{node_id}'", about)


class _Validator:
    """One traversal of a prompt, from its outputs backwards."""

    def __init__(
        self,
        prompt: RawPrompt,
        nodes: Mapping[str, NodeClass],
        entries: Mapping[str, NodeInfo],
        storage: Storage,
    ) -> None:
        self._prompt = prompt
        self._nodes = nodes
        self._entries = entries
        self._storage = storage
        self._findings: dict[str, _Finding] = {}
        self._path: list[str] = []

    def result(self, outputs: Collection[str]) -> ValidationResult:
        good: list[str] = []
        node_errors: dict[str, Any] = {}
        sentences: list[str] = []
        for output in outputs:
            finding = self._check_output(output)
            if finding.sound:
                good.append(output)
                continue
            sentences += [f"{one['message']}: {one['details']}" for one in finding.errors]
            self._collect(output, node_errors)
        if good:
            return ValidationResult(tuple(good), None, node_errors)
        what = error(
            "prompt_outputs_failed_validation",
            "Prompt outputs failed validation",
            "\n".join(sentences),
        )
        return ValidationResult((), what, node_errors)

    def _collect(self, output: str, node_errors: dict[str, Any]) -> None:
        """Add this output to every node with errors found so far, as the real server does."""
        for node_id, finding in self._findings.items():
            if not finding.errors:
                continue
            class_type = self._prompt[node_id]["class_type"]
            known = {"errors": finding.errors, "dependent_outputs": [], "class_type": class_type}
            node_errors.setdefault(node_id, known)["dependent_outputs"].append(output)

    def _check_output(self, output: str) -> _Finding:
        try:
            return self._check(output)
        except (*_BROKEN, RecursionError) as exc:
            about = {"exception_type": type(exc).__name__, "traceback": []}
            what = error(
                "exception_during_validation", "Exception when validating node", str(exc), about
            )
            self._findings[output] = _Finding(sound=False, errors=[what])
            return self._findings[output]

    def _check(self, node_id: str) -> _Finding:
        if node_id in self._findings:
            return self._findings[node_id]
        if node_id in self._path:
            return self._cycle(node_id)
        if len(self._path) == _DEEPEST:
            raise RecursionError("maximum recursion depth exceeded")
        node = self._prompt[node_id]
        inputs = node["inputs"]
        self._path.append(node_id)
        try:
            finding = _Finding(sound=True)
            for name, config, required in _declared(self._entries[node["class_type"]], inputs):
                if name in inputs:
                    finding = self._check_input(node_id, name, config, finding)
                elif required:
                    missing = {"input_name": name}
                    finding.errors.append(
                        error("required_input_missing", "Required input is missing", name, missing)
                    )
        finally:
            self._path.pop()
        self._check_custom(node, finding)
        earlier = self._findings.get(
            node_id
        )  # a cycle through this node may have been reported on it already
        finding.errors = [*(earlier.errors if earlier else []), *finding.errors]
        finding.sound = finding.sound and not finding.errors
        self._findings[node_id] = finding
        return finding

    def _cycle(self, node_id: str) -> _Finding:
        loop = [*self._path[self._path.index(node_id) :], node_id]
        around = " -> ".join(f"{member} ({self._prompt[member]['class_type']})" for member in loop)
        members = list(dict.fromkeys(loop))
        for member in members:
            about = {"node_id": member, "cycle_nodes": members}
            self._findings[member] = _Finding(
                sound=False,
                errors=[error("dependency_cycle", "Dependency cycle detected", around, about)],
            )
        return self._findings[node_id]

    def _check_input(
        self, node_id: str, name: str, config: list[Any], finding: _Finding
    ) -> _Finding:
        node = self._prompt[node_id]
        value = node["inputs"][name]
        if isinstance(value, list):
            return self._check_link(name, config, value, finding)
        checked_by_node = name in self._nodes[node["class_type"]].validated
        converted, what = _check_literal(name, config, value, in_list=not checked_by_node)
        if what is None:
            node["inputs"][name] = converted
        else:
            finding.errors.append(what)
        return finding

    def _check_link(
        self, name: str, config: list[Any], link: list[Any], finding: _Finding
    ) -> _Finding:
        about: dict[str, Any] = {"input_name": name, "input_config": _config(config)}
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            finding.errors.append(
                error("bad_linked_input", message, name, {**about, "received_value": link})
            )
            return finding
        source, slot = link
        received = self._entries[self._prompt[source]["class_type"]]["output"][slot]
        expected = config[0]
        if not _fits(received, expected):
            message = "Return type mismatch between linked nodes"
            details = f"{name}, received_type({received}) mismatch input_type({expected})"
            about |= {"received_type": received, "linked_node": link}
            finding.errors.append(error("return_type_mismatch", message, details, about))
            return finding
        try:
            finding.sound &= self._check(source).sound
        except _BROKEN as exc:
            finding.sound = False
            about |= {
                "exception_message": str(exc),
                "exception_type": type(exc).__name__,
                "traceback": [],
            }
            message = "Exception when validating inner node"
            what = error(
                "exception_during_inner_validation",
                message,
                str(exc),
                {**about, "linked_node": link},
            )
            self._findings[source] = _Finding(sound=False, errors=[what])
        return finding

    def _check_custom(self, node: Mapping[str, Any], finding: _Finding) -> None:
        check = self._nodes[node["class_type"]].validate
        if check is None:
            return
        for name, what in check(self._storage, node["inputs"]).items():
            message = "Custom validation failed for node"
            finding.errors.append(
                error("custom_validation_failed", message, f"{name} - {what}", {"input_name": name})
            )


def _declared(entry: NodeInfo, inputs: Mapping[str, Any]) -> list[tuple[str, list[Any], bool]]:
    """Return the node's inputs: (name, spec, required).

    A dynamic combo adds the inputs of its chosen option and is never reported as missing itself. An
    autogrow group has as many inputs as its template allows (docs/comfyui.md#26), a dynamic group
    the cells of its rows (docs/comfyui.md#50).
    """
    declared: list[tuple[str, list[Any], bool]] = []

    def add(prefix: str, groups: Mapping[str, Any]) -> None:
        for group in ("required", "optional"):
            for name, config in groups.get(group, {}).items():
                full = f"{prefix}{name}"
                if len(config) < 2 or not {"template", "options"} & config[1].keys():
                    declared.append((full, config, group == "required"))  # also of a guessed class
                    continue
                if config[0] == _AUTOGROW:
                    declared.extend(_grown(full, config[1]["template"]))
                    continue
                if config[0] == _DYNAMIC_GROUP:
                    for row in _rows(full, config[1], inputs):
                        add(row, config[1]["template"])
                    continue
                dynamic = config[0] == _DYNAMIC_COMBO
                declared.append((full, config, group == "required" and not dynamic))
                for option in config[1]["options"] if dynamic else ():
                    if option["key"] == inputs.get(full):
                        add(f"{full}.", option["inputs"])

    add("", entry["input"])
    return declared


def _rows(group: str, options: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the prefix of each row's inputs: of the required rows, and of those in the prompt."""
    names = (name.removeprefix(f"{group}.").partition(".")[0] for name in inputs)
    given = {int(number) for number in names if number.isdecimal()}
    for number in range(options["max"]):
        if number < options["min"] or number in given:
            yield f"{group}.{number}."


def _grown(group: str, template: Mapping[str, Any]) -> Iterator[tuple[str, list[Any], bool]]:
    (member,) = (one for inputs in template["input"].values() for one in inputs.values())
    names = template.get("names") or [f"{template['prefix']}{at}" for at in range(template["max"])]
    for number, name in enumerate(names):
        yield f"{group}.{name}", member, number < template.get("min", 0)


def _config(config: list[Any]) -> list[Any]:
    return [config[0], config[1] if len(config) > 1 else {}]


def _fits(received: str, expected: object) -> bool:
    if not _ANY.isdisjoint((received, str(expected))):
        return True
    return isinstance(expected, str) and received in expected.split(",")


def _check_literal(
    name: str, config: list[Any], value: object, *, in_list: bool
) -> tuple[Any, Error | None]:
    """Return the value that the node will get, or an error."""
    kind, options = _config(config)
    if isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]
    about = {"input_name": name, "input_config": [kind, options], "received_value": value}
    if isinstance(kind, str) and kind in _CONVERSIONS:
        try:
            value = _CONVERSIONS[kind](value)
        except (TypeError, ValueError) as exc:
            message = f"Failed to convert an input value to a {kind} value"
            about["exception_message"] = str(exc)
            return value, error("invalid_input_type", message, f"{name}, {value}, {exc}", about)
    about["received_value"] = value
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return value, error("value_smaller_than_min", message, name, about)
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return value, error("value_bigger_than_max", message, name, about)
    choices = (
        kind if isinstance(kind, list) else options.get("options", []) if kind == "COMBO" else None
    )
    if in_list and choices is not None and value not in choices:
        return value, _not_in_list(name, value, choices, about)
    return value, None


def _not_in_list(name: str, value: object, choices: list[Any], about: dict[str, Any]) -> Error:
    listed = str(choices)
    if len(choices) > 20:  # the real server doesn't return long lists of files
        listed, about["input_config"] = f"(list of length {len(choices)})", None
    return error(
        "value_not_in_list", "Value not in list", f"{name}: {value!r} not in {listed}", about
    )
