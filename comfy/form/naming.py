"""Give each field of a form a distinct name in plain words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.form.labels import distinct, telling_part
from comfy.workflow.config import FieldGroup

# Inputs whose names don't distinguish fields.
_SAY_NOTHING = frozenset({"value", "text"})

_WORD = re.compile(r"[^\W_]+")


def name_fields(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with distinct labels. An author's own label wins, then a meaningful
    node title, then plain words."""
    shared = Counter(
        (candidate.class_type, candidate.title)
        for candidate in {candidate.node: candidate for candidate in candidates}.values()
    )
    wanted = []
    for candidate in candidates:
        title = _telling_title(candidate, shared)
        label = candidate.label
        if candidate.said.label:
            label = candidate.said.label
        elif title.isdecimal():
            if candidate.takes_title:
                label = message("{label} {number}", label=label, number=title)
        elif title and candidate.takes_title and not _repeats(label, title):
            label = title
        detail = "" if _repeats(label, title) else title
        wanted.append((label, (detail, _input_words(candidate), candidate.node_title)))
    labels = _distinct_by_group(candidates, wanted)
    return tuple(
        replace(candidate, label=label) for candidate, label in zip(candidates, labels, strict=True)
    )


def _input_words(candidate: Candidate) -> str:
    return "" if candidate.input in _SAY_NOTHING else plain_words(candidate.input)


def _distinct_by_group(
    candidates: Sequence[Candidate], wanted: Sequence[tuple[str, tuple[str, ...]]]
) -> list[str]:
    """Return distinct labels, group by group. Fields further up keep the simpler name."""
    names: list[str] = []
    for group in get_args(FieldGroup):
        own = [label for one, label in zip(candidates, wanted, strict=True) if one.group == group]
        settled: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in names]
        names = distinct([*settled, *own])
    return names


def _telling_title(candidate: Candidate, shared: Counter[tuple[str, str]]) -> str:
    if shared[(candidate.class_type, candidate.title)] > 1:
        return ""
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    return telling_part(candidate.title, candidate.class_type, display)


def _repeats(label: str, title: str) -> bool:
    """Return whether a title adds nothing to the label: "Positive" and "positive_prompt" add
    nothing to "Prompt" here."""
    return set(_WORD.findall(title.lower())) <= {"positive", *_WORD.findall(label.lower())}
