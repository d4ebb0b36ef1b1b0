"""What the graph says about one literal input: the facts that the rules of heuristics.py look at, no judgement."""

from __future__ import annotations

import re
from dataclasses import dataclass

from comfy.candidates import Candidate
from comfy.form_fields import Widget
from comfy.form_widgets import choose_widget
from comfy.labels import says_something
from comfy.object_info import WIDGET_TYPES, NodeSpec
from comfy.trace import Pole, Trace, pole_of

# Longer than any text a person would type without a single space: a picture or a model in base64, viewer state.
BLOB = 2_000

EDITOR_ONLY = re.compile(
    r"^(upload|upload_\w+|choose .* to upload|control_after_generate|control_before_generate|preview\w*|\$\$.*|"
    r"videopreview|audioui|audio_ui|progress_text|compare_view|image_output_preview|speak_and_recognation|UNKNOWN\w*)$",
    re.IGNORECASE,
)
TEXT_INPUT = re.compile(
    r"(^|_|\.)(text|prompt|string|caption|tags|lyrics|instruction|positive|negative|wildcard_text|clip_[lg]|t5xxl|"
    r"text_[lgb]|value)(_?\d+)?$",
    re.IGNORECASE,
)
MOVING = re.compile(r"video|audio|frames|motion", re.IGNORECASE)
MEDIA_TYPES = frozenset({"IMAGE", "VIDEO", "AUDIO", "LATENT"})
MADE_TYPES = MEDIA_TYPES | {"SVG", "MESH", "MODEL_TASK_ID"}
# Models that make sampling fast: their LoRA belongs to the recipe, not to the picture.
RECIPE_LORA = re.compile(
    r"lightning|lightx2v|turbo|distill|lcm|hyper|causvid|accelerat|\d+[-_ ]?steps?|fast", re.IGNORECASE
)
PLAIN_TYPES = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"})


@dataclass(frozen=True)
class Seen:
    """A candidate with what the graph says about it.

    `meaning` is the name of the input that the value is really for, `class_type` the class of the node which has it.
    `makes` says what that node gives: "latent", "media" (an API or audio node that makes it from nothing but settings
    and perhaps pictures), "text", or ""; `gives` are its output types. `held` is a value in a node of its own, `title`
    what its author called it.
    """

    candidate: Candidate
    widget: Widget
    meaning: str
    class_type: str
    title: str
    alive: bool
    useful: bool
    zeroed: bool
    telling: bool
    incomplete: bool
    pole: Pole | None
    makes: str
    gives: frozenset[str]
    moving: bool
    repaints: bool
    idle_seed: bool
    held: bool
    service: bool

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

    @property
    def is_number(self) -> bool:
        """True for whole and decimal numbers."""
        return self.candidate.type in ("INT", "FLOAT")

    @property
    def is_choice(self) -> bool:
        """True for a value picked from a list, also through a node that offers a list of its own."""
        return self.widget == "dropdown" or (self.candidate.type == "STRING" and not self.candidate.multiline)

    @property
    def model_file(self) -> str:
        """The LoRA or model that this node loads, "" if none."""
        loaded = self.candidate.siblings.get("lora_name")
        return loaded if isinstance(loaded, str) else ""

    @property
    def is_recipe(self) -> bool:
        """True if the LoRA only makes sampling faster."""
        return bool(RECIPE_LORA.search(self.model_file))


def look_at(candidate: Candidate, trace: Trace) -> Seen:
    """Gather what the rules look at."""
    node_id = candidate.node
    target, meaning = trace.meaning(node_id, candidate.input)
    target_spec, target_inputs = trace.spec(target), trace.prompt[target]["inputs"]
    return Seen(
        candidate=candidate,
        widget=choose_widget(candidate, trace),
        meaning=meaning.rpartition(".")[2],
        class_type=trace.prompt[target]["class_type"],
        title=_own_words(candidate),
        alive=node_id in trace.alive,
        useful=node_id in trace.useful,
        zeroed=node_id in trace.zeroed,
        telling=node_id in trace.telling,
        incomplete=trace.incomplete,
        pole=pole_of(meaning) or trace.poles.get(node_id),
        makes=_makes(target_spec),
        gives=frozenset(target_spec.output_types if target_spec else ("?",)),
        moving=bool(MOVING.search(trace.prompt[target]["class_type"])),
        repaints=meaning == "denoise" and _below_one(candidate.value) and _starts_from_picture(target, trace),
        idle_seed=meaning == "noise_seed" and target_inputs.get("add_noise") == "disable",
        held=trace.holds_value(node_id, candidate.input),
        service=target_spec is not None and bool(target_spec.raw.get("api_node")),
    )


def is_editor_state(candidate: Candidate) -> bool:
    """True for what only the editor or a viewer needs: buttons, previews, pictures in base64, sockets left open."""
    value, spec = candidate.value, candidate.spec
    if EDITOR_ONLY.match(candidate.input) or isinstance(value, dict | list):
        return True
    if isinstance(value, str) and len(value) > BLOB and not any(c.isspace() for c in value[:BLOB]):
        return True
    if spec is None:
        return value is None
    own_widget = spec.options.get("widgetType", spec.value_type) not in WIDGET_TYPES
    return own_widget or not spec.is_widget or bool(spec.options.get("hidden"))


def _own_words(candidate: Candidate) -> str:
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    return candidate.title if says_something(candidate.title, candidate.class_type, display, False) else ""


def _makes(spec: NodeSpec | None) -> str:
    """What a node makes. One that takes and gives a latent, a picture … changes it; one that only gives makes it."""
    if spec is None:
        return ""
    if "LATENT" in spec.output_types:
        return "latent"
    if spec.raw.get("api_node") and not MADE_TYPES.isdisjoint(spec.output_types):
        return "media"
    taken = {part for one in spec.inputs for part in one.type.split(",")}
    if any(kind in MEDIA_TYPES and kind not in taken for kind in spec.output_types):
        return "media"
    return "text" if spec.output_types and set(spec.output_types) <= PLAIN_TYPES else ""


def _starts_from_picture(target: str, trace: Trace) -> bool:
    """A sampler whose latent comes from a loaded picture, or a schedule for such a sampler."""
    if trace.takes_picture(target):
        return True
    return any(trace.takes_picture(user) for user, _ in trace.uses.get((target, 0), ()))


def _below_one(value: object) -> bool:
    return isinstance(value, int | float) and value < 1
