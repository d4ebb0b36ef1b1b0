"""Rules that place inputs without an author's declaration. The first match decides.

A rule gives a group and a rank. Fields of a group are sorted by rank, then by the prompt's order.
facts.py collects the facts for the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from comfy.base.messages import message
from comfy.form.candidates import Placement
from comfy.form.facts import MEDIA_TYPES, PLAIN_TYPES, InputFacts, is_editor_state
from comfy.prompt.trace import Pole

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
    | {"duration_seconds", "audio_length", "seconds_total", "total_frames", "max_frames"}
)
_SHAPES = re.compile(
    r"^(aspect_?ratio|ratio|resolution|size|size_preset|image_size|target_resolution|max_resolution)$"
)
_WIDTHS = frozenset(
    {"width", "target_width", "custom_width", "output_width", "empty_latent_width", "image_width"}
)
_HEIGHTS = frozenset(one.replace("width", "height") for one in _WIDTHS)
_SCALES = frozenset({"scale_by", "upscale_by", "scale_factor", "upscale_factor", "multiplier"})
_COUNTS = frozenset({"batch_size", "amount", "n", "number_of_images", "num_images"})
_STEPS = frozenset({"steps", "num_steps", "num_inference_steps", "inference_steps"})
_ANGLES = frozenset({"elevation", "azimuth", "horizontal_angle", "vertical_angle"})
_WEIGHTS = frozenset({"strength", "weight", "ip_weight", "model_strength"})
_STYLE_WEIGHTS = frozenset(
    {"strength_model", "lora_model_strength", "lora_strength", "lora_weight"}
)
_SYSTEM = re.compile(r"\b(system|trigger|template|instructions)\b", re.IGNORECASE)
_INSTRUCTS = re.compile(r"\s*you(['\u2019]re| are) an? ", re.IGNORECASE)
# Texts that are joined to others.
_PARTS = frozenset({"string_a", "string_b"})
# Texts that configure a text tool and don't describe an image.
_TOOLING = re.compile(
    r"^(find|delimiter|separator|expression|template|mode|filename\w*|path|url|code|script|css|html|format|"
    r"(?>.*regex).*|(?>.*json)\w*|.*(pattern|shader))$"
)
_YES_OR_NO = frozenset({"yes", "no", "enable", "disable", "true", "false"})
# Sampling settings, on any node.
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
_ADAPTS = re.compile(
    r"ip_?adapter|instant_?id|pulid|face_?id|photo_?maker|hypernetwork|lora|redux|reference",
    re.IGNORECASE,
)
# Settings of the machine or of the method, also if an author promoted them.
_TECHNICAL = re.compile(
    r"device|dtype|precision|quant|tile|tiling|overlap|offload|attention|compile|cache|unload|token"
    r"|chunk|^max_length$|^(batch_index|batch_size)$|method$|^algorithm$|codec|^crf$|bit_depth"
    r"|^(type|force_\w+|keep_\w*loaded\w*)$"
)
_WISHES = frozenset(
    {"style", "voice", "language", "generate_audio", "style_preset", "mood", "keyscale", "bpm"}
)
# Outputs of nodes that only write or read texts.
_WORDS_ONLY = PLAIN_TYPES | {"CONDITIONING"}
_LOOKS_LIKE_FILE = re.compile(
    r"(_name\d?|^model_file|^name|_file|(^|_)(model|checkpoint|ckpt|lora|vae|unet|clip|text_encoder)\d?)$"
)


@dataclass(frozen=True, slots=True)
class Rule(Placement):
    """A placement, and the condition `fits` for its inputs."""

    fits: Callable[[InputFacts], bool] = field(kw_only=True)


RULES: tuple[Rule, ...] = (
    # No longer an input of this node.
    Rule("hidden", 900, fits=lambda s: s.known and s.candidate.spec is None),
    # Part of an image, or a curve.
    Rule("main", 55, title=True, fits=lambda s: s.alive and s.kind.is_main),
    Rule("hidden", 910, fits=lambda s: is_editor_state(s.candidate)),
    # Media of a missing node.
    Rule(
        "main",
        21,
        title=True,
        essential=True,
        fits=lambda s: not s.alive and s.incomplete and _is_media(s),
    ),
    Rule("hidden", 920, fits=lambda s: not s.alive),
    Rule("hidden", 930, fits=lambda s: s.zeroed and s.is_text),
    # Only affects previews along the way.
    Rule("advanced", 650, title=True, fits=lambda s: not s.useful),
    # Instructions for a text model.
    Rule("advanced", 240, title=True, fits=lambda s: s.is_text and _is_system(s)),
    # Settings of a text tool.
    Rule("advanced", 640, fits=lambda s: s.candidate.type == "STRING" and _is_tooling(s)),
    Rule(
        "main",
        10,
        merge="text",
        essential=True,
        fits=lambda s: s.is_text and s.meaning in ("tags", "lyrics"),
    ),
    # Empty text for random choices.
    Rule(
        "advanced",
        245,
        title=True,
        fits=lambda s: s.is_text and s.is_blank and "wildcard" in s.meaning,
    ),
    # Ignored text.
    Rule(
        "advanced",
        205,
        message("Negative prompt"),
        message("What to avoid."),
        title=True,
        fits=lambda s: s.is_text and not s.telling,
    ),
    Rule(
        "main",
        11,
        message("Negative prompt"),
        message("What to avoid."),
        title=True,
        merge="negative",
        essential=True,
        fits=lambda s: s.is_text and s.pole is Pole.NEGATIVE,
    ),
    Rule(
        "main",
        10,
        message("Prompt"),
        title=True,
        merge="pole",
        essential=True,
        fits=lambda s: s.is_text and s.pole is Pole.POSITIVE,
    ),
    Rule(
        "main",
        10,
        title=True,
        merge="text",
        essential=True,
        fits=lambda s: s.is_text and s.meaning == "prompt",
    ),
    # Long text.
    Rule(
        "main",
        12,
        title=True,
        merge="text",
        essential=True,
        fits=lambda s: s.is_text and s.candidate.multiline,
    ),
    Rule("main", 20, title=True, essential=True, fits=lambda s: _is_media(s)),
    # Strength of repainting.
    Rule("main", 25, message("Strength"), fits=lambda s: s.repaints),
    # Aspect ratio or shape of the result.
    Rule(
        "main",
        28,
        title=True,
        merge="input",
        fits=lambda s: bool(_SHAPES.match(s.meaning)) and s.is_choice,
    ),
    # Size of the result.
    Rule("main", 29, merge="input", fits=lambda s: s.meaning == "megapixels" and s.is_number),
    Rule(
        "main",
        30,
        merge="input",
        part="width",
        fits=lambda s: s.meaning in _WIDTHS and _sets_size(s),
    ),
    Rule(
        "main",
        30,
        merge="input",
        part="height",
        fits=lambda s: s.meaning in _HEIGHTS and _sets_size(s),
    ),
    # Size of an image that the result is made from.
    Rule(
        "main",
        31,
        only="fallback",
        part="width",
        fits=lambda s: s.meaning in _WIDTHS and s.resizes and s.is_number,
    ),
    Rule(
        "main",
        31,
        only="fallback",
        part="height",
        fits=lambda s: s.meaning in _HEIGHTS and s.resizes and s.is_number,
    ),
    Rule("main", 32, merge="input", fits=lambda s: s.meaning in _SCALES and _enlarges(s)),
    Rule(
        "main",
        35,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _LENGTHS and (_sets_length(s) or _cuts(s)),
    ),
    # Number of videos, sounds or models.
    Rule(
        "advanced", 230, message("How many"), fits=lambda s: s.meaning == "batch_size" and s.moving
    ),
    Rule(
        "main",
        40,
        merge="input",
        fits=lambda s: s.meaning in _COUNTS and (_repeats(s) or s.service),
    ),
    Rule(
        "main",
        50,
        only="form",
        fits=lambda s: s.meaning in _STEPS and s.candidate.type == "INT",
    ),
    # Seed that adds no noise.
    Rule("advanced", 290, fits=lambda s: s.idle_seed),
    # Seed of a text model.
    Rule("advanced", 291, fits=lambda s: s.widget == "seed" and _makes_words(s)),
    # Each service's result has a seed of its own.
    Rule("main", 60, only="node", fits=lambda s: s.widget == "seed" and s.service),
    Rule("main", 60, only="form", fits=lambda s: s.widget == "seed"),
    # Model file.
    Rule(
        "advanced",
        200,
        fits=lambda s: not s.service and s.is_choice and bool(_LOOKS_LIKE_FILE.search(s.meaning)),
    ),
    Rule("advanced", 220, fits=lambda s: s.meaning in ("sampler_name", "scheduler")),
    # Strength of a style.
    Rule(
        "main",
        45,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _STYLE_WEIGHTS and s.is_style,
    ),
    Rule(
        "main",
        45,
        message("Control strength"),
        fits=lambda s: s.meaning == "strength" and _controls(s),
    ),
    # Strength of a face or a style.
    Rule(
        "main",
        45,
        message("Strength"),
        only="node",
        fits=lambda s: s.meaning in _WEIGHTS and _adapts(s) and s.is_style,
    ),
    # View of an object.
    Rule("main", 33, fits=lambda s: s.meaning in _ANGLES and s.is_number),
    # Strength of sampling.
    Rule(
        "advanced",
        210,
        worth_showing=True,
        fits=lambda s: s.meaning in ("cfg", "guidance", "denoise"),
    ),
    Rule("advanced", 215, title=True, fits=lambda s: s.meaning in _RECIPE or s.is_recipe),
    Rule("advanced", 310, title=True, fits=lambda s: not s.service and _is_technical(s)),
    # The author's own choice.
    Rule("main", 46, title=True, fits=lambda s: s.held and s.candidate.type == "COMBO"),
    # The author's own value.
    Rule("main", 47, title=True, fits=lambda s: s.held and bool(s.title)),
    # The author's own switch.
    Rule("main", 47, title=True, fits=lambda s: s.meaning == "switch" and bool(s.title)),
    Rule("main", 48, merge="input", fits=lambda s: s.service and s.meaning in _WISHES),
    # Kind of service.
    Rule(
        "main",
        49,
        merge="input",
        fits=lambda s: s.service and s.meaning == "model" and s.makes == "media" and _branches(s),
    ),
    Rule("advanced", 700, fits=lambda s: s.meaning == "filename_prefix"),
    # A value in its own node.
    Rule("advanced", 295, title=True, worth_showing=True, fits=lambda s: s.held),
    # The author's wish or switch.
    Rule(
        "advanced",
        298,
        worth_showing=True,
        fits=lambda s: s.meaning in _WISHES or s.meaning == "switch",
    ),
    Rule("advanced", 300, worth_showing=True, most=3, fits=lambda s: True),
)


def _is_media(facts: InputFacts) -> bool:
    return facts.kind.file is not None


def _is_technical(facts: InputFacts) -> bool:
    return bool(_TECHNICAL.search(facts.meaning))


def _is_system(facts: InputFacts) -> bool:
    instructs = facts.candidate.input in _PARTS and _INSTRUCTS.match(str(facts.candidate.value))
    return bool(instructs) or any(
        _SYSTEM.search(words.replace("_", " "))
        for words in (facts.meaning, facts.candidate.input, facts.title)
    )


def _is_tooling(facts: InputFacts) -> bool:
    """Return whether a text is a pattern or the like, or is only compared, so that the result isn't
    a text."""
    spec = facts.candidate.node_spec
    compares = spec is not None and facts.makes == "text" and "STRING" not in spec.output_types
    value = facts.candidate.value
    no_words = (
        isinstance(value, str)
        and value.strip() != ""
        and not any(character.isalnum() for character in value)
    )
    is_choice = isinstance(value, str) and value.lower() in _YES_OR_NO
    tool = bool(_TOOLING.match(facts.candidate.input)) or (compares and not facts.held)
    return tool or no_words or is_choice


def _sets_size(facts: InputFacts) -> bool:
    return facts.is_number and facts.candidate.value != 0 and facts.makes in ("latent", "media")


def _enlarges(facts: InputFacts) -> bool:
    value = facts.candidate.value
    shrinks = isinstance(value, int | float) and value <= 1 and not facts.service
    can = facts.is_number or facts.is_choice
    return can and not shrinks and not MEDIA_TYPES.isdisjoint(facts.gives)


def _sets_length(facts: InputFacts) -> bool:
    return (facts.is_number or facts.is_choice) and facts.makes in ("latent", "media")


def _repeats(facts: InputFacts) -> bool:
    named = facts.meaning != "amount" or "batch" in facts.class_type.lower()
    return facts.makes == "latent" and named


def _cuts(facts: InputFacts) -> bool:
    """Return whether a node cuts a video or a sound to this length."""
    same = facts.gives & facts.takes & {"VIDEO", "AUDIO"}
    return facts.meaning == "duration" and facts.is_number and bool(same)


def _controls(facts: InputFacts) -> bool:
    return bool(_CONTROLS.search(facts.class_type))


def _makes_words(facts: InputFacts) -> bool:
    """Return whether a node only makes texts, also one of an unknown class ("?")."""
    return facts.gives <= _WORDS_ONLY or facts.gives == {"STRING", "?"}


def _adapts(facts: InputFacts) -> bool:
    return bool(_ADAPTS.search(facts.class_type))


def _branches(facts: InputFacts) -> bool:
    spec = facts.candidate.spec
    return spec is not None and len(spec.choices or ()) > 1
