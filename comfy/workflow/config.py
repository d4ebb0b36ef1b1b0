"""`<name>.toml` beside a workflow: its author's settings for the form. Documented in
workflows/README.md.

A mistake in the file never prevents the workflow from opening. It becomes a message among the
form's problems.

Read the settings of a TOML file by key: the usable values, and a message for each invalid
one.

Translations of the project's own workflows, chains and fields. Their files are in English; a
page shows them in the reader's language. Other authors' texts are never translated. Prompts are for
a model: see `comfy.form.build`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from comfy.base.errors import words_of
from comfy.base.json_values import as_number
from comfy.base.messages import Message, listed, message, sentences
from comfy.base.wording import did_you_mean

# By file name: title, description, and the titles of a chain's steps.
SHIPPED: Mapping[str, tuple[Message, ...]] = MappingProxyType(
    {
        "animation.toml": (
            message("Animation"),
            message("Turn a prompt into a short looping animation (WebP and MP4)."),
        ),
        "create-upscale-detail.chain.toml": (
            message("Create, enlarge, refine"),
            message("Create an image, enlarge it and refine the details."),
            message("Image"),
            message("Enlarge"),
            message("Refine"),
        ),
        "describe-image.toml": (
            message("Describe an image"),
            message("Get a description of your image."),
        ),
        "frames-animation.chain.toml": (
            message("Animated frames"),
            message("Four images of one description, as a short looping animation."),
            message("Four images"),
            message("Animation"),
        ),
        "frames-to-animation.toml": (
            message("Frames to animation"),
            message("Four images as a looping animation (WebP)."),
        ),
        "image-caption-image.chain.toml": (
            message("Describe, then repaint"),
            message("Describe your image and create a new image from the description."),
            message("Describe"),
            message("Repaint"),
        ),
        "image-to-image.toml": (
            message("Image to image"),
            message("Repaint your image from a prompt."),
        ),
        "inpaint.toml": (
            message("Inpaint"),
            message("Brush over part of your image and describe what should replace it."),
        ),
        "text-to-image.toml": (
            message("Text to image"),
            message("Create an image from a description."),
        ),
        "text-to-sound.toml": (
            message("Text to sound"),
            message("Create music or a sound from a description."),
        ),
        "upscale.toml": (
            message("Upscale"),
            message("Enlarge your image and add detail."),
        ),
    }
)
# Headings of our workflows' folders, by path.
SHIPPED_FOLDERS = MappingProxyType({"steps": message("Single steps")})
# key -> (reader that returns None for an invalid value, what the value must be)
SettingReaders = Mapping[str, tuple[Callable[[Any], Any], str]]
FieldGroup = Literal["main", "advanced", "hidden"]
# Default visibility of unlisted inputs; "auto": the heuristics decide.
Others = Literal["advanced", "auto", "hidden"]
# A text for the prompt, or values by input name and the idea's own cover. An image's value is its
# file name, as for a cover.
IdeaConfig = str | Mapping[str, Any]
IDEA_COVER = "cover"
_IMAGES = (".webp", ".png", ".jpg", ".jpeg", ".gif", ".avif")


def _first_and_motion(label: Message) -> Iterator[Message]:
    """Yield a label for the first frame, and for the motion of an animation."""
    for detail in (message("First frame"), message("Motion")):
        yield message("{label} ({detail})", label=label, detail=detail)


# Labels and help texts of the workflows' fields.
_OF_FIELDS: Mapping[str, Message] = MappingProxyType(
    {
        one: one
        for one in (
            message("Detail"),
            message("Device"),
            message("{label} ({detail})", label=message("File name"), detail=message("Animation")),
            message("Format"),
            message("Frames"),
            message("Frames per second"),
            *_first_and_motion(message("Guidance scale")),
            *(
                message("{label} {number}", label=message("Image"), number=one)
                for one in range(1, 5)
            ),
            message("Images"),
            message("Text model type"),
            message("Maximum answer length"),
            message("Lossless"),
            message("Method"),
            message("Motion"),
            message("Motion seed"),
            message("Question"),
            *_first_and_motion(message("Sampler")),
            message("Sampling mode"),
            message("Scale"),
            *_first_and_motion(message("Scheduler")),
            message("Steps per frame"),
            message("Text model"),
            message("Thinking"),
            message("Use default template"),
            message("Your image"),
            message("Length (seconds)"),
            message("Longer sounds take longer."),
            message("Describe the music or the sound."),
            message("More steps take longer."),
            message("A Stable Audio checkpoint."),
            message("2 doubles width and height. Large images need a lot of memory."),
            message("A vision model, such as Qwen3.5."),
            message("Any Stable Diffusion 1.5 checkpoint."),
            message("Briefly describe what's in the image."),
            message("Describe the animation you want."),
            message("Describe the image you want."),
            message("Describe what should replace it."),
            message("How closely to follow the prompt. Very high values look harsh."),
            message("How much changes between frames."),
            message("How much new detail to add. Lower stays closer to your image."),
            message("How much to change the masked area."),
            message("How much to change: low values retouch, 1 repaints everything."),
            message("Images per run."),
            message("More frames take longer and use more memory."),
            message("More steps take longer. Above 30, little changes."),
            message("Pixels."),
            message("Pixels. The model works best around 512 × 512."),
            message("Pixels. Your image is cropped to this shape."),
            message("The same seed and settings give the same result."),
            message("What to avoid."),
        )
    }
)


def _with_messages(file: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a TOML file called `file`, with messages for our texts. If title and
    description differ from ours, it is another author's file. Otherwise all texts become messages,
    except in edited fields."""
    raw_steps = data.get("steps")
    steps = raw_steps if isinstance(raw_steps, list) else []
    words = [one.get("title") if isinstance(one, dict) else None for one in steps]
    ours = SHIPPED.get(file)
    if ours is None or (data.get("title"), data.get("description"), *words) != ours:
        return data
    title, description, *titles = ours
    document = data | {"title": title, "description": description}
    if steps:
        document["steps"] = [one | {"title": own} for one, own in zip(steps, titles, strict=True)]
    if isinstance(fields := data.get("fields"), dict):
        document["fields"] = {name: _of_field(one) for name, one in fields.items()}
    return document


def _of_field(said: object) -> object:
    if not isinstance(said, dict):
        return said
    words = {key: said[key] for key in ("label", "help") if isinstance(said.get(key), str)}
    return said | {key: _OF_FIELDS.get(word, word) for key, word in words.items()}


def load_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return a file's content, with our own texts as messages, and an empty text. If it is
    unreadable, return no content and an error message."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return _with_messages(path.name, data), ""
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        why = words_of(error) if isinstance(error, OSError) else str(error)
        return {}, f"{path.name} cannot be read: {why}."
    except tomllib.TOMLDecodeError as error:
        return {}, f"{path.name} is not valid TOML: {error!s}."


def readable_settings(
    said: Mapping[str, Any], known: SettingReaders, where: str, problems: list[str]
) -> dict[str, Any]:
    """Return the valid settings, with their values converted. Adds a message to `problems` for each
    other key."""
    good = {}
    for key, value in said.items():
        if key not in known:
            problems.append(
                sentences(
                    f"{where}: there is no setting “{key}”.",
                    did_you_mean(key, known),
                )
            )
            continue
        reader, wanted = known[key]
        read = reader(value)
        if read is None:
            problems.append(must_be(where, key, wanted))
        else:
            good[key] = read
    return good


def filled_text(value: object) -> str | None:
    """Return a text without surrounding spaces; None if it is empty or no text."""
    text = value.strip() if isinstance(value, str) else ""
    return (value if text == value else text) or None  # keeps a Message as it is


def as_flag(value: object) -> bool | None:
    """Return True or False; None for anything else."""
    return value if isinstance(value, bool) else None


def as_scalar(value: object) -> object:
    """Return a text, a number, True or False; None for anything else."""
    return value if isinstance(value, str | bool) or as_number(value) is not None else None


def as_texts(value: object) -> tuple[str, ...] | None:
    """Return a list of texts or whole numbers, as texts; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        return None
    return tuple(str(item) for item in value)


def _as_named_ids(value: object) -> dict[str, str] | None:
    """Return a list of ids, or a table of ids and names, as names by id in the same order. An id
    without a name has an empty text; None for anything else."""
    if isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
        return {node: filled_text(name) or "" for node, name in value.items()}
    ids = as_texts(value)
    return None if ids is None else dict.fromkeys(ids, "")


def as_table(value: object) -> dict[str, Any] | None:
    """Return a table; None for anything else."""
    return value if isinstance(value, dict) else None


def must_be(place: str, name: str, wanted: str) -> str:
    """Return the message about a value of the wrong type."""
    return f"{place}: “{name}” must be {wanted}."


@dataclass(frozen=True, slots=True)
class FieldConfig:
    """The author's settings for one input, written `"node id.input"` or `"node title.input"`. None:
    not set.

    `section` is the author's own heading: in TOML, a `group` whose name isn't ours. `height` in
    pixels comes from an App; TOML has no equivalent setting.
    """

    name: str
    label: str | None = None
    help: str | None = None
    group: FieldGroup | None = None
    section: str | None = None
    default: Any = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    widget: str | None = None
    choices: tuple[str | int | float | bool, ...] = ()
    hidden: bool | None = None
    required: bool | None = None
    also: tuple[str, ...] = ()
    closest: bool | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class FormConfig:
    """The author's settings for the form. `order` is its position among the folder's workflows,
    `ideas` are examples to try, `cover` is the name of an example image beside the file.
    `outputs` are the names of the outputs to show, in order and by node id; an empty name means the
    node's own title. `problems` are messages about mistakes in the file."""

    title: str | None = None
    description: str | None = None
    order: int | float | None = None
    others: Others = "advanced"
    outputs: Mapping[str, str] = field(default_factory=dict)
    ideas: tuple[IdeaConfig, ...] = ()
    cover: str | None = None
    fields: tuple[FieldConfig, ...] = ()
    problems: tuple[str, ...] = ()


def read_config(path: Path) -> FormConfig:
    """Read a TOML file. An unreadable file gives an empty config with the reason among its
    problems."""
    data, problem = load_toml(path)
    return FormConfig(problems=(problem,)) if problem else parse_config(path.name, data)


def config_in(text: str) -> FormConfig:
    """Return the settings in a TOML text, like `read_config`."""
    try:
        return parse_config("", tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return FormConfig(problems=(f"Not valid TOML: {error!s}.",))


def parse_config(source: str, data: Mapping[str, Any]) -> FormConfig:
    """Convert parsed TOML into a config. `source` is the file's name in error messages."""
    problems: list[str] = []
    top = readable_settings(data, FORM_KEYS, source, problems)
    fields = []
    for name, table in top.pop("fields", {}).items():
        if isinstance(table, dict):
            read = readable_settings(table, FIELD_KEYS, f"{source}, {name}", problems)
            if read.get("group") not in (None, *get_args(FieldGroup)):
                read["section"] = read.pop("group")
            fields.append(FieldConfig(name, **read))
        else:
            problems.append(f'{source}: fields.“{name}” must be a table such as [fields."{name}"].')
    return FormConfig(**top, fields=tuple(fields), problems=tuple(problems))


def _positive(value: object) -> int | float | None:
    number = as_number(value)
    return number if number is not None and number > 0 else None


def _ideas(value: object) -> tuple[IdeaConfig, ...] | None:
    items = value if isinstance(value, list) else [None]
    read = [filled_text(item) or _values(item) for item in items]
    return None if None in read else tuple(item for item in read if item is not None)


def _values(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or not value or None in map(as_scalar, value.values()):
        return None
    return value


def image_beside(value: object) -> str | None:
    """Return a value that names an image in the same folder, None for anything else. Rejects both
    kinds of slashes, on any system."""
    if not isinstance(value, str) or not value.lower().endswith(_IMAGES):
        return None
    return None if {"/", "\\"} & set(value) or value.startswith(".") else value


def _choices(value: object) -> tuple[Any, ...] | None:
    items = value if isinstance(value, list) else [None]
    return None if None in map(as_scalar, items) else tuple(items)


def _others(value: object) -> str | None:
    return value if isinstance(value, str) and value in get_args(Others) else None


FORM_KEYS: SettingReaders = {
    "title": (filled_text, "a string"),
    "description": (filled_text, "a string"),
    "order": (as_number, "a number"),
    "others": (_others, f"one of {listed(get_args(Others))}"),
    "outputs": (_as_named_ids, 'a list of node ids, or a table such as { "7" = "Line drawing" }'),
    "ideas": (_ideas, 'a list of strings, or of tables such as { "Prompt.text" = "a boat" }'),
    "cover": (image_beside, "the name of an image beside it, such as “cover.webp”"),
    "fields": (as_table, "a table"),
}
FIELD_KEYS: SettingReaders = {
    "label": (filled_text, "a string"),
    "help": (filled_text, "a string"),
    "group": (filled_text, "“main”, “advanced”, “hidden” or your own heading"),
    "default": (as_scalar, "a string, a number, true or false"),
    "min": (as_number, "a number"),
    "max": (as_number, "a number"),
    "step": (_positive, "a number above zero"),
    "widget": (filled_text, "a string"),  # `comfy.form.conventions.toml` knows the valid ones
    "choices": (_choices, 'a list of choices, such as ["euler"]'),
    "hidden": (as_flag, "true or false"),
    "required": (as_flag, "true or false"),
    "also": (as_texts, 'a list of inputs such as ["13.text"]'),
    "closest": (as_flag, "true or false"),
}
