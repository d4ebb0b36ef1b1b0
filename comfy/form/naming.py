"""What the fields of a form are called: in plain words, no two the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.form.exposure import Exposed
from comfy.form.labels import distinct, telling_part
from comfy.workflow.config import FieldGroup

# Inputs whose names tell nothing apart.
_SAY_NOTHING = frozenset({"value", "text"})

_WORD = re.compile(r"[^\W_]+")


def name_fields(exposed: Sequence[Exposed]) -> list[str]:
    """A label for each, all different. An author's own label wins, then a telling node title, then
    plain words."""
    shared = Counter(
        (one.class_type, one.title)
        for one in {e.candidate.node: e.candidate for e in exposed}.values()
    )
    wanted = []
    for one in exposed:
        title = _telling_title(one.candidate, shared)
        label = one.exposure.label
        if one.said and one.said.label:
            label = one.said.label
        elif title.isdecimal():
            if one.exposure.title:
                label = message("{label} {number}", label=label, number=title)
        elif title and one.exposure.title and not _repeats(label, title):
            label = title
        detail = "" if _repeats(label, title) else title
        wanted.append((label, (detail, _input_words(one.candidate), one.candidate.node_title)))
    return _distinct_by_group(exposed, wanted)


def _input_words(candidate: Candidate) -> str:
    return "" if candidate.input in _SAY_NOTHING else plain_words(candidate.input)


def _distinct_by_group(
    exposed: Sequence[Exposed], wanted: Sequence[tuple[str, tuple[str, ...]]]
) -> list[str]:
    """The fields come group by group: what stands further up keeps the plainer name."""
    names: list[str] = []
    for group in get_args(FieldGroup):
        own = [
            label for one, label in zip(exposed, wanted, strict=True) if one.exposure.group == group
        ]
        settled: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in names]
        names = distinct([*settled, *own])
    return names


def _telling_title(candidate: Candidate, shared: Counter[tuple[str, str]]) -> str:
    if shared[(candidate.class_type, candidate.title)] > 1:
        return ""
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    return telling_part(candidate.title, candidate.class_type, display)


def _repeats(label: str, title: str) -> bool:
    """True if a title says no more than the label does: "Positive", "positive_prompt", "Prompt"."""
    return set(_WORD.findall(title.lower())) <= {"positive", *_WORD.findall(label.lower())}
