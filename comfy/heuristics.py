"""Which inputs a person meets when nobody said so: rules from first to last, the first that fits decides.

A rule gives a group and a rank; fields of a group stand in order of rank, then in the order of the prompt. What the
rules look at is gathered in seen.py. A form that would still be too long is shortened in crowds.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from comfy.candidates import Candidate
from comfy.form_fields import MEDIA_WIDGETS, Group
from comfy.labels import plain_name
from comfy.seen import MEDIA_TYPES, PLAIN_TYPES, Seen, is_editor_state, look_at
from comfy.trace import Pole, Trace

LENGTHS = frozenset(
    {"length", "num_frames", "video_frames", "frames", "video_length", "frame_count", "duration", "seconds"}
    | {"duration_seconds", "audio_length", "seconds_total"}
)
SHAPES = re.compile(r"^(aspect_?ratio|ratio|resolution|size|size_preset|image_size|target_resolution|max_resolution)$")
WIDTHS = frozenset({"width", "target_width", "custom_width", "output_width"})
HEIGHTS = frozenset({"height", "target_height", "custom_height", "output_height"})
SCALES = frozenset({"scale_by", "upscale_by", "scale_factor", "upscale_factor", "multiplier"})
COUNTS = frozenset({"batch_size", "amount", "n", "number_of_images", "num_images"})
SYSTEM = re.compile(r"\bsystem\b", re.IGNORECASE)
# Texts that steer a text tool and are nothing a picture shows.
TOOLING = re.compile(
    r"^(find|delimiter|separator|.*pattern|.*regex.*|expression|template|mode|filename\w*|path|url|.*json\w*|.*shader|"
    r"code|script|css|html|format)$"
)
# Settings of a recipe, whatever their node is called.
RECIPE = frozenset({"start_at_step", "end_at_step", "start_percent", "end_percent", "shift", "max_shift", "base_shift"})
CONTROLS = re.compile(r"control_?net|lllite|ip_?adapter|redux|stylemodel|reference", re.IGNORECASE)
WISHES = frozenset({"style", "voice", "language", "generate_audio", "style_preset", "mood", "keyscale", "bpm"})
# What a node gives that only writes or reads texts.
WORDS_ONLY = PLAIN_TYPES | {"CONDITIONING"}
LOOKS_LIKE_FILE = re.compile(r"(_name\d?|^model_file|^name|_file)$")

# What a file is, where the input's name does not say it.
MEDIA_WORDS = {("video", "file"): "Video", ("audio", "file"): "Audio", ("image", "file"): "Picture"}


@dataclass(frozen=True)
class Exposure:
    """What one rule decided: where a field stands and what it is called.

    `title` is True where the title of the node, if its author chose one, is a better name than the label. `what` is
    the rule, for those who go on from here.
    """

    group: Group
    rank: int
    label: str
    title: bool = False
    what: str = ""


@dataclass(frozen=True)
class Rule:
    """One line of the table. `label` None: the plain words for the input's name."""

    what: str
    fits: Callable[[Seen], bool]
    group: Group
    rank: int
    label: str | None = None
    title: bool = False


RULES = (
    Rule("not an input of this node any more", lambda s: s.known and s.candidate.spec is None, "hidden", 900),
    Rule("state of the editor", lambda s: is_editor_state(s.candidate), "hidden", 910),
    Rule("media of a missing node", lambda s: not s.alive and s.incomplete and _is_media(s), "main", 21, None, True),
    Rule("reaches no output", lambda s: not s.alive, "hidden", 920),
    Rule("zeroed text", lambda s: s.zeroed and s.is_text, "hidden", 930),
    Rule("of a missing node", lambda s: not s.known, "advanced", 800),
    Rule("only shown on the way", lambda s: not s.useful, "advanced", 650, None, True),
    Rule("instructions to a text model", lambda s: s.is_text and _is_system(s), "advanced", 240, None, True),
    Rule("settings of a text tool", lambda s: s.candidate.type == "STRING" and _is_tooling(s), "advanced", 640),
    Rule("song", lambda s: s.is_text and s.meaning in ("tags", "lyrics"), "main", 10),
    Rule("ignored text", lambda s: s.is_text and not s.telling, "advanced", 205, "Negative prompt", True),
    Rule("negative text", lambda s: s.is_text and s.pole is Pole.NEGATIVE, "main", 11, "Negative prompt", True),
    Rule("positive text", lambda s: s.is_text and s.pole is Pole.POSITIVE, "main", 10, "Positive prompt", True),
    Rule("prompt", lambda s: s.is_text and s.meaning == "prompt", "main", 10, None, True),
    Rule("long text", lambda s: s.is_text and s.candidate.multiline, "main", 12, None, True),
    Rule("media", lambda s: _is_media(s), "main", 20, None, True),
    Rule("how much is repainted", lambda s: s.repaints, "main", 25, "Strength"),
    Rule("shape of the result", lambda s: bool(SHAPES.match(s.meaning)) and s.is_choice, "main", 28, None, True),
    Rule("size of the result", lambda s: s.meaning == "megapixels" and s.is_number, "main", 29),
    Rule("width of the result", lambda s: s.meaning in WIDTHS and _sets_size(s), "main", 30),
    Rule("height of the result", lambda s: s.meaning in HEIGHTS and _sets_size(s), "main", 30),
    Rule("enlargement", lambda s: s.meaning in SCALES and _enlarges(s), "main", 32),
    Rule("length", lambda s: s.meaning in LENGTHS and _sets_length(s), "main", 35, None, True),
    Rule("count of videos or sounds", lambda s: s.meaning == "batch_size" and s.moving, "advanced", 230, "How many"),
    Rule("count", lambda s: s.meaning in COUNTS and (s.makes == "latent" or s.service), "main", 40),
    Rule("steps", lambda s: s.meaning == "steps" and s.candidate.type == "INT", "main", 50),
    Rule("seed without noise", lambda s: s.idle_seed, "advanced", 290),
    Rule("seed of a text model", lambda s: s.widget == "seed" and s.gives <= WORDS_ONLY, "advanced", 291),
    Rule("seed", lambda s: s.widget == "seed", "main", 60),
    Rule("model file", lambda s: s.widget == "dropdown" and bool(LOOKS_LIKE_FILE.search(s.meaning)), "advanced", 200),
    Rule("way of sampling", lambda s: s.meaning in ("sampler_name", "scheduler"), "advanced", 220),
    Rule("strength of a style", lambda s: s.meaning == "strength_model" and not s.is_recipe, "main", 45, None, True),
    Rule("strength of control", lambda s: s.meaning == "strength" and _controls(s), "main", 45, "Control strength"),
    Rule("strength of sampling", lambda s: s.meaning in ("cfg", "guidance", "denoise"), "advanced", 210),
    Rule("setting of a recipe", lambda s: s.meaning in RECIPE, "advanced", 215, None, True),
    Rule("the author's own choice", lambda s: s.held and s.candidate.type == "COMBO", "main", 46, None, True),
    Rule("the author's own value", lambda s: s.held and bool(s.title), "main", 47, None, True),
    Rule("the author's own switch", lambda s: s.meaning == "switch" and bool(s.title), "main", 47, None, True),
    Rule("wish", lambda s: s.service and s.meaning in WISHES, "main", 48),
    Rule(
        "kind of service",
        lambda s: s.service and s.meaning == "model" and s.makes == "media" and _branches(s),
        "main",
        49,
    ),
    Rule("file name", lambda s: s.meaning == "filename_prefix", "advanced", 700),
    Rule("value in a node of its own", lambda s: s.held, "advanced", 295, None, True),
    Rule("the rest", lambda s: True, "advanced", 300),
)

# What moves up when an author put it on the outside of a subgraph; model files and savers' settings do not.
WORTH_SHOWING = frozenset({"the rest", "value in a node of its own", "strength of sampling"})


def judge(candidate: Candidate, trace: Trace) -> Exposure:
    """Where this input stands and what it is called, as far as the graph tells."""
    seen = look_at(candidate, trace)
    rule = next(rule for rule in RULES if rule.fits(seen))
    label = rule.label or MEDIA_WORDS.get((seen.widget, seen.meaning)) or plain_name(seen.meaning)
    return Exposure(rule.group, rule.rank, label, rule.title or seen.meaning != candidate.input, rule.what)


def more_kindly(exposure: Exposure) -> Exposure:
    """The same for an input that the author of a subgraph brought to its outside: settings move up."""
    return replace(exposure, group="main") if exposure.what in WORTH_SHOWING else exposure


def _is_media(seen: Seen) -> bool:
    return seen.widget in MEDIA_WIDGETS


def _is_system(seen: Seen) -> bool:
    return any(SYSTEM.search(words.replace("_", " ")) for words in (seen.meaning, seen.candidate.input, seen.title))


def _is_tooling(seen: Seen) -> bool:
    """Patterns and the like, and texts that are only compared: what comes out is no text."""
    spec = seen.candidate.node_spec
    compares = spec is not None and seen.makes == "text" and "STRING" not in spec.output_types
    value = seen.candidate.value
    no_words = isinstance(value, str) and value != "" and not any(character.isalnum() for character in value)
    return bool(TOOLING.match(seen.candidate.input)) or (compares and not seen.held) or no_words


def _sets_size(seen: Seen) -> bool:
    return seen.is_number and seen.makes in ("latent", "media")


def _enlarges(seen: Seen) -> bool:
    return (seen.is_number or seen.is_choice) and not MEDIA_TYPES.isdisjoint(seen.gives)


def _sets_length(seen: Seen) -> bool:
    return (seen.is_number or seen.is_choice) and seen.makes in ("latent", "media")


def _controls(seen: Seen) -> bool:
    return bool(CONTROLS.search(seen.class_type))


def _branches(seen: Seen) -> bool:
    spec = seen.candidate.spec
    return spec is not None and len(spec.choices or ()) > 1
