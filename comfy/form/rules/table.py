"""Rules that place inputs without an author's declaration. The first match decides.

A rule gives a group and a rank. Fields of a group are sorted by rank, then by the prompt's order.
facts.py collects the facts for the rules, and conditions.py combines them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from comfy.base.messages import message
from comfy.form.candidates import Placement
from comfy.form.rules.conditions import (
    adapts,
    adapts_face,
    asks,
    branches,
    chooses_way,
    controls,
    cuts,
    edits,
    enlarges,
    has_no_user,
    is_media,
    is_named,
    is_off,
    is_only_count,
    is_own_steps,
    is_saved,
    is_size,
    is_system,
    is_technical,
    is_tooling,
    is_unused_part,
    makes_words,
    only_records,
    pads,
    repeats,
    scales_upload,
    sets_length,
    sets_size,
    sizes_image,
    turns,
)
from comfy.form.rules.facts import InputFacts, is_editor_state
from comfy.prompt.texts import Pole

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
    r"^(aspect_?ratio|ratio|resolution|size|(image_)?size_preset|image_size|target_resolution|max_resolution)$"
)
_WIDTHS = frozenset(
    {"width", "target_width", "output_width", "empty_latent_width", "image_width", "resize_width"}
)
_HEIGHTS = frozenset(one.replace("width", "height") for one in _WIDTHS)
_SCALES = frozenset({"scale_by", "upscale_by", "scale_factor", "upscale_factor", "multiplier"})
_UPLOAD_SIZES = frozenset(
    {"scale_by", "size", "longer_side", "longest_side", "larger_side", "shorter_side"}
    | {"largest_size", "shortest_side", "longer_edge", "shorter_edge", "resolution", "megapixels"}
)
_COUNTS = frozenset({"batch_size", "amount", "n", "number_of_images", "num_images"})
_STEPS = frozenset({"steps", "num_steps", "num_inference_steps", "inference_steps"})
_WEIGHTS = frozenset({"strength", "weight", "ip_weight", "model_strength"})
_STYLE_WEIGHTS = frozenset(
    {"strength_model", "lora_model_strength", "lora_strength", "lora_weight"}
)
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
_WISHES = frozenset(
    {"style", "voice", "language", "generate_audio", "style_preset", "mood", "keyscale", "bpm"}
)
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
        fits=lambda s: not s.alive and s.incomplete and is_media(s),
    ),
    Rule("hidden", 920, fits=lambda s: not s.alive),
    Rule("hidden", 930, fits=lambda s: s.zeroed and s.is_text),
    # Input that the author asks for.
    Rule(
        "main",
        20,
        title=True,
        essential=True,
        fits=lambda s: asks(s) and is_media(s),
    ),
    Rule("main", 10, title=True, merge="text", essential=True, fits=asks),
    # Only affects previews along the way.
    Rule("advanced", 650, title=True, fits=lambda s: not s.useful),
    # Instructions for a text model.
    Rule("advanced", 240, title=True, fits=lambda s: s.is_text and is_system(s)),
    # Settings of a text tool.
    Rule("advanced", 640, fits=lambda s: s.candidate.type == "STRING" and is_tooling(s)),
    Rule("advanced", 247, title=True, fits=lambda s: s.is_text and is_saved(s)),
    Rule(
        "main",
        10,
        merge="text",
        essential=True,
        fits=lambda s: s.is_text and s.meaning in ("tags", "lyrics"),
    ),
    # Empty text for random choices or the like.
    Rule("advanced", 245, fits=lambda s: s.is_text and is_unused_part(s)),
    Rule("advanced", 246, fits=lambda s: s.is_text and is_technical(s)),
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
    Rule("main", 20, title=True, essential=True, fits=lambda s: is_media(s)),
    # Strength of repainting.
    Rule(
        "main",
        25,
        message("Strength"),
        only="fallback",
        sets="strength",
        fits=lambda s: s.repaints and s.refines,
    ),
    Rule("main", 25, message("Strength"), sets="strength", fits=lambda s: s.repaints),
    # Sides to add to an image.
    Rule("main", 27, fits=pads),
    # Aspect ratio or shape of the result.
    Rule(
        "main",
        28,
        title=True,
        merge="input",
        sets="size",
        fits=lambda s: bool(_SHAPES.match(s.meaning)) and s.is_choice,
    ),
    # Size of the result.
    Rule(
        "main",
        29,
        merge="input",
        sets="size",
        fits=lambda s: s.meaning == "megapixels" and s.is_number,
    ),
    Rule(
        "main",
        30,
        merge="input",
        sets="size",
        part="width",
        fits=lambda s: (sets_size(s) and is_size(s, "width", _WIDTHS)) or is_named(s, "width"),
    ),
    Rule(
        "main",
        30,
        merge="input",
        sets="size",
        part="height",
        fits=lambda s: (sets_size(s) and is_size(s, "height", _HEIGHTS)) or is_named(s, "height"),
    ),
    # Size of an image that the result is made from.
    Rule(
        "main",
        31,
        only="fallback",
        sets="size",
        part="width",
        fits=lambda s: s.meaning in _WIDTHS and sizes_image(s),
    ),
    Rule(
        "main",
        31,
        only="fallback",
        sets="size",
        part="height",
        fits=lambda s: s.meaning in _HEIGHTS and sizes_image(s),
    ),
    Rule("main", 32, merge="input", fits=lambda s: s.meaning in _SCALES and enlarges(s)),
    Rule(
        "main",
        34,
        only="fallback",
        sets="size",
        fits=lambda s: s.meaning in _UPLOAD_SIZES and scales_upload(s),
    ),
    Rule(
        "main",
        35,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _LENGTHS and (sets_length(s) or cuts(s)),
    ),
    # Number of videos, sounds or models.
    Rule(
        "advanced", 230, message("How many"), fits=lambda s: s.meaning == "batch_size" and s.moving
    ),
    Rule(
        "main",
        40,
        merge="input",
        sets="count",
        fits=lambda s: s.meaning in _COUNTS and (repeats(s) or s.service),
    ),
    Rule("main", 40, only="fallback", sets="count", fits=is_only_count),
    Rule(
        "main",
        50,
        only="form",
        fits=lambda s: s.meaning in _STEPS and s.candidate.type == "INT" and not only_records(s),
    ),
    # Key setting of a pack's sampler.
    Rule("main", 51, message("Thinking steps"), merge="input", fits=is_own_steps),
    # Seed that is saved with the result, or adds no noise.
    Rule("advanced", 295, fits=lambda s: s.widget == "seed" and only_records(s)),
    Rule("advanced", 290, fits=lambda s: s.idle_seed),
    # Seed of a text model.
    Rule("advanced", 291, fits=lambda s: s.widget == "seed" and makes_words(s)),
    # The first of several services in a row decides what the others start from.
    Rule("main", 60, only="form", fits=lambda s: s.widget == "seed" and s.service and s.order > 0),
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
    # Without an effect on the result.
    Rule("advanced", 212, fits=lambda s: s.is_number and (is_off(s) or has_no_user(s))),
    # Styles that are balanced with each other.
    Rule(
        "advanced",
        212,
        title=True,
        worth_showing=True,
        fits=lambda s: s.meaning in _STYLE_WEIGHTS and s.stacked and not adapts_face(s),
    ),
    # Strength of a style.
    Rule(
        "main",
        45,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _STYLE_WEIGHTS and s.is_style and not adapts_face(s),
    ),
    Rule(
        "main",
        45,
        message("Control strength"),
        sets="strength",
        fits=lambda s: s.meaning == "strength" and controls(s),
    ),
    # Strength of a face or a style.
    Rule(
        "main",
        45,
        message("Strength"),
        only="node",
        sets="strength",
        fits=lambda s: s.meaning in _WEIGHTS and adapts(s) and s.is_style,
    ),
    Rule("main", 45, only="fallback", sets="strength", fits=edits),
    # View of an object.
    Rule("main", 33, fits=lambda s: s.is_number and turns(s)),
    # Strength of sampling.
    Rule(
        "advanced",
        210,
        worth_showing=True,
        fits=lambda s: s.meaning in ("cfg", "guidance", "denoise"),
    ),
    Rule("advanced", 215, title=True, fits=lambda s: s.meaning in _RECIPE or s.is_recipe),
    Rule("advanced", 310, fits=lambda s: not s.service and is_technical(s)),
    # The author's own choice.
    Rule(
        "main", 46, title=True, authored=True, fits=lambda s: s.held and s.candidate.type == "COMBO"
    ),
    # The author's own value.
    Rule("main", 47, title=True, authored=True, fits=lambda s: s.held and bool(s.title)),
    # The author's own switch.
    Rule("main", 47, title=True, fits=lambda s: s.meaning == "switch" and bool(s.title)),
    Rule("main", 48, merge="input", fits=lambda s: s.service and s.meaning in _WISHES),
    # Kind of service.
    Rule(
        "main",
        49,
        merge="input",
        fits=lambda s: (
            s.service
            and not s.order
            and s.meaning == "model"
            and s.makes == "media"
            and branches(s)
        ),
    ),
    Rule("main", 49, fits=chooses_way),
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
    Rule("advanced", 300, worth_showing=True, most=2, fits=lambda s: True),
)
