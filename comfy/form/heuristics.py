"""Which inputs a person meets when nobody said so: what the rules (rules.py) say about one input.

Whether somebody has said so is for exposure.py, which asks here last. A form that would
still be too long is shortened in condense.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from comfy.base.messages import message
from comfy.base.wording import plain_words
from comfy.form.candidates import Candidate
from comfy.form.facts import collect_facts
from comfy.form.rules import RULES, Rule
from comfy.form.widgets import ChosenWidget
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldGroup

# What a file is, where the input's name does not say it.
_MEDIA_WORDS = {
    ("video", "file"): message("Video"),
    ("audio", "file"): message("Audio"),
    ("image", "file"): message("Image"),
}


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the first rule that fits decided: where a field stands, what it is called, how it is
    set. `title` is as in the rule."""

    group: FieldGroup
    rank: int
    label: str
    title: bool
    rule: Rule
    control: ChosenWidget


def classify(candidate: Candidate, trace: Trace) -> Exposure:
    """Where this input stands and what it is called, as far as the graph tells."""
    facts = collect_facts(candidate, trace)
    rule = next(rule for rule in RULES if rule.fits(facts))
    label = (
        rule.label or _MEDIA_WORDS.get((facts.widget, facts.meaning)) or plain_words(facts.meaning)
    )
    title = rule.title or facts.meaning != candidate.input
    return Exposure(rule.group, rule.rank, label, title, rule, facts.control)


def promote(exposure: Exposure) -> Exposure:
    """The same for an input that the author of a subgraph brought to its outside: settings move
    up."""
    return replace(exposure, group="main") if exposure.rule.worth_showing else exposure
