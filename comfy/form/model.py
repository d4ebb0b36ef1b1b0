"""A form as immutable values, with look-ups, conversion to JSON, and the fields that take a result
as their file or text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Literal

from comfy.base.messages import Message, labeled, message
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.candidates import Candidate, FieldSource
from comfy.form.core_inputs import SlideRange
from comfy.prompt.trace import Output
from comfy.workflow.config import FieldGroup

if TYPE_CHECKING:
    from comfy.comfyui.object_info import NodeSpec
    from comfy.form.missing_items import Missing, MissingPrompt
    from comfy.prompt.model import InputRef, Prompt

# Inputs with the number of sampling steps.
STEPS = frozenset({"steps", "num_steps", "num_inference_steps", "inference_steps"})
# Inputs with the file of a model that makes results.
MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name")
# Part that a field plays on a page: what the user asks for, what to avoid, the results per run, an
# image that isn't seen in the result, such as that under a mask, the model, or a side of the size.
FieldRole = Literal[
    "", "prompt", "negative", "count", "guide", "model", "width", "height", "frames", "rate"
]
_FEW_WORDS = range(1, 4)


class Several(StrEnum):
    """Notation of several values for a field: comma-separated numbers with ranges, choices or a
    list, one text (with wildcards) or value per line, or files."""

    NUMBERS = "numbers"
    SEEDS = "seeds"
    CHOICES = "choices"
    LIST = "list"
    TEXTS = "texts"
    LINES = "lines"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class FileInput:
    """The files that a widget takes, and its message without one.

    `media` is the kind of file and of result that it takes ("" for any); `comfy.media.checks` knows
    how these files begin. `is_painted`: users paint a mask over the image.
    """

    media: str
    add: str
    is_painted: bool = False


def _as_it_is(value: object) -> object:
    return value


class Fit(IntEnum):
    """Quality of a widget for an input. The input gets the widget with the best fit."""

    NO = 0
    FALLBACK = 1
    TYPE = 2
    DECLARED = 3  # an option or the name of the input asks for it


def _never(_: Candidate) -> Fit:
    return Fit.NO


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A widget: one entry with everything that `comfy` knows about it. `ui/page/form/kinds` has the
    matching Gradio component.

    `check(field, value)` returns the value for the prompt or raises BadValue. Its values come from
    browsers, programs and shells. `schema` returns the value's JSON Schema. `fits` judges whether
    an input gets this widget by default, and `input_types` are the types for which an author may
    choose it.

    `to_json` converts a field's value to browser JSON. `choices` replaces the server's choices, and
    `offers_choices` means that the server has some. `is_main`: inputs with this widget are always
    main fields. `takes_texts`: users can send text results of other runs here. `has_rows`: the
    value is a list of rows with the field's columns.
    """

    name: str
    check: Callable[[Field, object], Any]
    schema: Callable[[Field], dict[str, Any]]
    several: Several
    several_help: str = ""
    fits: Callable[[Candidate], Fit] = _never
    input_types: frozenset[str] = frozenset()
    to_json: Callable[[object], object] = _as_it_is
    choices: tuple[tuple[str, str], ...] = ()
    offers_choices: bool = False
    is_main: bool = False
    takes_texts: bool = False
    has_rows: bool = False
    file: FileInput | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One setting for users, and every prompt input that it sets.

    `type` is the server's word for the value (INT, FLOAT, STRING, BOOLEAN, COMBO …). `min`, `max`,
    `step`, `round` and `choices` are its limits, narrowed by the author's TOML. `choices` pairs a
    readable label with the exact value. `required`: an empty value is refused. `source` names the
    layer that shows the field. `section` is an author's own heading; such fields have the group
    "advanced".

    `slide` is the range of a slider whose number may be beyond it, within `min` and `max`.

    `default_offered` is False if the server lacks the default (a missing file or model).
    `optional`: an empty file is removed from the run, with its dependents. `redraws`: other values
    add or remove fields, so build the form again with the values so far. `grows` is the key of an
    additional field of this kind, if the workflow takes more. To add the field, build the form
    again with that key among the values, even with None.

    `is_fixed`: a seed that its author's App keeps from run to run.

    `counts`: 1 or -1 for a seed without a default that its author counts up or down from run to
    run. `as_base64`: the prompt gets the file's content as text; an author's own text stays in the
    prompt and isn't the default. `height`: a text's height in pixels in its author's App (None:
    default). `differs`: the servers offer different choices for this field and for at least one
    other.

    `folded`: an advanced field that would be a main one if there weren't more important ones. These
    come first under Advanced. `heading`: the title of the group that its author drew around the
    node, if there is one, which heads the field under Advanced.

    `role`: the part that the field plays on a page, see `FieldRole`. `example`: the default as a
    message, if a page shows and sends it in the reader's language.

    `columns`: the cells of each row, if the value is a list of rows; `min` and `max` then limit the
    number of rows, and `row_title` names one. An `optional` cell may be empty: then it has the
    previous one's value. `row_lacks`: the cells of the default, by row from 1 and column, whose
    choice the server lacks.
    """

    key: str
    node: str
    input: str
    label: str
    type: str
    kind: FieldKind
    group: FieldGroup
    default: Any
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    round: float | None = None
    slide: SlideRange | None = None
    choices: tuple[tuple[str, Any], ...] | None = None
    tooltip: str = ""
    required: bool = False
    source: FieldSource = "heuristic"
    targets: tuple[InputRef, ...] = ()
    section: str | None = None
    default_offered: bool = True
    counts: int = 0
    is_fixed: bool = False
    optional: bool = False
    as_base64: bool = False
    redraws: bool = False
    grows: str | None = None
    height: int | None = None
    differs: bool = False
    folded: bool = False
    heading: str = ""
    role: FieldRole = ""
    example: Message | None = None
    columns: tuple[Field, ...] = ()
    row_title: str = ""
    row_lacks: tuple[tuple[int, str], ...] = ()

    @property
    def widget(self) -> str:
        """Return the widget's name."""
        return self.kind.name

    @property
    def is_media(self) -> bool:
        """Return whether the value is an uploaded file's name."""
        return self.kind.file is not None

    @property
    def is_painted(self) -> bool:
        """Return whether users paint a mask over the image."""
        return self.kind.file is not None and self.kind.file.is_painted

    @property
    def media(self) -> str:
        """Return the kind of file that the field takes, "" for any kind and for fields without
        files."""
        return self.kind.file.media if self.kind.file else ""

    @property
    def add_file(self) -> str:
        """Return the message that asks for the missing file, "" for fields without files."""
        return self.kind.file.add if self.kind.file else ""

    @property
    def is_choice(self) -> bool:
        """Return whether the server offers the values."""
        return self.kind.offers_choices

    @property
    def is_text(self) -> bool:
        return self.kind.several is Several.TEXTS

    @property
    def is_number(self) -> bool:
        """Return whether the value is a number other than a seed."""
        return self.kind.several is Several.NUMBERS

    @property
    def is_seed(self) -> bool:
        """Return whether the value is drawn for each run unless a user sets it."""
        return self.kind.several is Several.SEEDS

    @property
    def is_seldom(self) -> bool:
        """Return whether this is a seed or a number of steps, which most users leave alone."""
        return self.is_seed or self.input in STEPS

    def to_json(self) -> dict[str, Any]:
        """Return the field as `comfy form --json` prints it. Integers stay exact."""
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
            **({"slide": [self.slide.low, self.slide.high]} if self.slide else {}),
            **({"columns": [one.to_json() for one in self.columns]} if self.columns else {}),
        }


@dataclass(frozen=True, slots=True)
class Idea:
    """An example for users to try. `label` is its text for users, `values` are the values it fills
    in by field key. `images` are the images it fills in, by their names beside the workflow; so is
    `cover` its own picture, "" without one."""

    label: str
    values: Mapping[str, Any]
    images: Mapping[str, str] = field(default_factory=dict)
    cover: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """An informational message that needs no action. It applies while the field with this key has
    this value. `is_guess`: the server doesn't offer the author's value, and the author names no
    other."""

    said: str
    key: str
    value: object
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A complete form. `fields` are in reading order, main fields first.

    `problems` are messages about what won't work on this server, including the `missing` parts and
    the `missing_prompt`, the node that has the prompt of a form without one; `notes` need no
    action. `flaws`: why the server makes no result: no output node, or inputs without a link.
    `ideas` are the author's examples. `titles` has a name for users for every node of the prompt,
    even without a field. `prompt` is the source of the form, and `nodes` has the server's specs of
    its node classes, if known. Both are read-only.
    """

    title: str
    description: str
    fields: tuple[Field, ...]
    outputs: tuple[Output, ...]
    problems: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    missing_prompt: MissingPrompt | None = None
    flaws: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    ideas: tuple[Idea, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict, repr=False)
    prompt: Prompt = field(default_factory=dict, repr=False, compare=False)
    nodes: Mapping[str, NodeSpec] = field(default_factory=dict, repr=False, compare=False)

    @property
    def needed(self) -> frozenset[str]:
        """Return the output nodes; a run must reach at least one."""
        return needed_outputs(self.outputs)

    @property
    def can_run(self) -> bool:
        """Return whether the workflow is valid and the server has everything required, or
        alternatives."""
        return not self.flaws and all(one.can_be_replaced for one in self.missing)

    def field(self, key: str) -> Field:
        """Return the field with this key. Raises KeyError."""
        for candidate in self.fields:
            if candidate.key == key:
                return candidate
        raise KeyError(key)

    def with_fields(self, keys: Collection[str]) -> Form:
        return replace(self, fields=tuple(one for one in self.fields if one.key in keys))

    def notes_on(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """Return the notes that apply to these values, by field key, and the other defaults."""
        applying = (one for one in self.notes if values.get(one.key, one.value) == one.value)
        return tuple(dict.fromkeys(one.said for one in applying))

    def to_json(self) -> dict[str, Any]:
        """Return the form as `comfy form --json` prints it."""
        return {
            "title": self.title,
            "fields": [field.to_json() for field in self.fields],
            "outputs": [
                {
                    "node": output.node,
                    "label": output.label,
                    "kind": output.kind,
                    "preview": output.is_preview,
                }
                for output in self.outputs
            ],
            "problems": list(self.problems),
            "notes": [note.said for note in self.notes],
        }


def needed_outputs(outputs: Collection[Output]) -> frozenset[str]:
    """Return the output nodes that save something, otherwise all; a run must reach at least one."""
    saving = frozenset(output.node for output in outputs if not output.is_aside)
    return saving or frozenset(output.node for output in outputs)


def cell_label(field: Field, row: int, column: Field) -> str:
    """Return the label of a cell, such as "LoRA 2: Strength". `row` counts from 1."""
    title = message("{label} {number}", label=field.row_title, number=row)
    return labeled(title, column.label)


def takes(field: Field, kind: ResultKind) -> bool:
    """Return whether a field takes results of a kind.

    The file itself is checked when the field takes it. Only multiline fields take texts:
    single-line ones hold names and the like.
    """
    if field.group == "hidden":
        return False
    if kind == "text":
        return field.kind.takes_texts
    return field.is_media and field.media in ("", kind)


def first_taker(fields: Iterable[Field], kind: ResultKind) -> Field | None:
    """Return the first field for results of a kind, preferring fields for this kind only."""
    takers = (field for field in fields if takes(field, kind))
    return min(takers, key=lambda field: (not field.media, field.is_painted), default=None)


def main_prompt(fields: Iterable[Field]) -> Field | None:
    """Return the main field whose text describes the result; None without one. A field with a few
    words, such as "Output:", only adds to the others."""
    prompts = [one for one in fields if one.role == "prompt" and one.group == "main"]
    whole = (one for one in prompts if len(str(one.default or "").split()) not in _FEW_WORDS)
    return next(whole, prompts[0] if prompts else None)


def taken_kinds(fields: Iterable[Field]) -> tuple[ResultKind, ...]:
    fields = [*fields]
    return tuple(kind for kind in RESULT_TYPES if any(takes(field, kind) for field in fields))
