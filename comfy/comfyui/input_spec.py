"""Declared inputs of node classes, in a uniform shape.

Input specs come in two spellings (docs/comfyui.md#25), `[["a", "b"], {…}]` and `["COMBO",
{"options": ["a", "b"]}]`. Since 0.33 there are also dynamic combos (docs/comfyui.md#26), whose
chosen option adds inputs with dotted names (`format.codec`), and autogrow inputs. Groups of
repeatable rows are newer (docs/comfyui.md#50). Values of types with an editor of their own aren't
typed (docs/comfyui.md#49).

ComfyUI declares only uploads. Names and choices reveal the other inputs that name a file or folder
on the server; packs whose own scripts upload files are in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any

from comfy.base.json_values import as_dicts, as_list, as_mapping, as_text

# Widgets of the editor whose value is a file name, or an object with file names
# (docs/comfyui.md#31).
FILE_WIDGETS = frozenset({"WEBCAM", "AUDIO_RECORD", "LOAD_3D", "LOAD_3D_ANIMATION"})
# Lists of files to which a pack's own script uploads, by class and input, with the kind of file
# (docs/comfyui.md#53).
PACK_UPLOADS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "VHS_LoadVideo": {"video": "video"},
        "VHS_LoadVideoFFmpeg": {"video": "video"},
        "VHS_LoadAudioUpload": {"audio": "audio"},
        "PixaromaLoadVideo": {"video": "video"},
        "PixaromaLoadVideoFrame": {"video": "video"},
    }
)
# Inputs of nodes that load an image from base64 text (docs/comfyui.md#55). In classes named so, the
# input has another name.
_BASE64 = re.compile(r"base64|b64", re.IGNORECASE)
_BASE64_INPUTS = frozenset({"image", "mask", "data", "image_data", "image_url"})
_PACKED = re.compile(r"gzip", re.IGNORECASE)
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+")
# Names of inputs that take a path. ComfyUI doesn't declare them:
# `LoadImageDataSetFromFolder.folder`, `LoadLatent.latent` and `GeminiInputFiles.file` are plain
# lists, and `Preview3D.model_file` is a plain text.
_FOLDER = re.compile(
    r"\A(.+_)?(path|folder|dir|directory|directories|dataset)s?(_name|_list)?(_?\d+)?", re.ASCII
)
_FILE = re.compile(r"\A(.+_)?(file|filename)s?(_name|_list)?(_?\d+)?", re.ASCII)
_MEDIUM = re.compile(r"(image|video|audio|mask|latent)s?(_name|_list)?(_?\d+)?", re.ASCII)
_MEDIUM_OR_ADDRESS = re.compile(
    r"\A(.+_)?(image|video|audio|mask|latent|url|uri)s?(_name|_list)?(_?\d+)?", re.ASCII
)
_MEDIA_ENDING = re.compile(
    r"\A(png|apng|jpe?g?|webp|gif|bmp|tiff?|avif|heic|exr|hdr|svg|psd|mp4|webm|mov|mkv|avi|flv|m4v|mp3|wav|flac|ogg|opus"
    r"|m4a|aac|glb|gltf|obj|fbx|stl|ply|k?splat|spz|usdz|latent|pkl|npy|pdf|txt|csv|zip)(\s*\[\w+\])?\s*",
    re.IGNORECASE,
)
EDITOR_TYPES = FILE_WIDGETS | {
    "BOUNDING_BOX",
    "BOUNDING_BOXES",
    "CAMERA_ANGLE_VIEW",
    "CAMERA_INFO_STATE",
    "CHART",
    "COLORS",
    "COMPOSITOR",
    "CURVE",
    "GALLERIA",
    "IMAGECOMPARE",
    "LIGHT_INFO_PREVIEW",
    "LOAD_3D_ADVANCED",
    "MARKDOWN",
    "PAINTER",
    "PREVIEW_3D",
    "RANGE",
    "RESOLUTION_PREVIEW",
    "TEXTAREA",
    "VIDEO_EDIT",
    "COMFY_AUTOGROW_V3",
}
COMBO = "COMBO"
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
DYNAMIC_GROUP = "COMFY_DYNAMICGROUP_V3"
AUTOGROW = "COMFY_AUTOGROW_V3"
DIFFERS = "comfyforms_differs"  # our own option: see `InputSpec.differs`
PAINTED = "standin_painted"  # a stand-in's option: see `InputSpec.is_painted`
ADDED = "comfyforms_added"  # our own: the class of an app's node (`AddedNodes`)
ROWS = "comfyforms_rows"  # our own option: the notation of undeclared rows (`RowGroup`)
FOLLOWS = "comfyforms_follows"  # our own option: an empty cell has the previous one's value
# Types of values that users type or select. All other types arrive through a link.
WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", COMBO, DYNAMIC_COMBO, "COLOR"})
_ANY = frozenset({"", "*", "COMFY_MATCHTYPE_V3"})  # link types that fit any type
# Characters of a class, a node id or an input name; real names have up to about 80.
LONGEST_NAME = 200
_MOST_GROWN = 100  # inputs of an autogrow group without its own limit
_MOST_ROWS = 20  # rows of a group without its own limit, as in the editor
# Options that mark a combo or string input for uploads, with the kind of file.
UPLOAD_OPTIONS = {
    "image_upload": "image",
    "animated_image_upload": "image",
    "audio_upload": "audio",
    "video_upload": "video",
    "file_upload": "file",
}


def _may_name_file(name: str, value_type: str, choices: Iterable[object]) -> bool:
    """Tell if an input takes the name of a file or folder, by its `bare_name` and, for a list, also
    by its choices."""
    by_name = bool(_FILE.fullmatch(name)) or _is_folder_name(name)
    match value_type:
        case "COMBO" | "COMFY_DYNAMICCOMBO_V3":
            named = by_name or bool(_MEDIUM.fullmatch(name))
            return (named and not name.startswith("model")) or any(map(is_media_file, choices))
        case "STRING":
            return by_name or bool(_MEDIUM_OR_ADDRESS.fullmatch(name))
        case "*":
            return by_name
        case _:
            return False


def takes_base64_image(class_type: str, name: str, outputs: Iterable[str]) -> bool:
    """Tell if a text input of a class with these output types takes an image as base64 text."""
    by_name = bool(_BASE64.search(name))
    by_class = bool(_BASE64.search(class_type)) and name in _BASE64_INPUTS
    loads = not {"IMAGE", "MASK"}.isdisjoint(outputs) and not _PACKED.search(class_type)
    return loads and (by_name or by_class)


def bare_name(name: str) -> str:
    """Return a name without its prefix before a dot, in snake case: `a.filePath` becomes
    file_path."""
    return _WORD_ENDS.sub("_", name.rpartition(".")[2]).lower()


def _is_folder_name(name: str) -> bool:
    """Tell if an input has a typical name for folders."""
    return bool(_FOLDER.fullmatch(name))


def is_media_file(value: object) -> bool:
    """Tell if a text is the name of an image, video, sound, 3D model or another file that users
    create."""
    if not isinstance(value, str):
        return False
    stem, _, ending = value.rpartition(".")
    return bool(stem and _MEDIA_ENDING.fullmatch(ending))


def is_no_file(value: object) -> bool:
    """Tell if a value means no file in an input for a file name."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none"))


def type_of_value(value: object) -> str:
    """Return the built-in type of such values, "" for others."""
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INT"
        case float():
            return "FLOAT"
        case str():
            return "STRING"
        case _:
            return ""


class RowNotation(StrEnum):
    """Notation of rows in a prompt."""

    DOTTED = "dotted"  # "loras.0.lora_name": "a", "loras.0.strength": 1, "loras.1.lora_name": "b"
    NUMBERED = "numbered"  # "lora_1": {"lora": "a", "strength": 1}, "lora_2": {"lora": "b"}
    WRAPPED = "wrapped"  # "loras": {"__value__": [{"name": "a", "strength": 1}, {"name": "b"}]}


@dataclass(frozen=True)
class InputSpec:
    """Declared input of a node class.

    `type` is the server's own word; both combo notations are "COMBO". `choices` are the values of a
    combo (the keys of a dynamic one) and None for other types. `options` is the raw second half of
    the spec: default, min, max, step, round, multiline, tooltip, control_after_generate,
    image_upload and the node's other options. `pack_upload`: the kind of file that the pack's own
    script uploads, although the options don't say so. `is_base64`: the value is an image as base64
    text, which users upload.
    """

    name: str
    type: str
    required: bool
    choices: tuple[Any, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    raw: object = None
    pack_upload: str = ""
    is_base64: bool = False

    @cached_property
    def value_type(self) -> str:
        """Return the widget's type if the input accepts several: FLOAT for `FLOAT,INT` with
        `widgetType: FLOAT`."""
        hint = self.options.get("widgetType")
        if isinstance(hint, str) and hint in WIDGET_TYPES:
            return hint
        return next((part for part in self.type.split(",") if part in WIDGET_TYPES), self.type)

    @property
    def widget_type(self) -> str:
        """Return the name of the widget that the node's author wants, by default the type's."""
        return as_text(self.options.get("widgetType")) or self.value_type

    @cached_property
    def base_type(self) -> str:
        """Return the built-in type of a custom widget's values: `value_type` if that is built in,
        otherwise a guess from the type's name and the default. Types with neither, and those in
        `EDITOR_TYPES`, stay unchanged."""
        if self.widget_type in EDITOR_TYPES:
            return self.widget_type
        if self.value_type in WIDGET_TYPES:
            return self.value_type
        default = self.options.get("default")
        if "COLOR" in self.type.upper() and isinstance(default, str | None):
            return "COLOR"
        if not {"TEXT", "STRING"}.isdisjoint(self.type.upper().split("_")):
            return "STRING"
        return type_of_value(default) or self.type

    @property
    def is_widget(self) -> bool:
        """Tell if users can give this input a value."""
        return self.value_type in WIDGET_TYPES and not self.is_forced

    @property
    def is_forced(self) -> bool:
        """Tell if the input is a pure socket despite its type. `defaultInput` is the older word for
        it, which still counts for optional inputs."""
        options = self.options
        return bool(
            options.get("forceInput") or (options.get("defaultInput") and not self.required)
        )

    @cached_property
    def upload(self) -> str | None:
        """Return the uploadable type: "image", "audio", "video", "file", or None."""
        declared = (kind for option, kind in UPLOAD_OPTIONS.items() if self.options.get(option))
        return next(declared, "image" if self.is_base64 else self.pack_upload or None)

    @property
    def differs(self) -> bool:
        """Tell if several servers offer different choices (`comfy.comfyui.servers.pool`)."""
        return bool(self.options.get(DIFFERS))

    @cached_property
    def names_files(self) -> bool:
        """Tell if ComfyUI or a custom node treats the value as the name of a file or folder on the
        server.

        The server declares only uploads. Lists are also recognized by their choices, lists and
        texts by their name.
        """
        if self.is_base64:
            return False
        if self.upload or self.type in FILE_WIDGETS or "image_folder" in self.options:
            return True
        return _may_name_file(self.bare_name, self.value_type, self.choices or ())

    @property
    def is_painted(self) -> bool:
        """Tell if the server is a stand-in that reads no file of this name, except for an upload,
        in whose place it paints one if it doesn't exist."""
        return self.options.get(PAINTED) is True

    @property
    def names_folder(self) -> bool:
        """Tell if the value names a folder, or possibly a folder. An empty value would then mean
        the parent folder."""
        return self.names_files and not self.upload and _is_folder_name(self.bare_name)

    @property
    def bare_name(self) -> str:
        return bare_name(self.name)

    @property
    def adds_inputs(self) -> bool:
        """Tell if the node's other inputs depend on the chosen value, as with dynamic combos and
        combos with `formats` (docs/comfyui.md#49)."""
        return self.type == DYNAMIC_COMBO or bool(self._formats)

    def adds(self, name: str) -> bool:
        """Tell if one of the choices adds an input of this name."""
        if self.type == DYNAMIC_COMBO:
            return name.startswith(f"{self.name}.")
        return any(name == spec.name for specs in self._formats.values() for spec in specs)

    def branch(self, value: object) -> tuple[InputSpec, ...]:
        """Return the inputs that one choice adds: with dotted names for a dynamic combo, with plain
        names for a combo with `formats`; () for other inputs."""
        if self.type != DYNAMIC_COMBO:
            return self._formats.get(value, ()) if isinstance(value, str) else ()
        for option in as_dicts(self.options.get("options")):
            if option.get("key") == value:
                return parse_inputs(option.get("inputs"), prefix=f"{self.name}.")
        return ()

    @cached_property
    def _formats(self) -> Mapping[str, tuple[InputSpec, ...]]:
        """Return the inputs that each choice adds by `[name, type, options]` in the option
        `formats`."""
        formats = as_mapping(self.options.get("formats")) if self.type == COMBO else {}
        added = {
            choice: tuple(
                parse_input(row[0], row[1:], required=False)
                for row in rows
                if isinstance(row, list)
                and len(row) > 1
                and isinstance(row[0], str)
                and len(row[0]) <= LONGEST_NAME
            )
            for choice, rows in formats.items()
            if isinstance(rows, list)
        }
        return {choice: specs for choice, specs in added.items() if specs}

    @cached_property
    def rows(self) -> RowGroup | None:
        """Return the rows that this input stands for; None for other inputs."""
        if self.type != DYNAMIC_GROUP and ROWS not in self.options:
            return None
        return _row_group(self, parse_inputs(self.options.get("template")))

    @property
    def is_group(self) -> bool:
        """Tell if the input stands for others, which have names of their own."""
        return self.type == AUTOGROW or self.rows is not None

    def grown(self, name: str) -> InputSpec | None:
        """Return the spec of a group's input by its name (`images.image0`, `loras.0.strength`), or
        None if the name isn't one of the group's."""
        if self.rows:
            return self.rows.spec_of(self, name)
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
        inner = parse_inputs(self._template.get("input"))
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


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of one group. `columns` have their own names, such as `strength`. `title` names one row
    ("LoRA"), and a number of `least` to `most` rows is allowed. `prefix` is the part of a numbered
    row's name before its number. Rows whose column `switch` is false have no effect."""

    name: str
    title: str
    columns: tuple[InputSpec, ...]
    notation: RowNotation
    least: int
    most: int
    prefix: str = ""
    switch: str = ""

    def place(self, name: str) -> tuple[int, str] | None:
        """Return the row's number in the prompt and the column of an input; "" if the input has the
        whole row, None if it isn't part of the group."""
        if self.notation is RowNotation.DOTTED:
            head, _, column = name.removeprefix(f"{self.name}.").partition(".")
            is_cell = name.startswith(f"{self.name}.") and any(
                column == one.name for one in self.columns
            )
        else:
            head, column = name.removeprefix(self.prefix), ""
            is_cell = self.notation is RowNotation.NUMBERED and name.startswith(self.prefix)
        if not is_cell or not (head.isascii() and head.isdecimal() and len(head) < 10):
            return None
        if self.notation is RowNotation.DOTTED and head != str(int(head)):
            return None
        return int(head), column

    def cell_name(self, row: int, column: str) -> str:
        """Return the name of a dotted cell's input. `row` counts from 0."""
        return f"{self.name}.{row}.{column}"

    def spec_of(self, spec: InputSpec, name: str) -> InputSpec | None:
        """Return the spec of one cell or row by its input's name; None for other inputs. `spec`
        declares the group."""
        place = self.place(name)
        if place is None:
            return None
        column = next((one for one in self.columns if one.name == place[1]), None)
        if column is not None:
            return replace(column, name=name)
        return replace(spec, name=name, type="*", required=False, options={})


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


def parse_inputs(
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


def _row_group(spec: InputSpec, columns: tuple[InputSpec, ...]) -> RowGroup:
    notation, options = as_mapping(spec.options.get(ROWS)), spec.options
    return RowGroup(
        name=spec.name,
        title=as_text(options.get("group_name")) or spec.bare_name,
        columns=columns,
        notation=RowNotation(notation.get("notation", RowNotation.DOTTED)),
        least=_count(options, "min", 0),
        most=_count(options, "max", _MOST_ROWS),
        prefix=as_text(notation.get("prefix")),
        switch=as_text(notation.get("switch")),
    )


def _count(options: Mapping[str, Any], limit: str, otherwise: int) -> int:
    count = options.get(limit)
    return max(0, count) if isinstance(count, int) else otherwise
