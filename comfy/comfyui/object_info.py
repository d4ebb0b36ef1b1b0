"""The server's node catalog: the node classes of `/object_info`.

The raw dict is 0.5 to 1.6 MB and mostly unused by any one workflow, so each node is parsed on first
access. `comfy.comfyui.input_spec` has the inputs.

Inputs that node packs read without declaring them, in the notation of `/object_info`.

`comfy.comfyui.object_info.Catalog` adds them to the server's declarations, so the rest of the app
reads them like any other input (docs/comfyui.md#51, docs/comfyui.md#52).
"""

from __future__ import annotations

import difflib
import gzip
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_list, as_mapping, as_text, parse_json
from comfy.base.messages import message
from comfy.comfyui.input_spec import (
    COMBO,
    FOLLOWS,
    LONGEST_NAME,
    PACK_UPLOADS,
    ROWS,
    UPLOAD_OPTIONS,
    InputSpec,
    RowNotation,
    parse_inputs,
    takes_base64_image,
)

_POWER_LORA_LOADER = "Power Lora Loader (rgthree)"
_LORAS = "LORAS"  # the type of Lora-Manager's lists
_TEXT = "text"  # beside such a list
_MOST_LORAS = 100
_STRENGTH = MappingProxyType({"default": 1.0, "min": -100.0, "max": 100.0, "step": 0.05})
_LORA = "LoRA"
_LIKENESS = 0.8  # minimum similarity of a class to suggest it for a missing one; less doesn't help
_OF_STAND_IN = "PartnerText"  # a class of `comfyui_standin`, not of ComfyUI


def _with_pack_inputs(class_type: str, catalog: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a class's entry of `/object_info` with the inputs that its pack doesn't declare.
    `catalog` is the whole body, which has the choices."""
    info: Mapping[str, Any] = catalog[class_type]
    sections = as_mapping(info.get("input"))
    if class_type == _POWER_LORA_LOADER:
        optional = {**as_mapping(sections.get("optional")), "loras": _power_loras(catalog)}
        return {**info, "input": {**sections, "optional": optional}}
    rows = {
        (section, name): [_LORAS, {**options, **_listed_loras(catalog)}]
        for section, name, options in _lora_lists(sections)
    }
    if not rows:
        return info
    added = {
        section: {
            name: _unused(spec) if name == _TEXT else rows.get((section, name), spec)
            for name, spec in as_mapping(sections.get(section)).items()
        }
        for section in sections
    }
    return {**info, "input": added}


def _unused(spec: object) -> list[Any]:
    """Return the declaration of an input that only the pack's editor reads, without a field."""
    head, options = (*as_list(spec), {})[:2]
    return [head, {**as_mapping(options), "hidden": True}]


def _lora_lists(sections: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield section, name and options of each of Lora-Manager's lists."""
    for section in ("required", "optional"):
        for name, spec in as_mapping(sections.get(section)).items():
            if isinstance(spec, list) and spec[:1] == [_LORAS]:
                yield section, name, as_mapping(spec[1]) if len(spec) > 1 else {}


def _power_loras(catalog: Mapping[str, Any]) -> list[Any]:
    """Return rgthree's rows: `lora_1`, `lora_2` …, each an object. Without `strengthTwo`, the text
    encoder gets `strength`, too."""
    template = {
        "required": {
            "on": ["BOOLEAN", {"default": True, "display_name": message("On")}],
            "lora": [_lora_files(catalog), {"display_name": _LORA}],
            "strength": ["FLOAT", {**_STRENGTH, "display_name": message("Strength")}],
        },
        "optional": {"strengthTwo": _clip_strength()},
    }
    notation = {"notation": RowNotation.NUMBERED, "prefix": "lora_", "switch": "on"}
    return [ROWS, {"group_name": _LORA, "max": _MOST_LORAS, "template": template, ROWS: notation}]


def _listed_loras(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of Lora-Manager's rows: one wrapped list. A LoRA's name has no folder and
    no extension. The nodes ignore the text beside the list."""
    names = [name.replace("\\", "/").rpartition("/")[2] for name in _lora_files(catalog)]
    stems = dict.fromkeys(name.rpartition(".")[0] or name for name in names)
    template = {
        "required": {
            "active": ["BOOLEAN", {"default": True, "display_name": message("On")}],
            "name": [[*stems], {"display_name": _LORA}],
            "strength": ["FLOAT", {**_STRENGTH, "display_name": message("Strength")}],
        },
        "optional": {"clipStrength": _clip_strength()},
    }
    notation = {"notation": RowNotation.WRAPPED, "switch": "active"}
    return {"group_name": _LORA, "max": _MOST_LORAS, "template": template, ROWS: notation}


def _clip_strength() -> list[Any]:
    options = {"display_name": message("CLIP strength"), FOLLOWS: True}
    return ["FLOAT", {**_STRENGTH, **options}]


def _lora_files(catalog: Mapping[str, Any]) -> list[str]:
    """Return the LoRA files that ComfyUI's own loader offers."""
    sections = as_mapping(as_mapping(catalog.get("LoraLoader")).get("input"))
    spec = as_list(as_mapping(sections.get("required")).get("lora_name"))
    head, options = (*spec, None, None)[:2]
    offered = head if isinstance(head, list) else as_mapping(options).get("options")
    return [name for name in as_list(offered) if isinstance(name, str)]


@dataclass(frozen=True)
class NodeSpec:
    """Node class. `inputs` are in declared order, required before optional, without hidden ones."""

    class_type: str
    display_name: str
    description: str
    category: str
    inputs: tuple[InputSpec, ...]
    output_types: tuple[str, ...]
    output_names: tuple[str, ...]
    output_node: bool
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def is_guessed(self) -> bool:
        """Return whether a stand-in knows the class only from the workflow that uses it."""
        return self.raw.get("standin_guessed") is True

    @cached_property
    def by_name(self) -> Mapping[str, InputSpec]:
        """Return the declared inputs by name (for those that a choice adds see
        `active_inputs`)."""
        return {spec.name: spec for spec in self.inputs}

    def active_inputs(self, values: Mapping[str, object]) -> dict[str, InputSpec]:
        """Return the inputs that exist for these values, in order.

        Each combo is followed by the inputs that its choice adds, each group by its own inputs that
        have a value.
        """
        return dict(_walk(self.inputs, values) if self._are_dynamic else self.by_name)

    @cached_property
    def _are_dynamic(self) -> bool:
        return any(one.adds_inputs or one.is_group for one in self.inputs)


class Catalog(Mapping[str, NodeSpec]):
    """Node classes of one server by class type, except for overlong names. Built from the body of
    `/object_info`. Thread-safe: two threads that parse the same class at once get equal results."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._base: Catalog | None = None
        self._own: frozenset[str] = frozenset()
        self._parsed: dict[str, NodeSpec] = {}
        self._similar: dict[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> Catalog:
        """Read a saved catalog, `.json` or `.json.gz`. Raises ComfyError if it is missing or not a
        catalog."""
        try:
            data = path.read_bytes()
            raw = parse_json(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        except (OSError, EOFError, ValueError) as error:
            raise ComfyError(f"The node catalog {path} cannot be read: {error}.") from error
        if not isinstance(raw, dict):
            raise ComfyError(
                f"{path} is not a node catalog.",
                hint="Save the response of http://SERVER/object_info to a file.",
            )
        return cls(raw)

    def for_workflow(self, answer: Mapping[str, Any]) -> Catalog:
        """Return this catalog with the definitions that a stand-in made for one workflow, in its
        answer (`Client.definitions`)."""
        entries = as_mapping(answer.get("definitions"))
        layers: Any = (entries, self.raw)  # not copied, as there may be many workflows
        catalog = Catalog(ChainMap(*layers))
        catalog._base, catalog._own = self, frozenset(entries)
        return catalog

    def similar(self, class_type: str) -> str:
        """Return the display name of the class most similar to a missing one, by class or display
        name; "" if none is close."""
        if class_type not in self._similar:
            near = difflib.get_close_matches(_core(class_type), self._names, 1, _LIKENESS)
            self._similar[class_type] = self._names[near[0]] if near else ""
        return self._similar[class_type]

    @property
    def is_stand_in(self) -> bool:
        """Return whether the server is a stand-in."""
        return _OF_STAND_IN in self.raw

    @property
    def runs_anything(self) -> bool:
        """Return whether the server is a stand-in that also runs nodes that it doesn't have."""
        return as_mapping(self.raw.get(_OF_STAND_IN)).get("runs_anything") is True

    @cached_property
    def uploads(self) -> frozenset[str]:
        """Return the names of all users' uploads, as their inputs list them."""
        specs = (
            spec
            for one in self
            for name, spec in _declared(self.raw[one])
            if any(map(spec[1].get, UPLOAD_OPTIONS)) or name in PACK_UPLOADS.get(one, {})
        )
        lists = (
            head if isinstance(head, list) else options.get("options") for head, options in specs
        )
        return frozenset(
            name
            for offered in lists
            for name in as_list(offered)
            if isinstance(name, str) and "." in name
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        """Return display names by each name of a class without pack and punctuation."""
        shown = {one: as_text(self.raw[one].get("display_name")) or one for one in self}
        return {_core(name): shown[one] for one in shown for name in (shown[one], one)}

    def __getitem__(self, class_type: str) -> NodeSpec:
        if self._base is not None and class_type not in self._own:
            return self._base[class_type]  # parsed once for all workflows
        if class_type not in self._parsed:
            if class_type not in self:
                raise KeyError(class_type)
            self._parsed[class_type] = _parse_node(
                class_type, _with_pack_inputs(class_type, self.raw)
            )
        return self._parsed[class_type]

    def __contains__(self, class_type: object) -> bool:
        if not isinstance(class_type, str) or len(class_type) > LONGEST_NAME:
            return False
        return isinstance(self.raw.get(class_type), dict)

    def __iter__(self) -> Iterator[str]:
        return (class_type for class_type in self.raw if class_type in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _parse_node(class_type: str, info: Mapping[str, Any]) -> NodeSpec:
    inputs = parse_inputs(info.get("input"), order=info.get("input_order"))
    outputs = _type_names(info.get("output"))
    return NodeSpec(
        class_type=class_type,
        display_name=as_text(info.get("display_name"))[:LONGEST_NAME] or class_type,
        description=as_text(info.get("description")),
        category=as_text(info.get("category")),
        inputs=tuple(_with_upload(one, class_type, outputs) for one in inputs),
        output_types=outputs,
        output_names=_type_names(info.get("output_name")),
        output_node=bool(info.get("output_node")),
        raw=info,
    )


def _with_upload(spec: InputSpec, class_type: str, outputs: tuple[str, ...]) -> InputSpec:
    """Return the input with an upload that the pack doesn't declare, if it has one."""
    if kind := PACK_UPLOADS.get(class_type, {}).get(spec.name):
        return replace(spec, pack_upload=kind)
    if spec.type == "STRING" and takes_base64_image(class_type, spec.name, outputs):
        return replace(spec, is_base64=True)
    return spec


def _declared(
    info: Mapping[str, Any],
) -> Iterator[tuple[str, tuple[object, Mapping[str, Any]]]]:
    """Yield the name and the two raw halves of each input spec of a class."""
    for section in ("required", "optional"):
        for name, raw in as_mapping(as_mapping(info.get("input")).get(section)).items():
            if isinstance(raw, list) and raw:
                yield name, (raw[0], as_mapping(raw[1] if len(raw) > 1 else {}))


def _walk(
    specs: tuple[InputSpec, ...], values: Mapping[str, object]
) -> Iterator[tuple[str, InputSpec]]:
    for spec in specs:
        yield spec.name, spec
        yield from _walk(spec.branch(values.get(spec.name)), values)
        if spec.is_group:
            yield from ((name, grown) for name in values if (grown := spec.grown(name)))


def _core(name: str) -> str:
    """Return a class name without its pack's suffix ("Seed (rgthree)", "Text|pysssss") and without
    punctuation."""
    bare = name[:200].replace("|", "(").partition("(")[0]
    return "".join(c for c in bare.lower() if c.isalnum())


def _type_names(value: object) -> tuple[str, ...]:
    """Return the types of the output slots; an old combo output is a list of its values, which
    becomes COMBO as elsewhere."""
    names = value if isinstance(value, list) else []
    return tuple(name if isinstance(name, str) else COMBO for name in names)
