"""Candidates: the inputs of a prompt that may become fields, and the facts about them.

The passes of `comfy.form.build` take and return tuples of candidates. This module has the first
pass.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from comfy.base.wording import class_words, spoken
from comfy.comfyui.input_spec import (
    COMBO,
    EDITOR_TYPES,
    WIDGET_TYPES,
    InputSpec,
    is_media_file,
    is_no_file,
    type_of_value,
)
from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.form.core_inputs import NO_WORDS, OwnWords, SlideRange
from comfy.form.labels import is_notation, telling_part
from comfy.prompt.model import InputRef, Node, Prompt, is_link, own_title
from comfy.prompt.rows import editable_rows
from comfy.prompt.value_types import BadValue
from comfy.workflow.config import FieldConfig, FieldGroup, Others

# Sources of a field.
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
    "krita",
    "placeholder",
    "plugin",
    "heuristic",
]
# Main fields with the same value that are merged: texts of any node ("pole", and "negative" also if
# they are empty), or the same input of nodes of one class ("text", "input").
Merge = Literal["pole", "negative", "text", "input"]

# Which fields of a rule stay main: one in the whole form, or one of each node. It also sets the
# others that have the same value. "fallback": only the first node's, and only if no other main
# field sets the same (`Placement.sets`).
Only = Literal["form", "node", "fallback"]
# Property of the result that a form needs to set only once.
Sets = Literal["size", "count", "strength"]

NO_SETTINGS = FieldConfig("")

# With more steps, dragging can't hit a value.
_MAX_SLIDER_STEPS = 200
_NUMBERS = MappingProxyType({"number": "FLOAT", "number (integer)": "INT"})
_OPTION = re.compile(r"option(\d{1,4})", re.ASCII)
# Group of an input that a layer doesn't mention, by the layer's `others`.
_OTHERS: dict[Others, dict[FieldGroup, FieldGroup]] = {
    "auto": {"main": "main", "advanced": "advanced", "hidden": "hidden"},
    "advanced": {"main": "advanced", "advanced": "advanced", "hidden": "hidden"},
    "hidden": {"main": "hidden", "advanced": "hidden", "hidden": "hidden"},
}
# Fewer titles may begin with the same word by chance.
_FEW_TITLES = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a number; None means unlimited."""

    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    round: float | None = None

    @property
    def can_slide(self) -> bool:
        """Return whether both limits are known, with few enough steps in between for dragging."""
        if self.min is None or self.max is None or not self.step:
            return False
        return 0 < (self.max - self.min) / self.step <= _MAX_SLIDER_STEPS

    def shared(self, other: Limits) -> Limits:
        """Return the limits that a number for both inputs must keep."""
        lows = [one.min for one in (self, other) if one.min is not None]
        highs = [one.max for one in (self, other) if one.max is not None]
        return replace(self, min=max(lows, default=None), max=min(highs, default=None))


@dataclass(frozen=True, slots=True)
class Placement:
    """Position and name of an input on a form.

    `rank` orders the fields of a group. Without a `label`, the input's name in plain words is used.
    `about` replaces the server's tooltip. `title` is True if the node's title, when chosen by its
    author, is a better name than the label.

    The rest shortens long forms. `merge` tells which fields become one, and `essential` ones are
    what users write or add. `worth_showing` inputs move up if an author promoted them from a
    subgraph, unless there are more than `most`. `only` limits main fields to one, see `Only` and
    `Sets`. `part` pairs a width with its height. `authored` fields are advanced in a subgraph whose
    author promoted other inputs.
    """

    group: FieldGroup
    rank: int
    label: str | None = None
    about: str = ""
    title: bool = False
    merge: Merge | None = None
    essential: bool = False
    worth_showing: bool = False
    most: int | None = None
    only: Only | None = None
    sets: Sets | None = None
    authored: bool = False
    part: Literal["width", "height"] | None = None


_NO_RULE = Placement("advanced", 0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One input with its own value.

    `find_candidates` sets the first block. A class that the server lacks has no `node_spec` and no
    `spec`; an unknown input has no `spec`. `type` is the server's type or a guess from the value,
    and `siblings` are all inputs of the node.

    `declare` sets the second block. `settings` are the author's for the field, `also` are
    other inputs that the field sets, and `wanted` is the group that the author asks for. `others`
    limits how far up an input may move that no author mentions. `beside_promoted`: only other
    inputs of its subgraph were promoted.

    `place` sets the third block. `rule` is the rule that placed the input, and `own` is our own
    help and range for it. `lead` is lower for a better main field of several. `is_idle`: a switch
    or a node's own bypass leaves the input out. `sampler`, the number of the sampler that the input
    is for, `turned_on_by`, the switch that the input belongs to, and `result`, the name of the only
    result that it affects, tell fields of the same name apart; so do `used_as` and `aim`, the input
    that a file or a value is for and its name, `drawn_in`, the editor's group, and `target`, the
    name of the node that a text or an image ends in. `meaning`: see `InputFacts`. `used_outputs`
    are the node's outputs that have links, without a mask that only becomes an image's
    transparency.

    `merge` and `fold` decide the group, `name_fields` the label, `choose_widgets` the widget, the
    limits and the range for dragging (`slide`), and `limit_values` the rest. `optional`: a run can
    do without the file. `folded`: see `Field.folded`. `counts`: see `Field.counts`. `problems` are
    messages about failures, `note` is a remark, `is_guess`: see `Note`.
    """

    node: str
    input: str
    class_type: str
    title: str
    value: Any
    spec: InputSpec | None
    node_spec: NodeSpec | None
    type: str
    siblings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    source: FieldSource = "heuristic"
    settings: FieldConfig = NO_SETTINGS
    also: tuple[Candidate, ...] = ()
    section: str | None = None
    wanted: FieldGroup | None = None
    rank: int = 0
    others: Others = "auto"
    beside_promoted: bool = False

    group: FieldGroup = "advanced"
    rule: Placement = _NO_RULE
    own: OwnWords = NO_WORDS
    lead: tuple[int, ...] = ()
    is_idle: bool = False
    sampler: int = 0
    turned_on_by: InputRef | None = None
    result: str = ""
    used_as: InputRef | None = None
    aim: str = ""
    meaning: str = ""
    drawn_in: str = ""
    target: str = ""
    label: str = ""
    takes_title: bool = False
    optional: bool = False
    folded: bool = False
    used_outputs: frozenset[int] = frozenset()
    is_seed: bool = False
    widget: str = "text"
    limits: Limits = Limits()
    slide: SlideRange | None = None

    default: Any = None
    default_offered: bool = True
    counts: int = 0
    problems: tuple[str, ...] = ()
    note: str = ""
    is_guess: bool = False

    @property
    def ref(self) -> InputRef:
        """Return the input's position in the prompt."""
        return InputRef(self.node, self.input)

    @property
    def key(self) -> str:
        """Return the field's key, such as `6.text`."""
        return self.ref.key

    @property
    def node_title(self) -> str:
        """Return the node's title for users, without other programs' notation."""
        display = self.node_spec.display_name if self.node_spec else self.class_type
        if self.title and self.title != display and not is_notation(self.title):
            return spoken(telling_part(self.title, self.class_type, display) or self.title)
        return class_words(display.partition(" (")[0])

    @property
    def is_guessed(self) -> bool:
        """Return whether a stand-in knows the class only from the workflow."""
        return self.node_spec is not None and self.node_spec.is_guessed

    @property
    def takes(self) -> tuple[str | None, bool]:
        """Return the kind of file that the input takes, and whether it names files at all. A file
        checked for one kind must not go to another."""
        return (self.spec.upload, self.spec.names_files) if self.spec else (None, False)

    @property
    def upload(self) -> str:
        """Return the kind of file that the input takes, "" for texts and inputs without files."""
        is_file = self.spec is not None and (self.type != "STRING" or self.spec.is_base64)
        return (self.spec.upload or "") if self.spec and is_file else ""

    @property
    def display_option(self) -> str:
        """Return the server's display option, "" if it has none."""
        shown = self.spec.options.get("display") if self.spec else None
        return shown if isinstance(shown, str) else ""

    @property
    def multiline(self) -> bool:
        if self.spec:
            custom = self.spec.widget_type not in WIDGET_TYPES
            is_custom_text = custom and "TEXT" in self.spec.widget_type
            return self.type == "STRING" and (
                is_custom_text or bool(self.spec.options.get("multiline"))
            )
        return isinstance(self.value, str) and "\n" in self.value

    @property
    def is_declared(self) -> bool:
        """Return whether an author put the input on the form. Authors of subgraphs only name
        inputs."""
        return self.source not in ("heuristic", "subgraph")

    @property
    def has_widget(self) -> bool:
        """Return whether users can set the value. Inputs of unknown classes count."""
        return self.spec is None or self.spec.is_widget

    def is_readable(self, read: Callable[[object], object]) -> bool:
        """Return whether `read` accepts the workflow's value."""
        try:
            read(self.value)
        except BadValue:
            return False
        return True

    def with_value(self, value: object) -> Candidate:
        """Return the candidate with another value, as if the workflow had it."""
        return replace(self, value=value, type=self.type if self.spec else _guess_type(value))

    def limited(self) -> Candidate:
        """Return the candidate in the group that the layers with these `others` allow."""
        group = _OTHERS[self.others][self.group]
        return self if group == self.group else replace(self, group=group)

    def with_problems(self, *problems: str) -> Candidate:
        """Return the candidate with more messages about problems."""
        return replace(self, problems=(*self.problems, *problems)) if problems else self


def find_candidates(prompt: Prompt, catalog: Catalog) -> tuple[Candidate, ...]:
    """Return all inputs with their own value: nodes in the prompt's order, inputs in the
    server's. What an author wrote before a colon in all titles is left out."""
    found = [
        candidate
        for node_id, node in prompt.items()
        for candidate in _of_node(node_id, node, catalog.get(node["class_type"]), catalog.uploads)
    ]
    titles = {one.node: one.title.partition(": ") for one in found if ": " in one.title}
    heads = Counter(head for head, _, _ in titles.values())
    if len(heads) != 1 or len(titles) < _FEW_TITLES:
        return tuple(found)
    return tuple(
        replace(one, title=titles[one.node][2]) if one.node in titles else one for one in found
    )


def _guess_type(value: object) -> str:
    return type_of_value(value) or "*"


def _type_of(spec: InputSpec | None, value: object) -> str:
    """Return the input's type. A custom type without any declaration of its values is guessed from
    this one."""
    if spec is None:
        return _guess_type(value)
    known = spec.base_type in WIDGET_TYPES | EDITOR_TYPES
    return spec.base_type if known else type_of_value(value or None) or spec.base_type


def _of_node(
    node_id: str, node: Node, node_spec: NodeSpec | None, uploads: frozenset[str]
) -> Iterator[Candidate]:
    title = own_title(node)
    literals = {name: value for name, value in node["inputs"].items() if not is_link(value)}
    specs = node_spec.active_inputs(node["inputs"]) if node_spec else {}
    rows = editable_rows(specs.values(), node["inputs"], uploads)
    groups = [specs[name].rows for name in rows]
    cells = {name for name in literals for group in groups if group and group.place(name)}
    literals = {name: value for name, value in literals.items() if name not in cells} | rows
    declared = [name for name in specs if name in literals]
    for name in dict.fromkeys([*declared, *literals]):
        spec = _without_uploads(
            _with_own_choices(specs.get(name), node["inputs"]), uploads, literals[name]
        )
        yield Candidate(
            node_id,
            name,
            node["class_type"],
            title,
            literals[name],
            spec,
            node_spec,
            _type_of(spec, literals[name]),
            node["inputs"],
        )


def _with_own_choices(spec: InputSpec | None, inputs: Mapping[str, Any]) -> InputSpec | None:
    """Fill a choice list that is empty on the server from the node's own inputs: option1, option2 …
    (CustomCombo). A text may be declared as a number there (krita-ai-diffusion's parameters)."""
    is_text = spec is not None and (spec.name, spec.type) == ("default", "STRING")
    if spec and is_text and (number := _NUMBERS.get(str(inputs.get("type")))):
        return replace(spec, type=number)
    if spec is None or spec.type != COMBO or spec.choices != ():
        return spec
    numbered = sorted(
        (int(match[1]), name) for name in inputs if (match := _OPTION.fullmatch(name))
    )
    own = [inputs[name] for _, name in numbered if isinstance(inputs[name], str) and inputs[name]]
    return replace(spec, choices=tuple(dict.fromkeys(own))) if own else spec


def _without_uploads(
    spec: InputSpec | None, uploads: frozenset[str], own: object
) -> InputSpec | None:
    """Remove other users' files and folders from a node's choices. The author's own choice stays.

    In a list that counts as files because of its entries, choices such as "none" and "all" stay.
    """
    if spec is None or spec.upload or not spec.choices:
        return spec
    by_name = spec.names_files and not any(map(is_media_file, spec.choices))

    def others(choice: object) -> bool:
        return isinstance(choice, str) and (
            choice in uploads or (spec.names_files and (by_name or is_media_file(choice)))
        )

    return replace(
        spec,
        choices=tuple(
            choice
            for choice in spec.choices
            if choice == own or is_no_file(choice) or not others(choice)
        ),
    )
