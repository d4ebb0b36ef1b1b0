"""The server's node catalog: the node classes of `/object_info`, in a uniform shape.

Input specs come in two spellings (docs/comfyui.md#25), `[["a", "b"], {…}]` and `["COMBO",
{"options": ["a", "b"]}]`. Since 0.33 there are also dynamic combos (docs/comfyui.md#26), whose
chosen option adds inputs with dotted names (`format.codec`), and autogrow inputs. The raw dict is
0.5 to 1.6 MB and mostly unused by any one workflow, so each node is parsed on first access.
"""

from __future__ import annotations

import difflib
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_dicts, as_list, as_mapping, as_text, parse_json
from comfy.comfyui.file_inputs import FILE_WIDGETS, bare_name, is_folder_name, may_name_file

COMBO = "COMBO"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
DIFFERS = "comfyforms_differs"  # our own option: see `InputSpec.differs`

# Types of values that users type or select. All other types arrive through a link.
WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", COMBO, DYNAMIC_COMBO, "COLOR"})

_ANY = frozenset({"", "*", "COMFY_MATCHTYPE_V3"})  # link types that fit any type
# Characters of a class, a node id or an input name; real names have up to about 80.
LONGEST_NAME = 200
_LIKENESS = 0.8  # minimum similarity of a class to suggest it for a missing one; less doesn't help
_MOST_GROWN = 100  # inputs of an autogrow group without its own limit


# Options that mark a combo or string input for uploads, with the kind of file.
_UPLOAD_OPTIONS = {
    "image_upload": "image",
    "animated_image_upload": "image",
    "audio_upload": "audio",
    "video_upload": "video",
    "file_upload": "file",
}


@dataclass(frozen=True)
class InputSpec:
    """Declared input of a node class.

    `type` is the server's own word; both combo notations are "COMBO". `choices` are the values of a
    combo (the keys of a dynamic one) and None for other types. `options` is the raw second half of
    the spec: default, min, max, step, round, multiline, tooltip, control_after_generate,
    image_upload and the node's other options.
    """

    name: str
    type: str
    required: bool
    choices: tuple[Any, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    raw: object = None

    @cached_property
    def value_type(self) -> str:
        """Return the widget's type if the input accepts several: FLOAT for `FLOAT,INT` with
        `widgetType: FLOAT`."""
        hint = self.options.get("widgetType")
        if isinstance(hint, str) and hint in WIDGET_TYPES:
            return hint
        return next((part for part in self.type.split(",") if part in WIDGET_TYPES), self.type)

    @property
    def is_widget(self) -> bool:
        """Tell if users can give this input a value; `forceInput` turns a widget type into a pure
        socket."""
        return self.value_type in WIDGET_TYPES and not self.options.get("forceInput")

    @cached_property
    def upload(self) -> str | None:
        """Return the uploadable type: "image", "audio", "video", "file", or None."""
        return next(
            (kind for option, kind in _UPLOAD_OPTIONS.items() if self.options.get(option)), None
        )

    @property
    def differs(self) -> bool:
        """Tell if several servers offer different choices (`comfy.comfyui.servers.merged`)."""
        return bool(self.options.get(DIFFERS))

    @cached_property
    def names_files(self) -> bool:
        """Tell if ComfyUI or a custom node treats the value as the name of a file or folder on the
        server.

        The server declares only uploads. Lists are also recognized by their choices, lists and
        texts by their name.
        """
        if self.upload or self.type in FILE_WIDGETS or "image_folder" in self.options:
            return True
        return may_name_file(self.bare_name, self.value_type, self.choices or ())

    @property
    def names_folder(self) -> bool:
        """Tell if the value names a folder, or possibly a folder. An empty value would then mean
        the parent folder."""
        return self.names_files and not self.upload and is_folder_name(self.bare_name)

    @property
    def bare_name(self) -> str:
        """See `comfy.comfyui.file_inputs.bare_name`."""
        return bare_name(self.name)

    def branch(self, value: object) -> tuple[InputSpec, ...]:
        """Return the inputs of one choice of a dynamic combo, with their dotted names; () for other
        inputs."""
        if self.type != DYNAMIC_COMBO:
            return ()
        for option in as_dicts(self.options.get("options")):
            if option.get("key") == value:
                return _parse_inputs(option.get("inputs"), prefix=f"{self.name}.")
        return ()

    def grown(self, name: str) -> InputSpec | None:
        """Return the spec of an autogrow group's input by its dotted name (`images.image0`), or
        None if the name isn't one of the group's."""
        head, dot, slot = name.rpartition(".")
        if not self._template or not dot or head != self.name:
            return None
        prefix, names = self._names
        if slot not in names and not (
            prefix and slot.startswith(prefix) and slot[len(prefix) :].isdecimal()
        ):
            return None
        return replace(self.member, name=name, required=False) if self.member else None

    @cached_property
    def member(self) -> InputSpec | None:
        """Return the spec of each input in an autogrow group; None for others."""
        inner = _parse_inputs(self._template.get("input"))
        return inner[0] if inner else None

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """Return the possible dotted names of an autogrow group's inputs, in order; () for other
        inputs."""
        prefix, names = self._names
        if prefix and not names:
            most = self._template.get("max")
            names = tuple(
                f"{prefix}{n}"
                for n in range(min(most, _MOST_GROWN) if isinstance(most, int) else _MOST_GROWN)
            )
        return tuple(f"{self.name}.{name}" for name in names)

    @property
    def least(self) -> int:
        """Return the minimum number of inputs in an autogrow group."""
        least = self._template.get("min")
        return least if isinstance(least, int) else 0

    @property
    def _template(self) -> Mapping[str, Any]:
        """Return an autogrow group's template; empty for others."""
        return as_mapping(self.options.get("template")) if self.type == AUTOGROW else {}

    @property
    def _names(self) -> tuple[str, tuple[Any, ...]]:
        """Return the names of an autogrow group's inputs: the prefix of their number,
        or all names."""
        return as_text(self._template.get("prefix")), tuple(as_list(self._template.get("names")))

    @property
    def start(self) -> object:
        """Return the editor's initial value of a new widget of this kind, or None without a widget
        or a choice."""
        if not self.is_widget or self.names_files:  # other users' files aren't a default
            return None
        default = self.options.get("default")
        if self.choices is not None:
            return default if default in self.choices else next(iter(self.choices), None)
        if default is None and self.value_type in ("INT", "FLOAT"):
            least = self.options.get("min")
            return max(0, least) if isinstance(least, int | float) else 0
        return (
            {"BOOLEAN": False, "STRING": "", "COLOR": "#000000"}.get(self.value_type)
            if default is None
            else default
        )


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

    @cached_property
    def by_name(self) -> Mapping[str, InputSpec]:
        """Return the declared inputs by name (for dotted names of dynamic combos see
        `active_inputs`)."""
        return {spec.name: spec for spec in self.inputs}

    def active_inputs(self, values: Mapping[str, object]) -> dict[str, InputSpec]:
        """Return the inputs that exist for these values, in order.

        Each dynamic combo is followed by its choice's own inputs, each autogrow input by its own
        inputs that have a value.
        """
        return dict(_walk(self.inputs, values) if self._are_dynamic else self.by_name)

    @cached_property
    def _are_dynamic(self) -> bool:
        return any(one.type in (DYNAMIC_COMBO, AUTOGROW) for one in self.inputs)


class Catalog(Mapping[str, NodeSpec]):
    """Node classes of one server by class type, except for overlong names. Built from the body of
    `/object_info`. Thread-safe: two threads that parse the same class at once get equal results."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._parsed: dict[str, NodeSpec] = {}
        self._similar: dict[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> Catalog:
        """Read a saved catalog, `.json` or `.json.gz`. Raises ComfyError if it is missing or not a
        catalog."""
        try:
            data = path.read_bytes()
            raw = parse_json(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise ComfyError(f"The node catalog {path} cannot be read: {error}.") from error
        if not isinstance(raw, dict):
            raise ComfyError(
                f"{path} is not a node catalog.",
                hint="Save the response of http://SERVER/object_info to a file.",
            )
        return cls(raw)

    def similar(self, class_type: str) -> str:
        """Return the display name of the class most similar to a missing one, by class or display
        name; "" if none is close."""
        if class_type not in self._similar:
            near = difflib.get_close_matches(_core(class_type), self._names, 1, _LIKENESS)
            self._similar[class_type] = self._names[near[0]] if near else ""
        return self._similar[class_type]

    @cached_property
    def uploads(self) -> frozenset[str]:
        """Return the names of all users' uploads, as their inputs list them."""
        specs = (
            spec
            for one in self
            for spec in _declared(self.raw[one])
            if any(map(spec[1].get, _UPLOAD_OPTIONS))
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
        if class_type not in self._parsed:
            if class_type not in self:
                raise KeyError(class_type)
            self._parsed[class_type] = _parse_node(class_type, self.raw[class_type])
        return self._parsed[class_type]

    def __contains__(self, class_type: object) -> bool:
        if not isinstance(class_type, str) or len(class_type) > LONGEST_NAME:
            return False
        return isinstance(self.raw.get(class_type), dict)

    def __iter__(self) -> Iterator[str]:
        return (class_type for class_type in self.raw if class_type in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def parse_input(name: str, raw: object, *, required: bool) -> InputSpec:
    """Parse one input spec in any spelling, including a bare type name (`"PROMPT"`). Invalid specs
    become an input of type "*"."""
    head, *rest = raw if isinstance(raw, list | tuple) and raw else [raw]
    options: Mapping[str, Any] = rest[0] if rest and isinstance(rest[0], dict) else {}
    match head:
        case list() | tuple():
            return InputSpec(name, COMBO, required, tuple(head), options, raw)
        case "COMBO":
            return InputSpec(
                name, COMBO, required, tuple(as_list(options.get("options"))), options, raw
            )
        case "COMFY_DYNAMICCOMBO_V3":
            keys = tuple(option.get("key") for option in as_dicts(options.get("options")))
            return InputSpec(name, DYNAMIC_COMBO, required, keys, options, raw)
        case str():
            return InputSpec(name, head, required, None, options, raw)
        case _:
            return InputSpec(name, "*", required, None, options, raw)


def compatible(type_: str, other: str) -> bool:
    """Tell if a link may connect these types; a type may be a list of alternatives."""
    ones, others = set(type_.upper().split(",")), set(other.upper().split(","))
    return not (_ANY.isdisjoint(ones | others) and ones.isdisjoint(others))


def _parse_node(class_type: str, info: Mapping[str, Any]) -> NodeSpec:
    return NodeSpec(
        class_type=class_type,
        display_name=as_text(info.get("display_name"))[:LONGEST_NAME] or class_type,
        description=as_text(info.get("description")),
        category=as_text(info.get("category")),
        inputs=_parse_inputs(info.get("input"), order=info.get("input_order")),
        output_types=_type_names(info.get("output")),
        output_names=_type_names(info.get("output_name")),
        output_node=bool(info.get("output_node")),
        raw=info,
    )


def _declared(info: Mapping[str, Any]) -> Iterator[tuple[object, Mapping[str, Any]]]:
    """Yield the two raw halves of each input spec of a class, except specs without options."""
    for section in ("required", "optional"):
        for raw in as_mapping(as_mapping(info.get("input")).get(section)).values():
            if isinstance(raw, list) and len(raw) > 1 and isinstance(raw[1], dict):
                yield raw[0], raw[1]


def _parse_inputs(
    sections: object, *, order: object = None, prefix: str = ""
) -> tuple[InputSpec, ...]:
    """Return required, then optional inputs, each in `input_order`, which is correct even if a JSON
    library sorts keys."""
    inputs = []
    for section, required in (("required", True), ("optional", False)):
        specs = as_mapping(as_mapping(sections).get(section))
        section_order = as_mapping(order).get(section)
        first = (
            [name for name in section_order if isinstance(name, str) and name in specs]
            if isinstance(section_order, list)
            else []
        )
        for name in dict.fromkeys([*first, *specs]):
            if len(prefix + name) <= LONGEST_NAME:
                inputs.append(parse_input(prefix + name, specs[name], required=required))
    return tuple(inputs)


def _walk(
    specs: tuple[InputSpec, ...], values: Mapping[str, object]
) -> Iterator[tuple[str, InputSpec]]:
    for spec in specs:
        yield spec.name, spec
        yield from _walk(spec.branch(values.get(spec.name)), values)
        if spec.type == AUTOGROW:
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
