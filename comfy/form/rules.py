"""The rules by which inputs are put on show where nobody said so: from first to last, the first
that fits decides.

A rule gives a group and a rank; fields of a group stand in order of rank, then in the order of the
prompt. What the rules look at is gathered in facts.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from comfy.base.messages import message
from comfy.form.facts import MEDIA_TYPES, PLAIN_TYPES, InputFacts, is_editor_state
from comfy.prompt.trace import Pole
from comfy.workflow.config import FieldGroup

_LENGTHS = frozenset(
    {
        "length",
        "num_frames",
        "video_frames",
        "frames",
        "video_length",
        "frame_count",
        "duration",
        "seconds",
    }
    | {"duration_seconds", "audio_length", "seconds_total"}
)
_SHAPES = re.compile(
    r"^(aspect_?ratio|ratio|resolution|size|size_preset|image_size|target_resolution|max_resolution)$"
)
_WIDTHS = frozenset({"width", "target_width", "custom_width", "output_width"})
_HEIGHTS = frozenset({"height", "target_height", "custom_height", "output_height"})
_SCALES = frozenset({"scale_by", "upscale_by", "scale_factor", "upscale_factor", "multiplier"})
_COUNTS = frozenset({"batch_size", "amount", "n", "number_of_images", "num_images"})
_SYSTEM = re.compile(r"\bsystem\b", re.IGNORECASE)
# Texts that steer a text tool and are nothing an image shows.
_TOOLING = re.compile(
    r"^(find|delimiter|separator|expression|template|mode|filename\w*|path|url|code|script|css|html|format|"
    r"(?>.*regex).*|(?>.*json)\w*|.*(pattern|shader))$"
)
# Settings of a recipe, whatever their node is called.
_RECIPE = frozenset(
    {
        "start_at_step",
        "end_at_step",
        "start_percent",
        "end_percent",
        "shift",
        "max_shift",
        "base_shift",
    }
)
_CONTROLS = re.compile(r"control_?net|lllite|ip_?adapter|redux|stylemodel|reference", re.IGNORECASE)
_WISHES = frozenset(
    {"style", "voice", "language", "generate_audio", "style_preset", "mood", "keyscale", "bpm"}
)
# What a node gives that only writes or reads texts.
_WORDS_ONLY = PLAIN_TYPES | {"CONDITIONING"}
_LOOKS_LIKE_FILE = re.compile(r"(_name\d?|^model_file|^name|_file)$")

# What makes several main fields with the same value one: the same text for whatever node, or the
# same input of nodes of one class; "stages" are such inputs of nodes that do a part of the steps.
Merge = Literal["pole", "text", "input", "stages"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `label` None: the plain words for the input's name.

    `about` takes the place of what the server says of the input, where that cannot know what it is
    for. `title` is True where the title of the node, if its author chose one, is a better name than
    the label. For forms that are too long: `merge` says which of its fields become one, `essential`
    ones are what a form exists for, `folds_first` gives way before as many of another kind. What
    is `worth_showing` moves up when an author put it on the outside of a subgraph.
    """

    fits: Callable[[InputFacts], bool]
    group: FieldGroup
    rank: int
    label: str | None = None
    about: str = ""
    title: bool = False
    merge: Merge | None = None
    essential: bool = False
    folds_first: bool = False
    worth_showing: bool = False


RULES: tuple[Rule, ...] = (
    # Not an input of this node any more.
    Rule(lambda s: s.known and s.candidate.spec is None, "hidden", 900),
    # Part of an image, or a curve.
    Rule(lambda s: s.alive and s.control.kind.is_main, "main", 55, title=True),
    Rule(lambda s: is_editor_state(s.candidate), "hidden", 910),
    # Media of a missing node.
    Rule(
        lambda s: not s.alive and s.incomplete and _is_media(s),
        "main",
        21,
        title=True,
        essential=True,
    ),
    Rule(lambda s: not s.alive, "hidden", 920),
    Rule(lambda s: s.zeroed and s.is_text, "hidden", 930),
    Rule(lambda s: not s.known, "advanced", 800),
    # Only shown on the way.
    Rule(lambda s: not s.useful, "advanced", 650, title=True),
    # Instructions to a text model.
    Rule(lambda s: s.is_text and _is_system(s), "advanced", 240, title=True),
    # Settings of a text tool.
    Rule(lambda s: s.candidate.type == "STRING" and _is_tooling(s), "advanced", 640),
    Rule(
        lambda s: s.is_text and s.meaning in ("tags", "lyrics"),
        "main",
        10,
        merge="text",
        essential=True,
    ),
    # Ignored text.
    Rule(
        lambda s: s.is_text and not s.telling,
        "advanced",
        205,
        message("Negative prompt"),
        message("What to avoid."),
        title=True,
    ),
    Rule(
        lambda s: s.is_text and s.pole is Pole.NEGATIVE,
        "main",
        11,
        message("Negative prompt"),
        message("What to avoid."),
        title=True,
        merge="pole",
        essential=True,
    ),
    Rule(
        lambda s: s.is_text and s.pole is Pole.POSITIVE,
        "main",
        10,
        message("Prompt"),
        title=True,
        merge="pole",
        essential=True,
    ),
    Rule(
        lambda s: s.is_text and s.meaning == "prompt",
        "main",
        10,
        title=True,
        merge="text",
        essential=True,
    ),
    # Long text.
    Rule(
        lambda s: s.is_text and s.candidate.multiline,
        "main",
        12,
        title=True,
        merge="text",
        essential=True,
    ),
    Rule(lambda s: _is_media(s), "main", 20, title=True, essential=True),
    # How much is repainted.
    Rule(lambda s: s.repaints, "main", 25, message("Strength")),
    # Shape of the result.
    Rule(
        lambda s: bool(_SHAPES.match(s.meaning)) and s.is_choice,
        "main",
        28,
        title=True,
        merge="input",
    ),
    # Size of the result.
    Rule(lambda s: s.meaning == "megapixels" and s.is_number, "main", 29, merge="input"),
    Rule(lambda s: s.meaning in _WIDTHS and _sets_size(s), "main", 30, merge="input"),
    Rule(lambda s: s.meaning in _HEIGHTS and _sets_size(s), "main", 30, merge="input"),
    Rule(lambda s: s.meaning in _SCALES and _enlarges(s), "main", 32, merge="input"),
    Rule(
        lambda s: s.meaning in _LENGTHS and _sets_length(s), "main", 35, title=True, merge="input"
    ),
    # Count of videos or sounds.
    Rule(lambda s: s.meaning == "batch_size" and s.moving, "advanced", 230, message("How many")),
    Rule(
        lambda s: s.meaning in _COUNTS and (s.makes == "latent" or s.service),
        "main",
        40,
        merge="input",
    ),
    Rule(
        lambda s: s.meaning == "steps" and s.candidate.type == "INT",
        "main",
        50,
        merge="stages",
        folds_first=True,
    ),
    # Seed without noise.
    Rule(lambda s: s.idle_seed, "advanced", 290),
    # Seed of a text model.
    Rule(lambda s: s.widget == "seed" and s.gives <= _WORDS_ONLY, "advanced", 291),
    Rule(lambda s: s.widget == "seed", "main", 60),
    # Model file.
    Rule(
        lambda s: s.widget == "dropdown" and bool(_LOOKS_LIKE_FILE.search(s.meaning)),
        "advanced",
        200,
    ),
    Rule(lambda s: s.meaning in ("sampler_name", "scheduler"), "advanced", 220),
    # Strength of a style.
    Rule(lambda s: s.meaning == "strength_model" and not s.is_recipe, "main", 45, title=True),
    Rule(
        lambda s: s.meaning == "strength" and _controls(s), "main", 45, message("Control strength")
    ),
    # Strength of sampling.
    Rule(
        lambda s: s.meaning in ("cfg", "guidance", "denoise"), "advanced", 210, worth_showing=True
    ),
    Rule(lambda s: s.meaning in _RECIPE, "advanced", 215, title=True),
    # The author's own choice.
    Rule(lambda s: s.held and s.candidate.type == "COMBO", "main", 46, title=True),
    # The author's own value.
    Rule(lambda s: s.held and bool(s.title), "main", 47, title=True),
    # The author's own switch.
    Rule(lambda s: s.meaning == "switch" and bool(s.title), "main", 47, title=True),
    Rule(lambda s: s.service and s.meaning in _WISHES, "main", 48, merge="input"),
    # Kind of service.
    Rule(
        lambda s: s.service and s.meaning == "model" and s.makes == "media" and _branches(s),
        "main",
        49,
        merge="input",
    ),
    Rule(lambda s: s.meaning == "filename_prefix", "advanced", 700),
    # Value in a node of its own.
    Rule(lambda s: s.held, "advanced", 295, title=True, worth_showing=True),
    Rule(lambda s: True, "advanced", 300, worth_showing=True),
)


def _is_media(facts: InputFacts) -> bool:
    return facts.control.kind.file is not None


def _is_system(facts: InputFacts) -> bool:
    return any(
        _SYSTEM.search(words.replace("_", " "))
        for words in (facts.meaning, facts.candidate.input, facts.title)
    )


def _is_tooling(facts: InputFacts) -> bool:
    """Patterns and the like, and texts that are only compared: what comes out is no text."""
    spec = facts.candidate.node_spec
    compares = spec is not None and facts.makes == "text" and "STRING" not in spec.output_types
    value = facts.candidate.value
    no_words = (
        isinstance(value, str)
        and value != ""
        and not any(character.isalnum() for character in value)
    )
    return bool(_TOOLING.match(facts.candidate.input)) or (compares and not facts.held) or no_words


def _sets_size(facts: InputFacts) -> bool:
    return facts.is_number and facts.makes in ("latent", "media")


def _enlarges(facts: InputFacts) -> bool:
    return (facts.is_number or facts.is_choice) and not MEDIA_TYPES.isdisjoint(facts.gives)


def _sets_length(facts: InputFacts) -> bool:
    return (facts.is_number or facts.is_choice) and facts.makes in ("latent", "media")


def _controls(facts: InputFacts) -> bool:
    return bool(_CONTROLS.search(facts.class_type))


def _branches(facts: InputFacts) -> bool:
    spec = facts.candidate.spec
    return spec is not None and len(spec.choices or ()) > 1
