"""Conditions of the rules: what an input does, from its facts."""

from __future__ import annotations

import re

from comfy.form.rules.facts import PLAIN_TYPES, InputFacts

_ANGLES = frozenset({"elevation", "azimuth", "horizontal_angle", "vertical_angle"})
_CAMERA = re.compile(r"camera|angle", re.IGNORECASE)
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
    r"^(find|delimiter|separator|expression|template|mode|filename\w*|path|url|code|script|css|html|format|"
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
# Outputs of nodes that only write or read texts.
_WORDS_ONLY = PLAIN_TYPES | {"CONDITIONING"}


def is_media(facts: InputFacts) -> bool:
    """Return whether users give the input a file."""
    return facts.kind.file is not None


def asks(facts: InputFacts) -> bool:
    """Return whether the author's title asks users for this text or file."""
    wanted = is_media(facts) or (facts.is_text and facts.telling and facts.pole is None)
    return wanted and bool(_ASKS.search(facts.title))


def only_records(facts: InputFacts) -> bool:
    """Return whether a node without outputs only saves a sampler's setting with the result."""
    return not facts.gives and not facts.service


def is_saved(facts: InputFacts) -> bool:
    """Return whether a text is only saved with a result, as a comment or as metadata."""
    spec = facts.candidate.node_spec
    saves = spec is not None and spec.output_node and bool(_SAVES.search(facts.class_type))
    return saves and not facts.service and not facts.takes.isdisjoint(_MEDIA_TYPES)


def is_off(facts: InputFacts) -> bool:
    """Return whether a mode turns the node off."""
    return any(
        isinstance(value, str) and value.lower() in _OFF
        for name, value in facts.candidate.siblings.items()
        if _MODE.search(name)
    )


def has_no_user(facts: InputFacts) -> bool:
    """Return whether a strength changes a model that no other node takes, only its text encoder."""
    return facts.idle_lora and facts.meaning in ("strength_model", "lora_model_strength")


def is_unused_part(facts: InputFacts) -> bool:
    """Return whether a text is empty and has a name that tells it apart from the main text, such as
    `text_b`."""
    return facts.is_blank and not facts.held and facts.meaning not in _MAIN_TEXTS


def is_technical(facts: InputFacts) -> bool:
    """Return whether a setting concerns the machine or the method, not the result's content."""
    meaning = facts.meaning
    return (
        any(word in meaning for word in _TECHNICAL)
        or meaning.endswith(_TECHNICAL_ENDS)
        or meaning in _TECHNICAL_NAMES
        or meaning.startswith("force_")
        or (meaning.startswith("keep_") and "loaded" in meaning)
    )


def is_system(facts: InputFacts) -> bool:
    """Return whether a text is an instruction of the author, such as a system prompt or a
    template."""
    instructs = facts.candidate.input in _PARTS and _INSTRUCTS.match(
        str(facts.candidate.value).lstrip()
    )
    return bool(instructs) or any(
        _SYSTEM.search(words.replace("_", " "))
        for words in (facts.meaning, facts.candidate.input, facts.title)
    )


def is_tooling(facts: InputFacts) -> bool:
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


def sets_size(facts: InputFacts) -> bool:
    """Return whether a number belongs to a node that makes a new image, video or latent. 0 leaves
    the size as it is."""
    is_set = facts.is_number and facts.candidate.value != 0
    return is_set and facts.makes in ("latent", "media") and not _draws_image(facts)


def sizes_image(facts: InputFacts) -> bool:
    """Return whether a number belongs to a node that makes or resizes an image, which other nodes
    may use."""
    is_set = facts.is_number and facts.candidate.value != 0
    return is_set and (facts.resizes or _draws_image(facts))


def _draws_image(facts: InputFacts) -> bool:
    return facts.makes == "media" and "IMAGE" in facts.gives and not facts.service


def is_size(facts: InputFacts, part: str, names: frozenset[str]) -> bool:
    """Return whether an input is a width or a height (`part`), which has one of these `names`."""
    return facts.meaning in names or (facts.service and facts.meaning == f"custom_{part}")


def is_named(facts: InputFacts, name: str) -> bool:
    """Return whether an author gave this name to a number in a node of its own."""
    return facts.held and facts.is_number and facts.title.lower() == name


def enlarges(facts: InputFacts) -> bool:
    """Return whether a factor makes the result larger."""
    value = facts.candidate.value
    shrinks = isinstance(value, int | float) and value <= 1 and not facts.service
    can = facts.is_number or facts.is_choice
    return can and not shrinks and (facts.meaning == "upscale_by" or facts.gives_media)


def sets_length(facts: InputFacts) -> bool:
    """Return whether an input belongs to a node that makes a new video, sound or latent."""
    return (facts.is_number or facts.is_choice) and facts.makes in ("latent", "media")


def repeats(facts: InputFacts) -> bool:
    """Return whether a number is the number of results."""
    named = facts.meaning != "amount" or "batch" in facts.class_type.lower()
    return facts.is_number and facts.makes == "latent" and named


def is_only_count(facts: InputFacts) -> bool:
    """Return whether a number in a node without a latent or an image may be the number of
    results."""
    is_count = facts.meaning == "batch_size" and facts.is_number and not facts.held
    is_count = is_count and not _TRAINS.search(facts.class_type)
    makes_none = facts.gives.isdisjoint(_MEDIA_TYPES | {"LATENT"})
    return is_count and makes_none and facts.takes.isdisjoint(_MEDIA_TYPES | {"MODEL"})


def scales_upload(facts: InputFacts) -> bool:
    """Return whether a number sets the size of the user's image."""
    return facts.is_number and facts.scales_upload


def pads(facts: InputFacts) -> bool:
    """Return whether a number is what a node adds to a side of an image, as for outpainting."""
    is_side = facts.meaning in _SIDES and facts.candidate.siblings.keys() >= _BOTH_SIDES
    adds = facts.service or "IMAGE" in facts.gives & facts.takes
    return is_side and adds and facts.is_number


def is_own_steps(facts: InputFacts) -> bool:
    """Return whether a number is the steps that only this pack's sampler has, such as
    `LanPaint_NumSteps`. Its name starts like the class's."""
    name, prefix = facts.candidate.input, facts.class_type.partition("_")[0]
    is_own = name.startswith(f"{prefix}_") and name.lower().endswith(("numsteps", "num_steps"))
    return is_own and facts.candidate.type == "INT" and "LATENT" in facts.gives & facts.takes


def edits(facts: InputFacts) -> bool:
    """Return whether a number sets how closely an edited image follows the original."""
    is_edit = facts.meaning in _EDIT_STEPS and bool(_EDITS.search(facts.class_type))
    return is_edit and facts.is_number and "denoise" not in facts.candidate.siblings


def chooses_way(facts: InputFacts) -> bool:
    """Return whether the only service describes a short choice of ways to work."""
    spec = facts.candidate.spec
    if spec is None or not facts.alone or not _WAYS.search(facts.meaning):
        return False
    choices = spec.choices or ()
    documented = bool(spec.options.get("tooltip")) and not spec.options.get("advanced")
    is_switch = not (_YES_OR_NO | _OFF).isdisjoint(str(one).lower() for one in choices)
    return documented and 1 < len(choices) <= _MOST_WAYS and not is_switch


def turns(facts: InputFacts) -> bool:
    """Return whether a number sets the view of an object."""
    zooms = facts.meaning == "zoom" and bool(_CAMERA.search(facts.class_type))
    return facts.meaning in _ANGLES or zooms


def cuts(facts: InputFacts) -> bool:
    """Return whether a node cuts a video or a sound to this length."""
    same = facts.gives & facts.takes & {"VIDEO", "AUDIO"}
    return facts.meaning == "duration" and facts.is_number and bool(same)


def controls(facts: InputFacts) -> bool:
    """Return whether a node guides the result by an image."""
    return bool(_CONTROLS.search(facts.class_type))


def makes_words(facts: InputFacts) -> bool:
    """Return whether a node only makes texts, also one of an unknown class ("?")."""
    return facts.gives <= _WORDS_ONLY or facts.gives == {"STRING", "?"}


def adapts(facts: InputFacts) -> bool:
    """Return whether a node gives the result the face or the style of something."""
    return bool(_ADAPTS.search(facts.class_type))


def adapts_face(facts: InputFacts) -> bool:
    """Return whether a node prepares an adapter, whose own weight is the main one."""
    return "adapter" in facts.class_type.lower()


def branches(facts: InputFacts) -> bool:
    """Return whether there is a choice."""
    spec = facts.candidate.spec
    return spec is not None and len(spec.choices or ()) > 1
