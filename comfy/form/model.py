"""What a form is: frozen values, no behaviour beyond looking things up and turning into JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from comfy.prompt.outputs import ASIDE, Output
from comfy.workflow.config import FieldGroup, Widget

if TYPE_CHECKING:
    from comfy.comfyui.object_info import NodeSpec
    from comfy.form.missing_items import Missing
    from comfy.prompt.model import InputRef, Prompt


# Who put a field on show.
FieldSource = Literal[
    "toml",
    "app",
    "subgraph",
    "node_mappings",
    "mcww",
    "pixelle",
    "kind_titles",
    "swarmui",
    "comfyui_deploy",
    "comfy_pack",
    "placeholder",
    "heuristic",
]

# Widgets whose value is the name of a file in the server's input folder.
MEDIA_WIDGETS: frozenset[Widget] = frozenset({"image", "mask", "audio", "video", "file"})
TEXT_WIDGETS: frozenset[Widget] = frozenset({"text", "textarea"})
# Widgets in which one of the values is chosen that the server offers.
CHOICE_WIDGETS: frozenset[Widget] = frozenset({"dropdown"})


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a person can set, and every prompt input that it sets.

    `type` is the server's word for the value (INT, FLOAT, STRING, BOOLEAN, COMBO …); `min`, `max`,
    `step`, `round` and `choices` are its limits, narrowed by the author where a toml says so.
    `choices` pairs a readable label with the exact value. `required` means that an empty value is
    refused. `source` says who put it on show. `section` is an
    author's own heading; such fields have the group "advanced". `default_offered` is False if the
    server does not have the default (a file or model that is not there). `optional` means that a
    file left empty is taken out of the run, with whatever cannot do without it. `redraws` means
    that other values bring other fields: build the form again with the values so far. `grows` is
    the key of one more field of this kind, if the workflow takes more: build the form again with
    that key among the values, even with None, and the field is there. `height` is how high in
    pixels its author drew a text (None: as high as any other). `differs`: not all of several
    servers offer the same choices, nor those of another field.
    """

    key: str
    node: str
    input: str
    label: str
    type: str
    widget: Widget
    group: FieldGroup
    default: Any
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    round: float | None = None
    choices: tuple[tuple[str, Any], ...] | None = None
    tooltip: str = ""
    required: bool = False
    source: FieldSource = "heuristic"
    targets: tuple[InputRef, ...] = ()
    section: str | None = None
    default_offered: bool = True
    optional: bool = False
    redraws: bool = False
    grows: str | None = None
    height: int | None = None
    differs: bool = False

    @property
    def is_media(self) -> bool:
        """True if the value is the name of an uploaded file."""
        return self.widget in MEDIA_WIDGETS

    @property
    def is_choice(self) -> bool:
        """True if the value is one of those that the server offers."""
        return self.widget in CHOICE_WIDGETS

    def to_json(self) -> dict[str, Any]:
        """The field as `comfy form --json` prints it; integers stay exact."""
        return {
            "key": self.key,
            "node": self.node,
            "input": self.input,
            "label": self.label,
            "type": self.type,
            "widget": self.widget,
            "group": self.group,
            "default": self.default,
            "min": self.min,
            "max": self.max,
            "step": self.step,
            "choices": None if self.choices is None else [value for _, value in self.choices],
            "tooltip": self.tooltip,
            "required": self.required,
            "source": self.source,
            "targets": [list(target) for target in self.targets],
        }


@dataclass(frozen=True, slots=True)
class Idea:
    """Something to try: `label` is what people read, `values` what it fills in, by field key.
    `images`: the same of images, by their names beside the workflow."""

    label: str
    values: Mapping[str, Any]
    images: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that needs no action: a sentence that holds while the field with this
    key has this value."""

    said: str
    key: str
    value: object


@dataclass(frozen=True, slots=True)
class Form:
    """A whole form. `fields` are in the order in which a person reads them, main ones first.

    `problems` are sentences about what will not work on this server, also about what of `missing`
    it does not have; `notes` need no action. `ideas` are what its
    author lets people try. `titles` names every node of the prompt for people, also those without a
    field. `prompt` is what the form was made
    of, `nodes` what the server says about its node classes, as far as it has them; both only to
    read.
    """

    title: str
    description: str
    fields: tuple[Field, ...]
    outputs: tuple[Output, ...]
    problems: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    notes: tuple[Note, ...] = ()
    ideas: tuple[Idea, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)
    prompt: Prompt = field(default_factory=dict, repr=False, compare=False)
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict, repr=False, compare=False)

    @property
    def needed(self) -> frozenset[str]:
        """The output nodes of which a run must reach at least one: those that save something, or
        else all."""
        saving = frozenset(output.node for output in self.outputs if output.kind not in ASIDE)
        return saving or frozenset(output.node for output in self.outputs)

    @property
    def can_run(self) -> bool:
        """Whether the server has what it takes, or something else to choose."""
        return all(one.can_be_replaced for one in self.missing)

    def field(self, key: str) -> Field:
        """The field with this key. Raises KeyError."""
        for candidate in self.fields:
            if candidate.key == key:
                return candidate
        raise KeyError(key)

    def with_fields(self, keys: Collection[str]) -> Form:
        """The form with these fields alone."""
        return replace(self, fields=tuple(one for one in self.fields if one.key in keys))

    def to_json(self) -> dict[str, Any]:
        """The form as `comfy form --json` prints it."""
        return {
            "title": self.title,
            "fields": [field.to_json() for field in self.fields],
            "outputs": [{"node": output.node, "kind": output.kind} for output in self.outputs],
            "problems": list(self.problems),
        }
