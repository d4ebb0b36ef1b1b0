"""Give each field of a form a distinct name in plain words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import Wanted, choice_labels, distinct, telling_part
from comfy.prompt.model import InputRef
from comfy.workflow.config import FieldGroup

# Inputs whose names don't distinguish fields.
_SAY_NOTHING = frozenset({"value", "text", "strength", "weight"})

# Names of texts, which would be wrong for a file.
_TEXT_WORDS = "prompt text positive negative"

# Short titles of positive and negative prompts.
_POLES = frozenset(
    {"pos", "neg", "+", "-", "p", "n", "+ve", "-ve", "pos prompt", "neg prompt"}
    | {"clip pos", "clip neg"}
)

# Titles that name a part of a prompt, which its only text isn't.
_PARTS = frozenset({"style", "styles"})

# The title that the editor gives a new group.
_NEW_GROUP = "Group"
_LONGEST_GROUP = 40

# Inputs that take any file.
_ANY_FILE = re.compile(
    r"(images?|inputs?|source|videos?|audio|pixels|masks?|samples|on_(true|false)|value|any|file"
    r"|reference)?_?([a-h]|\d+)?",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<=[a-z])(?=\d)")

_WORD = re.compile(r"[^\W_]+")


def name_fields(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with distinct labels. An author's own label wins, then a meaningful
    node title, then plain words."""
    shared = Counter(
        (candidate.class_type, candidate.title)
        for candidate in {candidate.node: candidate for candidate in candidates}.values()
    )
    files = Counter(one.label for one in candidates if _is_file(one))
    prompts = [one.ref for one in candidates if one.group == "main" and one.rule.merge == "pole"]
    wanted = []
    by_ref: dict[InputRef, str] = {}
    for candidate in candidates:
        title = _telling_title(candidate, shared)
        if prompts == [candidate.ref] and title.lower() in _PARTS:
            title = ""
        label = candidate.label
        if candidate.said.label:
            label = candidate.said.label
        elif title.isdecimal():
            if candidate.takes_title:
                label = message("{label} {number}", label=label, number=title)
        elif title and candidate.takes_title and not _repeats(label, title):
            label = title
        if _is_image_of_text(candidate, label):
            label = candidate.label
        if label == candidate.label and files[label] > 1:
            label = _role(candidate) or label
        by_ref[candidate.ref] = label
        detail = "" if _repeats(label, title) else title
        wanted.append((label, detail))
    named = [
        _wanted(candidate, label, detail, by_ref, shared)
        for candidate, (label, detail) in zip(candidates, wanted, strict=True)
    ]
    labels = _distinct_by_group(candidates, named)
    return tuple(
        replace(candidate, label=label) for candidate, label in zip(candidates, labels, strict=True)
    )


def _wanted(
    candidate: Candidate,
    label: str,
    title: str,
    labels: Mapping[InputRef, str],
    shared: Counter[tuple[str, str]],
) -> Wanted:
    """Return a label with words that tell its field from others of the same name: the node's title,
    its input, the switch that turns it on, its LoRA, the sampler's place in a sequence, the
    editor's group, its node, its only result, the node that uses it. The result is better than the
    name of a class that has several nodes."""
    switch = labels.get(candidate.turned_on_by, "") if candidate.turned_on_by else ""
    number = message("pass {number}", number=candidate.sampler) if candidate.sampler else ""
    is_shared = shared[(candidate.class_type, candidate.title)] > 1
    first = candidate.result if is_shared and not telling_title(candidate) else ""
    is_named = candidate.drawn_in != _NEW_GROUP and len(candidate.drawn_in) <= _LONGEST_GROUP
    return Wanted(
        label,
        (title, _input_words(candidate), switch, _lora(candidate), number),
        candidate.drawn_in if is_named else "",
        (first, candidate.node_title, candidate.result),
        candidate.target,
    )


def _lora(candidate: Candidate) -> str:
    """Return the name of the LoRA whose strength a field sets."""
    name = candidate.siblings.get("lora_name")
    is_strength = isinstance(name, str) and candidate.type == "FLOAT"
    return choice_labels([name])[0][0] if is_strength else ""


def _is_image_of_text(candidate: Candidate, label: str) -> bool:
    """Return whether a file's label is only a word for texts, such as "Prompt"."""
    return _is_file(candidate) and label != candidate.label and _repeats(_TEXT_WORDS, label)


def _is_file(candidate: Candidate) -> bool:
    return KINDS[candidate.widget].file is not None


def _role(candidate: Candidate) -> str:
    """Return the name of the input that takes a file, such as "First frame"; "" if it says
    nothing."""
    name = candidate.used_as.input.rpartition(".")[2] if candidate.used_as else ""
    return "" if _ANY_FILE.fullmatch(name) else plain_words(_DIGITS.sub("_", name))


def _input_words(candidate: Candidate) -> str:
    return "" if candidate.input in _SAY_NOTHING else plain_words(candidate.input)


def _distinct_by_group(candidates: Sequence[Candidate], wanted: Sequence[Wanted]) -> list[str]:
    """Return distinct labels, group by group. Fields further up keep the simpler name."""
    names: list[str] = []
    for group in get_args(FieldGroup):
        own = [label for one, label in zip(candidates, wanted, strict=True) if one.group == group]
        names = distinct([*map(Wanted, names), *own])
    return names


def _telling_title(candidate: Candidate, shared: Counter[tuple[str, str]]) -> str:
    if shared[(candidate.class_type, candidate.title)] > 1:
        return ""
    return telling_title(candidate)


def telling_title(candidate: Candidate) -> str:
    """Return the part of a node's title that its author chose, "" if it is missing or only says
    which prompt it is."""
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    title = telling_part(candidate.title, candidate.class_type, display)
    return "" if _abbreviates_pole(candidate, title) else title


def _abbreviates_pole(candidate: Candidate, title: str) -> bool:
    """Return whether a title is only a short form of "Prompt" or "Negative prompt"."""
    is_prompt = candidate.rule.merge in ("pole", "negative")
    return is_prompt and title.lower().strip("() :") in _POLES


def _repeats(label: str, title: str) -> bool:
    """Return whether a title adds nothing to the label: "Positive" and "positive_prompt" add
    nothing to "Prompt" here."""
    return set(_WORD.findall(title.lower())) <= {"positive", *_WORD.findall(label.lower())}
