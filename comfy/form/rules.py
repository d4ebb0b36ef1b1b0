"""Third pass of a form: place each input by the facts about it. The first rule that fits decides.

A rule gives a group and a rank. Fields of a group are sorted by rank, then by the prompt's order.
facts.py collects the facts about an input, and the conditions here combine them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import get_args

from comfy.base.json_values import as_number, as_text, json_or_none
from comfy.base.messages import message
from comfy.base.wording import plain_words, spoken
from comfy.comfyui.input_spec import ADDED
from comfy.form.candidates import Candidate, Placement
from comfy.form.core_inputs import CORE_INPUTS, is_comfyuis, own_words
from comfy.form.facts import (
    PLAIN_TYPES,
    Aim,
    InputFacts,
    Roles,
    aim_of,
    collect_facts,
    is_editor_state,
    target_name,
)
from comfy.form.model import STEPS
from comfy.prompt.texts import Pole
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldGroup

_ANGLES = frozenset({"elevation", "azimuth", "horizontal_angle", "vertical_angle"})
_CAMERA = re.compile(r"camera|angle", re.IGNORECASE)
_CAMERA_ONLY = frozenset({"LOAD3D_CAMERA"})
_SYSTEM = re.compile(r"\b(system|trigger|template|instructions)\b", re.IGNORECASE)
# Titles that ask users for a text or a file.
_ASKS = re.compile(
    r"^(put|paste|enter|describe|upload|drop)\s+\w|^(write|type|insert|add)\s+(your|the|an?|in)\b"
    r"|\bhere\b|请输入|在此",
    re.IGNORECASE,
)
_INSTRUCTS = re.compile(r"you(['\u2019]re| are) an? ", re.IGNORECASE)
_MAIN_TEXTS = frozenset(
    {"prompt", "text", "value", "string", "positive", "negative", "clip_l", "clip_g", "t5xxl"}
    | {"text_g", "text_l", "positive_prompt", "negative_prompt", "text_positive", "text_negative"}
    | {"tags", "lyrics", "caption", "question", "instruction", "user_prompt", "text_prompt"}
    | {"user_input", "input_text", "message", "query", "content"}
)
# Texts that are joined to others.
_PARTS = frozenset({"string_a", "string_b"})
# Texts that configure a text tool and don't describe an image.
_TOOLING = re.compile(
    r"^(find|f_string|delimiter|separator|expression|template|mode|filename\w*|path|url|code|script|css|html|format|"
    r"(?>.*regex).*|(?>.*json)\w*|.*(pattern|shader))$"
)
# Values of a mode that turn a node off.
_OFF = frozenset({"none", "off", "disable", "disabled"})
_MODE = re.compile(r"(^|_)mode$")
# Kinds of processing, if a service describes them.
_WAYS = re.compile(r"(^|_)(mode|flavor|direction)$")
_MOST_WAYS = 5
_SAVES = re.compile(r"sav(e|ing)|export", re.IGNORECASE)
_MEDIA_TYPES = frozenset({"IMAGE", "VIDEO", "AUDIO"})
_TRAINS = re.compile(r"train|dataset", re.IGNORECASE)
# Samplers that edit an image.
_EDITS = re.compile(r"edit|inver|inject|reverse", re.IGNORECASE)
# Sides of an image. A node that adds to them has at least these two.
_SIDES = frozenset({"left", "right", "top", "bottom", "up", "down"})
_BOTH_SIDES = frozenset({"left", "right"})
_EDIT_STEPS = frozenset({"inject_steps", "start_step", "skip_steps"})
# Names of texts in which a node keeps its own state.
_STATE = re.compile(r"(^|_)(store|state)$|_(data|dict)$")
_DELIMITER = re.compile(r"[^\n:]{1,40}:")
_YES_OR_NO = frozenset({"yes", "no", "enable", "disable", "true", "false"})
_CONTROLS = re.compile(r"control_?net|lllite|ip_?adapter|redux|stylemodel|reference", re.IGNORECASE)
_ADAPTS = re.compile(
    r"ip_?adapter|instant_?id|pulid|face_?id|photo_?maker|hypernetwork|lora|redux|reference",
    re.IGNORECASE,
)
# Settings of the machine or of the method, also if an author promoted them.
_TECHNICAL = frozenset(
    [
        "attention",
        "bit_depth",
        "cache",
        "chunk",
        "codec",
        "compile",
        "device",
        "dtype",
        "metadata",
        "offload",
        "overlap",
        "precision",
        "quant",
        "swap",
        "tile",
        "tiling",
        "token",
        "unload",
    ]
)
_TECHNICAL_ENDS = ("options", "blocks", "vector", "vectors", "code", "method")
_TECHNICAL_NAMES = frozenset(
    {"layer_weights", "max_length", "batch_index", "batch_size", "algorithm", "crf", "type"}
)
# Label by file type, if the input's name says nothing.
_MEDIA_WORDS = {
    ("video", "file"): message("Video"),
    ("audio", "file"): message("Audio"),
    ("image", "file"): message("Image"),
}
_PAINTED = message("Image (paint over what to change)")
_FRAMES = message("Frames")
# Outputs of nodes that only write or read texts.
_WORDS_ONLY = PLAIN_TYPES | {"CONDITIONING"}
_LENGTHS = frozenset(
    {"length", "num_frames", "video_frames", "frames", "video_length", "frame_count"}
    | {"duration", "seconds"}
    | {"duration_seconds", "audio_length", "seconds_total", "total_frames", "max_frames"}
    | {"max_duration"}
)
_FEWEST_PIXELS = 64  # a smaller resolution is a level
_DURATIONS = frozenset({"duration", "seconds", "duration_seconds", "max_duration"})
_SHAPES = re.compile(
    r"^(aspect_?ratio|ratio|(upscaler_)?resolution|size|(image_)?size_preset|image_size|target_resolution|max_resolution)$"
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
# Titles of an author's own values for sampling.
_METHOD = re.compile(r"^bypass|(^|[_ ])steps?$", re.IGNORECASE)
_WISHES = frozenset(
    {"style", "voice", "language", "generate_audio", "style_preset", "mood", "keyscale", "bpm"}
)
_LOOKS_LIKE_FILE = re.compile(
    r"(_name\d?|^model_file|^name|_file|(^|_)(model|checkpoint|ckpt|lora|vae|unet|clip|text_encoder)\d?)$"
)


def place(candidates: tuple[Candidate, ...], trace: Trace) -> tuple[Candidate, ...]:
    """Return the candidates with a group, a label and a widget, in the same order. An author's
    group comes before the rule's."""
    roles = Roles(trace)
    return tuple(
        _place_declared(candidate, roles)
        if candidate.is_declared
        else _place_undeclared(candidate, roles)
        for candidate in candidates
    )


def _place_declared(candidate: Candidate, roles: Roles) -> Candidate:
    placed = _by_rules(candidate, roles)
    if candidate.wanted:
        placed = replace(placed, group=candidate.wanted, rank=candidate.rank)
    return placed.limited()


def _place_undeclared(candidate: Candidate, roles: Roles) -> Candidate:
    """Return a candidate that no layer mentions, for the most prominent input that its field
    sets."""
    placed = _by_rules(candidate, roles)
    if candidate.also:
        placed = _best_of(placed, [_by_rules(each, roles) for each in candidate.also])
    if candidate.wanted and placed.rule.worth_showing:
        return replace(placed, group=candidate.wanted)
    if candidate.beside_promoted and placed.rule.authored:
        return replace(placed, group="advanced")
    return placed


def _best_of(candidate: Candidate, others: list[Candidate]) -> Candidate:
    """Return the most prominent candidate that has a widget, with the first one's settings. Its
    field also sets the others."""
    groups = get_args(FieldGroup)
    inputs = [candidate, *others]
    best = min(inputs, key=lambda one: (not one.has_widget, groups.index(one.group), one.rank))
    also = tuple(one for one in inputs if one is not best)
    return replace(
        best,
        source=candidate.source,
        settings=candidate.settings,
        others=candidate.others,
        also=also,
    )


def _by_rules(candidate: Candidate, roles: Roles) -> Candidate:
    """Return the candidate with the group, label and widget that the graph suggests."""
    facts = collect_facts(candidate, roles)
    rule = next(rule for rule in RULES if rule.fits(facts))
    is_base64 = candidate.spec is not None and candidate.spec.is_base64
    number = roles.samplers.passes.get(candidate.node, 0)
    aim = aim_of(facts, roles)
    label = (
        rule.label
        or (_PAINTED if facts.widget == "mask" and roles.repaints else "")
        or _MEDIA_WORDS.get((facts.widget, "file" if is_base64 else facts.meaning))
        or _rows_label(candidate)
        or _count_label(facts, roles)
        or _unit_label(facts, roles, aim)
        or (facts.title if facts.held and facts.meaning == "value" else "")
        or plain_words(facts.meaning)
    )
    return replace(
        facts.candidate,
        group=rule.group,
        rank=rule.rank,
        rule=rule,
        own=own_words(
            CORE_INPUTS,
            roles.trace.catalog.get(facts.class_type),
            facts.meaning,
            candidate.type,
        ),
        label=label,
        takes_title=rule.title or facts.meaning != candidate.input,
        widget=facts.widget,
        is_idle=facts.alive and not facts.chosen,
        lead=(
            not facts.chosen,
            not (facts.draws or facts.scales_upload),
            facts.order or facts.sampler or len(roles.samplers.passes),
            -facts.distance,
        ),
        sampler=number,
        result=roles.samplers.results.get(candidate.node, ""),
        used_as=aim.ref,
        aim=aim.words,
        meaning=facts.meaning,
        drawn_in=roles.trace.drawn(candidate.node).group,
        target=target_name(facts, roles.trace),
        turned_on_by=roles.trace.turned_on_by(candidate.node),
    )


def _count_label(facts: InputFacts, roles: Roles) -> str:
    """Return another label for a number of frames if the results are only images, "" otherwise."""
    is_frames = plain_words(facts.meaning) == _FRAMES and not roles.makes_frames
    return message("How many") if is_frames and facts.makes == "latent" else ""


def _unit_label(facts: InputFacts, roles: Roles, aim: Aim) -> str:
    """Return a label with the unit for a duration of ComfyUI's own and paid nodes, which all count
    seconds, for one that a formula turns into frames, and for a resolution; "" for other inputs."""
    spec, value = roles.trace.catalog.get(facts.class_type), facts.candidate.value
    is_resolution = facts.meaning == "resolution" and facts.candidate.type == "INT"
    if is_resolution and (as_number(value) or 0) >= _FEWEST_PIXELS:
        return message("Resolution (pixels)")
    is_known = facts.meaning == "duration" and spec is not None and is_comfyuis(spec)
    is_float = facts.candidate.type == "FLOAT" and _is_named(facts, "duration")
    is_known = is_known or (is_float and aim.words == _FRAMES)
    is_amount = facts.is_number or (facts.is_choice and str(value).isdigit())
    return message("Duration (seconds)") if is_known and is_amount else ""


def _rows_label(candidate: Candidate) -> str:
    """Return the declared name of a group of rows, "" for other inputs."""
    shown = candidate.spec.options.get("display_name") if candidate.spec else None
    is_group = candidate.spec is not None and candidate.spec.rows is not None
    return as_text(shown) if is_group else ""


def _is_media(facts: InputFacts) -> bool:
    """Return whether users give the input a file."""
    return facts.kind.file is not None


def _asks(facts: InputFacts) -> bool:
    """Return whether the author's title asks users for this text or file."""
    wanted = _is_media(facts) or (facts.is_text and facts.telling and facts.pole is None)
    return wanted and bool(_ASKS.search(facts.title))


def _only_records(facts: InputFacts) -> bool:
    """Return whether a node without outputs only saves a sampler's setting with the result."""
    return not facts.gives and not facts.service


def _is_saved(facts: InputFacts) -> bool:
    """Return whether a text is only saved with a result, as a comment or as metadata."""
    spec = facts.candidate.node_spec
    saves = spec is not None and spec.output_node and bool(_SAVES.search(facts.class_type))
    return saves and not facts.service and not facts.takes.isdisjoint(_MEDIA_TYPES)


def _is_off(facts: InputFacts) -> bool:
    return any(
        isinstance(value, str) and value.lower() in _OFF
        for name, value in facts.candidate.siblings.items()
        if _MODE.search(name)
    )


def _has_no_user(facts: InputFacts) -> bool:
    """Return whether a strength changes a model that no other node takes, only its text encoder."""
    return facts.idle_lora and facts.meaning in ("strength_model", "lora_model_strength")


def _is_unused_part(facts: InputFacts) -> bool:
    """Return whether a text is empty and has a name that tells it apart from the main text, such as
    `text_b`."""
    return facts.is_blank and not facts.held and facts.meaning not in _MAIN_TEXTS


def _is_wish(facts: InputFacts) -> bool:
    """Return whether a text is empty and its node changes an image or a video without it, or names
    what to find in an image."""
    is_empty = facts.is_text and facts.is_blank and not facts.held
    finds = facts.is_text and not facts.service and "MASK" in facts.gives and "IMAGE" in facts.takes
    return finds or (is_empty and not facts.gives.isdisjoint(facts.takes & {"IMAGE", "VIDEO"}))


def _is_technical(facts: InputFacts) -> bool:
    """Return whether a setting concerns the machine or the method, not the result's content."""
    meaning = facts.meaning
    return (
        any(word in meaning for word in _TECHNICAL)
        or meaning.endswith(_TECHNICAL_ENDS)
        or meaning in _TECHNICAL_NAMES
        or meaning.startswith("force_")
        or (meaning.startswith("keep_") and "loaded" in meaning)
    )


def _is_system(facts: InputFacts) -> bool:
    """Return whether a text is an instruction of the author, such as a system prompt or a
    template."""
    instructs = facts.candidate.input in _PARTS and _INSTRUCTS.match(
        str(facts.candidate.value).lstrip()
    )
    return bool(instructs) or any(
        _SYSTEM.search(words.replace("_", " "))
        for words in (facts.meaning, facts.candidate.input, facts.title)
    )


def _is_tooling(facts: InputFacts) -> bool:
    """Return whether a text is a pattern or the like, was written by a program, such as JSON or
    points in an image, or is only compared, so that the result isn't a text."""
    if facts.candidate.type != "STRING" or _is_media(facts):
        return False
    spec, name = facts.candidate.node_spec, facts.candidate.input
    value = facts.candidate.value if isinstance(facts.candidate.value, str) else ""
    compares = spec is not None and facts.makes == "text" and "STRING" not in spec.output_types
    text, is_prompt = value.strip(), facts.pole is Pole.POSITIVE or facts.meaning == "prompt"
    is_points = facts.is_text and "," in text and not any(map(str.isalpha, text))
    return (
        bool(_TOOLING.match(name) or _STATE.search(name))
        or (name in _PARTS and bool(_DELIMITER.fullmatch(text)))
        or (text != "" and not any(map(str.isalnum, text)))
        or text.lower() in _YES_OR_NO
        or is_points
        or (not is_prompt and isinstance(json_or_none(value), dict | list))
        or (compares and not facts.held)
    )


def _sets_size(facts: InputFacts) -> bool:
    """Return whether a number belongs to a node that makes a new image, video or latent. 0 leaves
    the size as it is."""
    is_set = facts.is_number and facts.candidate.value != 0
    return is_set and facts.makes in ("latent", "media") and not _draws_image(facts)


def _sizes_image(facts: InputFacts) -> bool:
    """Return whether a number belongs to a node that makes or resizes an image, which other nodes
    may use."""
    is_set = facts.is_number and facts.candidate.value != 0
    return is_set and (facts.resizes or _draws_image(facts))


def _draws_image(facts: InputFacts) -> bool:
    return facts.makes == "media" and "IMAGE" in facts.gives and not facts.service


def _is_size(facts: InputFacts, part: str, names: frozenset[str]) -> bool:
    """Return whether an input is a width or a height (`part`), which has one of these `names`."""
    return facts.meaning in names or (facts.service and facts.meaning == f"custom_{part}")


def _is_named(facts: InputFacts, name: str) -> bool:
    """Return whether an author gave this name to a number in a node of its own."""
    return facts.held and facts.is_number and spoken(facts.title).lower() == name


def _enlarges(facts: InputFacts) -> bool:
    """Return whether a factor makes the result larger."""
    value = facts.candidate.value
    shrinks = isinstance(value, int | float) and value <= 1 and not facts.service
    can = facts.is_number or facts.is_choice
    return can and not shrinks and (facts.meaning == "upscale_by" or facts.gives_media)


def _sets_length(facts: InputFacts) -> bool:
    """Return whether an input belongs to a node that makes a new video, sound or latent, or only
    computes the number of frames or seconds for one."""
    computes = facts.meaning in _DURATIONS and not facts.gives.isdisjoint({"INT", "FLOAT"})
    makes = facts.makes in ("latent", "media") or (computes and not facts.held)
    return (facts.is_number or facts.is_choice) and makes


def _repeats(facts: InputFacts) -> bool:
    """Return whether a number is the number of results."""
    named = facts.meaning != "amount" or "batch" in facts.class_type.lower()
    return facts.is_number and facts.makes == "latent" and named


def _is_only_count(facts: InputFacts) -> bool:
    """Return whether a number in a node without a latent or an image may be the number of
    results."""
    is_count = facts.meaning == "batch_size" and facts.is_number and not facts.held
    is_count = is_count and not _TRAINS.search(facts.class_type)
    makes_none = facts.gives.isdisjoint(_MEDIA_TYPES | {"LATENT"})
    return is_count and makes_none and facts.takes.isdisjoint(_MEDIA_TYPES | {"MODEL"})


def _scales_upload(facts: InputFacts) -> bool:
    """Return whether a number sets the size of the user's image."""
    return facts.is_number and facts.scales_upload


def _pads(facts: InputFacts) -> bool:
    """Return whether a number is what a node adds to a side of an image, as for outpainting."""
    is_side = facts.meaning in _SIDES and facts.candidate.siblings.keys() >= _BOTH_SIDES
    adds = facts.service or "IMAGE" in facts.gives & facts.takes
    return is_side and adds and facts.is_number


def _is_own_steps(facts: InputFacts) -> bool:
    """Return whether a number is the steps that only this pack's sampler has, such as
    `LanPaint_NumSteps`. Its name starts like the class's."""
    name, prefix = facts.candidate.input, facts.class_type.partition("_")[0]
    is_own = name.startswith(f"{prefix}_") and name.lower().endswith(("numsteps", "num_steps"))
    return is_own and facts.candidate.type == "INT" and "LATENT" in facts.gives & facts.takes


def _edits(facts: InputFacts) -> bool:
    """Return whether a number sets how closely an edited image follows the original."""
    is_edit = facts.meaning in _EDIT_STEPS and bool(_EDITS.search(facts.class_type))
    return is_edit and facts.is_number and "denoise" not in facts.candidate.siblings


def _chooses_way(facts: InputFacts) -> bool:
    """Return whether the only service describes a short choice of ways to work."""
    spec = facts.candidate.spec
    if spec is None or not facts.alone or not _WAYS.search(facts.meaning):
        return False
    choices = spec.choices or ()
    documented = bool(spec.options.get("tooltip")) and not spec.options.get("advanced")
    is_switch = not (_YES_OR_NO | _OFF).isdisjoint(str(one).lower() for one in choices)
    return documented and 1 < len(choices) <= _MOST_WAYS and not is_switch


def _turns(facts: InputFacts) -> bool:
    """Return whether a number sets the view of an object, not only the camera of a 3D model."""
    zooms = facts.meaning == "zoom" and bool(_CAMERA.search(facts.class_type))
    return (facts.meaning in _ANGLES or zooms) and facts.gives != _CAMERA_ONLY


def _previews(facts: InputFacts) -> bool:
    """Return whether this is a switch for a preview, by the name that its author gave it."""
    names = f"{facts.title} {facts.candidate.settings.label or ''}"
    return facts.candidate.type == "BOOLEAN" and "preview" in names.lower()


def _cuts(facts: InputFacts) -> bool:
    """Return whether a node cuts a video or a sound to this length."""
    same = facts.gives & facts.takes & {"VIDEO", "AUDIO"}
    return facts.meaning == "duration" and facts.is_number and bool(same)


def _controls(facts: InputFacts) -> bool:
    """Return whether a node guides the result by an image."""
    return bool(_CONTROLS.search(facts.class_type))


def _makes_words(facts: InputFacts) -> bool:
    """Return whether a node only makes texts, also one of an unknown class ("?")."""
    return facts.gives <= _WORDS_ONLY or facts.gives == {"STRING", "?"}


def _adapts(facts: InputFacts) -> bool:
    """Return whether a node gives the result the face or the style of something."""
    return bool(_ADAPTS.search(facts.class_type))


def _adapts_face(facts: InputFacts) -> bool:
    """Return whether a node prepares an adapter, whose own weight is the main one."""
    return "adapter" in facts.class_type.lower()


def _branches(facts: InputFacts) -> bool:
    """Return whether there is a choice."""
    spec = facts.candidate.spec
    return spec is not None and len(spec.choices or ()) > 1


def _is_added(facts: InputFacts) -> bool:
    spec = facts.candidate.node_spec
    return spec is not None and ADDED in spec.raw


@dataclass(frozen=True, slots=True)
class Rule(Placement):
    """A placement, and the condition `fits` for its inputs. In the table, `s` are the facts about
    one."""

    fits: Callable[[InputFacts], bool] = field(kw_only=True)


RULES: tuple[Rule, ...] = (
    # The app's own, above the models.
    Rule("advanced", 199, fits=_is_added),
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
    # Input that the author asks for.
    Rule(
        "main",
        20,
        title=True,
        essential=True,
        fits=lambda s: _asks(s) and _is_media(s),
    ),
    Rule("main", 10, title=True, merge="text", essential=True, fits=_asks),
    # Only affects previews along the way.
    Rule("advanced", 650, title=True, fits=lambda s: not s.useful or _previews(s)),
    # Instructions for a text model.
    Rule("advanced", 240, title=True, fits=lambda s: s.is_text and _is_system(s)),
    # Settings of a text tool.
    Rule("advanced", 640, fits=_is_tooling),
    Rule("advanced", 247, title=True, fits=lambda s: s.is_text and _is_saved(s)),
    Rule(
        "main",
        10,
        merge="text",
        essential=True,
        fits=lambda s: s.is_text and s.meaning in ("tags", "lyrics"),
    ),
    # Empty text for random choices or the like.
    Rule("advanced", 245, fits=lambda s: s.is_text and _is_unused_part(s)),
    Rule("advanced", 246, fits=lambda s: s.is_text and _is_technical(s)),
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
    # Empty text of a node that changes an image, which can do without.
    Rule("main", 22, title=True, merge="text", essential=True, fits=_is_wish),
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
    Rule("main", 27, fits=_pads),
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
        fits=lambda s: (_sets_size(s) and _is_size(s, "width", _WIDTHS)) or _is_named(s, "width"),
    ),
    Rule(
        "main",
        30,
        merge="input",
        sets="size",
        part="height",
        fits=lambda s: (
            (_sets_size(s) and _is_size(s, "height", _HEIGHTS)) or _is_named(s, "height")
        ),
    ),
    # Size of an image that the result is made from.
    Rule(
        "main",
        31,
        only="fallback",
        sets="size",
        part="width",
        fits=lambda s: s.meaning in _WIDTHS and _sizes_image(s),
    ),
    Rule(
        "main",
        31,
        only="fallback",
        sets="size",
        part="height",
        fits=lambda s: s.meaning in _HEIGHTS and _sizes_image(s),
    ),
    Rule("main", 32, merge="input", fits=lambda s: s.meaning in _SCALES and _enlarges(s)),
    Rule(
        "main",
        34,
        only="fallback",
        sets="size",
        fits=lambda s: s.meaning in _UPLOAD_SIZES and _scales_upload(s),
    ),
    Rule(
        "main",
        35,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _LENGTHS and _sets_length(s),
    ),
    Rule("main", 36, title=True, merge="input", fits=_cuts),
    Rule(
        "main",
        37,
        merge="input",
        fits=lambda s: s.meaning == "quality" and s.is_choice and s.makes == "media",
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
        fits=lambda s: s.meaning in _COUNTS and (_repeats(s) or s.service),
    ),
    Rule("main", 40, only="fallback", sets="count", fits=_is_only_count),
    Rule(
        "main",
        50,
        only="form",
        fits=lambda s: s.meaning in STEPS and s.candidate.type == "INT" and not _only_records(s),
    ),
    # Key setting of a pack's sampler.
    Rule("main", 51, message("Thinking steps"), merge="input", fits=_is_own_steps),
    # Seed that is saved with the result, or adds no noise.
    Rule("advanced", 295, fits=lambda s: s.widget == "seed" and _only_records(s)),
    Rule("advanced", 290, fits=lambda s: s.idle_seed),
    # Seed of a text model.
    Rule("advanced", 291, fits=lambda s: s.widget == "seed" and _makes_words(s)),
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
    Rule("advanced", 212, fits=lambda s: s.is_number and (_is_off(s) or _has_no_user(s))),
    # Styles that are balanced with each other.
    Rule(
        "advanced",
        212,
        title=True,
        worth_showing=True,
        fits=lambda s: s.meaning in _STYLE_WEIGHTS and s.stacked and not _adapts_face(s),
    ),
    # Strength of a style.
    Rule(
        "main",
        45,
        title=True,
        merge="input",
        fits=lambda s: s.meaning in _STYLE_WEIGHTS and s.is_style and not _adapts_face(s),
    ),
    Rule(
        "main",
        45,
        message("Control strength"),
        sets="strength",
        fits=lambda s: s.meaning == "strength" and _controls(s),
    ),
    # Strength of a face or a style.
    Rule(
        "main",
        45,
        message("Strength"),
        only="node",
        sets="strength",
        fits=lambda s: s.meaning in _WEIGHTS and _adapts(s) and s.is_style,
    ),
    Rule("main", 45, only="fallback", sets="strength", fits=_edits),
    # View of an object.
    Rule("main", 33, fits=lambda s: s.is_number and _turns(s)),
    # Strength of sampling.
    Rule(
        "advanced",
        210,
        worth_showing=True,
        fits=lambda s: s.meaning in ("cfg", "guidance", "denoise"),
    ),
    Rule(
        "advanced",
        215,
        title=True,
        fits=lambda s: s.meaning in _RECIPE or s.is_recipe or bool(_METHOD.search(s.title)),
    ),
    Rule("advanced", 310, fits=lambda s: not s.service and _is_technical(s)),
    # The author's own choice.
    Rule(
        "main", 46, title=True, authored=True, fits=lambda s: s.held and s.candidate.type == "COMBO"
    ),
    # The author's own value.
    Rule("main", 47, title=True, authored=True, fits=lambda s: s.held and bool(s.title)),
    # The author's own switch.
    Rule("main", 47, title=True, fits=lambda s: s.meaning == "switch" and bool(s.title)),
    Rule("main", 48, merge="input", fits=lambda s: s.service and s.meaning in _WISHES),
    Rule("main", 48, merge="input", fits=lambda s: s.meaning == "creativity"),
    Rule("main", 48, merge="input", fits=lambda s: s.is_choice and s.meaning == "voice"),
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
            and _branches(s)
        ),
    ),
    Rule("main", 49, fits=_chooses_way),
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
