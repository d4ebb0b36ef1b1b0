"""Which inputs a person meets when nobody said so: rules from first to last, the first that fits decides.

A rule gives a group and a rank; fields of a group stand in order of rank, then in the order of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from comfy.candidates import Candidate
from comfy.form_fields import MEDIA_WIDGETS, Group, Widget
from comfy.form_widgets import choose_widget
from comfy.labels import plain_name
from comfy.object_info import WIDGET_TYPES
from comfy.trace import Pole, Trace, pole_of

# Longer than any text a person would type without a single space: a picture or a model in base64, viewer state.
BLOB = 2_000

EDITOR_ONLY = re.compile(
    r"^(upload|upload_\w+|choose .* to upload|control_after_generate|control_before_generate|preview\w*|\$\$.*|"
    r"videopreview|audioui|audio_ui|progress_text|compare_view|image_output_preview|speak_and_recognation)$",
    re.IGNORECASE,
)
TEXT_INPUT = re.compile(
    r"(^|_|\.)(text|prompt|string|caption|tags|lyrics|instruction|positive|negative|wildcard_text|clip_[lg]|t5xxl|"
    r"text_[lgb]|value)(_?\d+)?$",
    re.IGNORECASE,
)
LENGTHS = frozenset({"length", "num_frames", "video_frames", "frames", "video_length", "duration", "seconds"})
MOVING = re.compile(r"video|audio|frames|motion", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """A candidate with what the graph says about it: what the rules look at."""

    candidate: Candidate
    widget: Widget
    meaning: str
    alive: bool
    pole: Pole | None
    makes_latent: bool
    moving: bool
    repaints: bool
    idle_seed: bool

    @property
    def known(self) -> bool:
        """True if the server has this node class."""
        return self.candidate.node_spec is not None

    @property
    def is_text(self) -> bool:
        """True for what a person writes: long texts, or short ones in an input that is named like one."""
        return self.candidate.type == "STRING" and (
            self.candidate.multiline
            or bool(TEXT_INPUT.search(self.meaning))
            or bool(TEXT_INPUT.search(self.candidate.input))
        )


@dataclass(frozen=True)
class Exposure:
    """What one rule decided: where a field stands and what it is called.

    `title` is True where the title of the node, if its author chose one, is a better name than the label.
    """

    group: Group
    rank: int
    label: str
    title: bool = False


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
    Rule("state of the editor", lambda s: _is_editor_state(s.candidate), "hidden", 910),
    Rule("reaches no output", lambda s: not s.alive, "hidden", 920),
    Rule("of a missing node", lambda s: not s.known, "advanced", 800),
    Rule("song", lambda s: s.is_text and s.meaning in ("tags", "lyrics"), "main", 10),
    Rule("negative text", lambda s: s.is_text and s.pole is Pole.NEGATIVE, "main", 11, "Negative prompt", True),
    Rule("positive text", lambda s: s.is_text and s.pole is Pole.POSITIVE, "main", 10, "Positive prompt", True),
    Rule("long text", lambda s: s.is_text and s.candidate.multiline, "main", 12, None, True),
    Rule("media", lambda s: s.widget in MEDIA_WIDGETS, "main", 20, None, True),
    Rule("how much is repainted", lambda s: s.repaints, "main", 25, "Strength"),
    Rule("width of the result", lambda s: s.meaning == "width" and s.makes_latent, "main", 30),
    Rule("height of the result", lambda s: s.meaning == "height" and s.makes_latent, "main", 30),
    Rule("enlargement", lambda s: s.meaning == "scale_by", "main", 32),
    Rule("length", lambda s: s.meaning in LENGTHS and s.candidate.type in ("INT", "FLOAT"), "main", 35),
    Rule("count of videos or sounds", lambda s: s.meaning == "batch_size" and s.moving, "advanced", 230, "How many"),
    Rule("count", lambda s: s.meaning in ("batch_size", "amount") and s.makes_latent, "main", 40),
    Rule("steps", lambda s: s.meaning == "steps" and s.candidate.type == "INT", "main", 50),
    Rule("seed without noise", lambda s: s.idle_seed, "advanced", 290),
    Rule("seed", lambda s: s.widget == "seed", "main", 60),
    Rule("model", lambda s: s.widget == "dropdown" and s.meaning.endswith("_name"), "advanced", 200),
    Rule("strength of sampling", lambda s: s.meaning in ("cfg", "guidance", "denoise"), "advanced", 210),
    Rule("way of sampling", lambda s: s.meaning in ("sampler_name", "scheduler"), "advanced", 220),
    Rule("file name", lambda s: s.meaning == "filename_prefix", "advanced", 700),
    Rule("the rest", lambda s: True, "advanced", 300),
)


def judge(candidate: Candidate, trace: Trace) -> Exposure:
    """Where this input stands and what it is called, as far as the graph tells."""
    seen = look_at(candidate, trace)
    rule = next(rule for rule in RULES if rule.fits(seen))
    label = rule.label or plain_name(seen.meaning)
    return Exposure(rule.group, rule.rank, label, rule.title or seen.meaning != candidate.input)


def look_at(candidate: Candidate, trace: Trace) -> Seen:
    """Gather what the rules look at."""
    node_id = candidate.node
    target, meaning = trace.meaning(node_id, candidate.input)
    target_spec = trace.spec(target)
    return Seen(
        candidate=candidate,
        widget=choose_widget(candidate, trace),
        meaning=meaning.rpartition(".")[2],
        alive=node_id in trace.alive,
        pole=pole_of(meaning) or trace.poles.get(node_id),
        makes_latent=target_spec is not None and "LATENT" in target_spec.output_types,
        moving=bool(MOVING.search(trace.prompt[target]["class_type"])),
        repaints=meaning == "denoise" and trace.takes_picture(target) and _below_one(candidate.value),
        idle_seed=meaning == "noise_seed" and trace.prompt[target]["inputs"].get("add_noise") == "disable",
    )


def _below_one(value: object) -> bool:
    return isinstance(value, int | float) and value < 1


def _is_editor_state(candidate: Candidate) -> bool:
    value, spec = candidate.value, candidate.spec
    if EDITOR_ONLY.match(candidate.input) or isinstance(value, dict | list):
        return True
    if isinstance(value, str) and len(value) > BLOB and not any(c.isspace() for c in value[:BLOB]):
        return True
    if spec is None:
        return value is None
    own_widget = spec.options.get("widgetType", spec.value_type) not in WIDGET_TYPES
    return own_widget or not spec.is_widget or bool(spec.options.get("hidden"))
