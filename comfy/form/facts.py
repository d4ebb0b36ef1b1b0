"""Facts from the graph about one literal input, as input for the rules. This module makes no
decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.base.json_values import as_number
from comfy.base.messages import message
from comfy.base.wording import class_words, plain_words
from comfy.comfyui.input_spec import WIDGET_TYPES, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.form.candidates import Candidate, Limits
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import says_something
from comfy.form.model import FieldKind
from comfy.prompt.model import InputRef, Link, Node, own_title
from comfy.prompt.texts import Pole, Texts, pole_of
from comfy.prompt.trace import Samplers, Trace, find_outputs

# Limits of seeds without declared ones: many custom nodes seed numpy, which takes 32 bits.
_SEED_LIMITS = (0, 2**32 - 1)
_EXACT_SEED_LIMITS = (0, 2**64 - 1)
_SEED_NAME = re.compile(r"(^|_|\.)seed$", re.IGNORECASE)
# Longer than any text that a user would type without a space: a base64 image or model, or viewer
# state.
_BLOB = 2_000
_JSON = ("{", "[")  # a custom widget's own notation
_EDITOR_ONLY = re.compile(
    r"^(upload|upload_\w+|choose .* to"
    r" upload|control_after_generate|control_before_generate|preview\w*|\$\$.*|"
    r"videopreview|audioui|audio_ui|progress_text|compare_view|image_output_preview|speak_and_recognation|UNKNOWN\w*)$",
    re.IGNORECASE,
)
_TEXT_INPUT = re.compile(
    r"(?:^|[_.])(text|prompt|string|caption|tags|lyrics|instruction|positive|negative|wildcard_text|clip_[lg]|t5xxl|"
    r"text_[lgb]|value)(_?\d+)?$",
    re.IGNORECASE,
)
_MOVING = re.compile(r"video|audio|frames|motion|3d", re.IGNORECASE)
# Output nodes that make one animation of several images.
_ANIMATED = re.compile(r"animat|video|webm|gif", re.IGNORECASE)
_MEDIA_TYPES = frozenset({"IMAGE", "VIDEO", "AUDIO", "LATENT"})
_MADE_TYPES = _MEDIA_TYPES | {"SVG", "MESH", "MODEL_TASK_ID"}
# Models that speed up sampling. Their LoRA is a technical setting and doesn't affect the image's
# content.
_RECIPE_LORA = re.compile(
    r"lightning|lightx2v|turbo|distill|lcm|hyper|causvid|accelerat|\d[-_ ]?steps?|fast",
    re.IGNORECASE,
)
# With more services, their order doesn't help users.
_MOST_SERVICES = 30
# Ending of the types that video packs use for an empty video with a size and a length.
_EMBEDS = "EMBEDS"
_SIZE = ("width", "height")
_LORA_NAMES = ("lora_name", "lora")
_REPAINTS = frozenset({"denoise", "denoise_strength"})
# Input of nodes that enlarge an image and repaint it.
_UPSCALE = "upscale_by"
# Types that samplers and their noise nodes give.
_DRAWN = frozenset({"LATENT", "NOISE"})
_IMAGES = frozenset({"IMAGE", "COMFY_MATCHTYPE_V3"})
_RESIZER = re.compile(r"resize|scale", re.IGNORECASE)
# Types that nodes between a file and its user give.
_CARRIES_FILES = _IMAGES | {"MASK", "VIDEO", "AUDIO", "CLIP_VISION_OUTPUT", "*"}
_ALPHA = re.compile(r"(^|_)alpha$", re.IGNORECASE)
# Names of inputs that take any file or value.
_ANY_INPUT = re.compile(
    r"(input|init|src|source|original|in)?_?(images?|videos?|audio|masks?|pixels|samples|frames?|img)?"
    r"(_?(any|file|input|value|path|list|upload|opt|embeds|latent|track))?(_?[a-d])?|alpha|background"
    r"|clip_vision(_output)?|destination|fallback_image|(true|false|on_true|on_false|else|if)"
    r"|texts?|strings?|f_string|switch|select|choice|option|index|anything|output|number|int|float"
    r"|bool(ean)?|delimiter|data|obj|item|model|content|resize_type|expression|values|lists?|base|[xy]",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"_?(?<!\d)\d++$")
_AROUND = re.compile(rf"^opt(?:ional)?_|{_NUMBER.pattern}")  # of a name
_PLURAL = re.compile(r"(image|video|audio|frame|subject|character|object)s$")
TO_EDIT = message("Image to edit")
_POSES = re.compile(r"pose", re.IGNORECASE)
# Roles of sounds by the classes that take them, and a word of a class of the graph.
_SOUND_ROLES = (
    (re.compile(r"audio_?encoder|talk|lip_?sync|avatar", re.IGNORECASE), "", message("Voice")),
    (re.compile(r"voice_?chang|voice_?conv|rvc", re.IGNORECASE), "", message("Voice to change")),
    (re.compile(r"VAEEncodeAudio"), "AceStep", message("Song")),
)
# Roles of files by the class that takes them, if its input's name says nothing.
_FILE_ROLES = (
    (re.compile(r"control_?net|lllite", re.IGNORECASE), plain_words("control_image")),
    (
        re.compile(r"ip_?adapter|style_?model|redux|unclip|photo_?maker|reference", re.I),
        plain_words("reference_image"),
    ),
    (re.compile(r"instant_?id|pulid|reactor|face_?swap", re.IGNORECASE), message("Face")),
    (re.compile(r"^TextEncode\w*Edit"), TO_EDIT),
)
_ROLE_WORDS = re.compile(
    r"first|last|start|end|ref|control|pose|mask|style|face|person|human|garment|cloth|product|bg_"
    r"|background_|foreground|subject|character|depth|canny|guid|driv|target|front|back|left|right"
    r"|template|logo|texture|scene|head|hair|identity|voice|speaker|narrator|keyframe|element|3d"
    r"|motion|camera",
    re.IGNORECASE,
)
# Nodes that put images side by side or on top of each other.
_JOINS = re.compile(r"stitch|concat|composite|blend|join", re.IGNORECASE)
_INPAINTS = re.compile(r"inpaint", re.IGNORECASE)
# Types of nodes that take an image's size or pixels.
_SIZED_BY = frozenset({"INT", "LATENT"})
_SIZES = frozenset({"INT", "FLOAT", "BOOLEAN"})
# Types that nodes between a file or a text and its user give.
_CARRIES_IMAGES = frozenset({"IMAGE", "MASK", "COMFY_MATCHTYPE_V3"})
_CARRIES_TEXTS = frozenset({"CONDITIONING", "STRING", "COMFY_MATCHTYPE_V3"})
# Types whose nodes' names say nothing about an image, such as "VAE Encode" and "Get Image Size".
# A text's sampler may, such as one that inverts.
_SILENT = frozenset({"LATENT", "INT"})
PLAIN_TYPES = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING", "COMBO"})
_CARRIES_VALUES = PLAIN_TYPES | {"COMFY_MATCHTYPE_V3", "*"}


class Roles:
    """A traced prompt with the roles of its texts and samplers. Build one per form."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.texts = Texts(trace)
        self.samplers = Samplers(trace)
        self.services = frozenset(node for node in trace.useful if _is_generator(trace.spec(node)))
        few = self.services if len(self.services) <= _MOST_SERVICES else ()
        behind = {node: self.services.intersection(trace.walk([node], None)) for node in few}
        chained = {node for nodes in behind.values() if len(nodes) > 1 for node in nodes}
        self.orders = {node: len(behind[node]) for node in chained}
        self.guides = {node: words for one, words in _FILE_ROLES for node in self._guides(one)}
        control = self._guides(_FILE_ROLES[0][0])
        self.guides |= dict.fromkeys(control & self._guides(_POSES), message("Pose"))
        outputs = [*find_outputs(trace.prompt, trace.catalog)]
        self.makes_frames = not outputs or any(
            output.kind != "image" or _ANIMATED.search(trace.prompt[output.node]["class_type"])
            for output in outputs
        )
        self.repaints = all(output.kind != "3d" for output in outputs)

    def _guides(self, role: re.Pattern[str]) -> frozenset[str]:
        """Return the nodes that results get something from only by a file for a class with this
        name, besides a size. A sampler that repaints everything takes only a latent's size."""
        trace = self.trace
        results = [node_id for node_id, distance in trace.distance.items() if distance == 0]

        def guides(node_id: str, name: str) -> bool:
            class_type = trace.prompt[node_id]["class_type"]
            is_guide = role.search(class_type) and not _INPAINTS.search(class_type)
            return bool(is_guide) and trace.type_of(node_id, name) in _CARRIES_FILES

        def passes(node_id: str, name: str) -> bool:
            kind = trace.type_of(node_id, name)
            is_redrawn = kind == "LATENT" and trace.literal(node_id, "denoise") == 1
            return not (kind in _SIZES or is_redrawn or guides(node_id, name))

        images = [
            link.node
            for node_id in trace.alive
            for name, link in trace.sources[node_id].items()
            if guides(node_id, name)
        ]
        return frozenset(trace.walk(images, None)).difference(trace.walk(results, None, passes))


@dataclass(frozen=True, slots=True)
class InputFacts:
    """A candidate with the graph's facts about it.

    `meaning` is the name of the input that finally gets the value, `class_type` the class of its
    node. `makes` is that node's output: "latent", "media", "text", or "". An API or audio node
    makes "media" if it creates it only from settings and perhaps images. `gives` are the node's
    output types, `takes` the types of its inputs. `held` is True for a value in a node of its own,
    and `title` is its author's name for it. `chosen` is False in a branch that a switch or a node's
    own bypass leaves out, and `distance` is the number of links to the result. `resizes` is True
    for the size of an image that a node changes, `draws` for settings of a sampler, its noise or a
    service, and `is_mask` for an image that becomes a mask. `refines` is True after a sampler,
    `scales_upload` for a node that resizes the user's file, `stacked` for a LoRA after or before
    another one, and `alone` for the only service that makes media. `order` is the place of a
    service among those before it, 0 if it isn't in a chain, and `sampler` the number of the sampler
    that gets the value (`Samplers.passes`)."""

    candidate: Candidate
    kind: FieldKind
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
    takes: frozenset[str]
    moving: bool
    repaints: bool
    idle_seed: bool
    idle_lora: bool
    held: bool
    service: bool
    chosen: bool
    distance: int
    resizes: bool
    draws: bool
    is_mask: bool
    refines: bool
    scales_upload: bool
    stacked: bool
    alone: bool
    order: int
    sampler: int

    @property
    def widget(self) -> str:
        return self.kind.name

    @property
    def known(self) -> bool:
        """Return whether the server has this node class."""
        return self.candidate.node_spec is not None

    @property
    def is_text(self) -> bool:
        """Return True for texts that users write: long ones, or short ones in an input with a
        typical name."""
        is_text = self.candidate.type == "STRING" and self.kind.file is None
        return is_text and (
            self.candidate.multiline
            or bool(_TEXT_INPUT.search(self.meaning))
            or bool(_TEXT_INPUT.search(self.candidate.input))
        )

    @property
    def is_blank(self) -> bool:
        """Return True for an empty text."""
        return not str(self.candidate.value).strip()

    @property
    def is_number(self) -> bool:
        """Return True for integers and decimal numbers."""
        return self.candidate.type in ("INT", "FLOAT")

    @property
    def is_choice(self) -> bool:
        """Return True for a value chosen from a list, including a list that a node builds
        itself."""
        return self.kind.offers_choices or (
            self.candidate.type == "STRING" and not self.candidate.multiline
        )

    @property
    def gives_media(self) -> bool:
        """Return whether images, videos, sounds or latents of the node are used as such, not only
        as masks."""
        return not _MEDIA_TYPES.isdisjoint(self.gives) and not self.is_mask

    @property
    def model_file(self) -> str:
        """Return the LoRA that this node loads, "" if it doesn't load any."""
        return _lora_file(self.candidate.siblings)

    @property
    def is_style(self) -> bool:
        """Return whether the LoRA affects the look of the result. One that a link names may."""
        named = _is_lora(self.candidate.siblings)
        return not self.is_recipe and bool(self.model_file or not named)

    @property
    def is_recipe(self) -> bool:
        """Return whether the LoRA only makes sampling faster."""
        return bool(_RECIPE_LORA.search(self.model_file))


def collect_facts(candidate: Candidate, roles: Roles) -> InputFacts:
    """Collect the facts that the rules use."""
    trace = roles.trace
    node_id = candidate.node
    target, meaning = meant = trace.meaning(*candidate.ref)
    outputs = trace.used_outputs(node_id)
    used = frozenset(one for one in outputs if not _is_alpha(Link(node_id, one), trace))
    candidate = with_limits(candidate, meaning, trace.spec_of(*meant), used)
    if meant == candidate.ref:
        target, meaning = trace.parameter(*meant) or meant
    target_node, target_spec = trace.prompt[target], trace.spec(target)
    if meaning == "strength" and _is_lora(target_node["inputs"]):
        meaning = "strength_model"
    own_pole = pole_of(meaning)
    service = target_spec is not None and bool(target_spec.raw.get("api_node"))
    gives, takes = trace.given_types(target), trace.taken_types(target)
    return InputFacts(
        candidate=candidate,
        kind=best_kind(candidate),
        meaning=meaning.rpartition(".")[2],
        class_type=target_node["class_type"],
        title=_own_words(candidate),
        alive=node_id in trace.alive,
        useful=node_id in trace.useful,
        zeroed=node_id in roles.texts.zeroed,
        telling=node_id in roles.texts.telling
        and not (own_pole is Pole.NEGATIVE and roles.samplers.ignore_negatives(target)),
        incomplete=trace.incomplete,
        pole=own_pole or roles.texts.poles.get(node_id),
        makes=_makes(target_spec, gives, takes, target, trace),
        gives=gives,
        takes=takes,
        moving=bool(_MOVING.search(target_node["class_type"])),
        repaints=meaning in _REPAINTS
        and _below_one(candidate.value)
        and (
            _starts_from_image(target, trace)
            or "IMAGE" in gives & takes
            or _UPSCALE in target_node["inputs"]
        ),
        idle_seed=meaning == "noise_seed" and target_node["inputs"].get("add_noise") == "disable",
        idle_lora=_is_lora(target_node["inputs"]) and not _is_model_used(target, trace),
        held=trace.holds_value(node_id, candidate.input),
        service=service,
        chosen=node_id in trace.chosen,
        distance=trace.distance.get(node_id, 0),
        is_mask=trace.users_give(target) == {"MASK"},
        refines=meaning in _REPAINTS and "IMAGE" in gives & takes and target in trace.sampled,
        scales_upload=bool(_RESIZER.search(target_node["class_type"]))
        and "IMAGE" in gives & takes
        and target in trace.loaded
        and target not in trace.sampled,
        stacked=_is_lora(target_node["inputs"])
        and any(_is_style_lora(trace.prompt[one]["inputs"]) for one in trace.neighbors(target)),
        alone=roles.services == {target},
        sampler=roles.samplers.passes.get(node_id) or roles.samplers.passes.get(target, 0),
        order=roles.orders.get(target, 0),
        draws=service or not gives.isdisjoint(_DRAWN),
        resizes=not gives.isdisjoint(takes & _IMAGES) and _resizes(target, trace),
    )


def _is_alpha(output: Link, trace: Trace) -> bool:
    """Return whether an output is a mask that stands for an image's transparency: nodes only write
    it back, or invert it for a branch that a switch leaves out."""
    return trace.given_type(*output) == "MASK" and all(
        _ALPHA.search(use.input)
        or (trace.prompt[use.node]["class_type"] == "InvertMask" and use.node not in trace.chosen)
        for use in trace.uses[output]
    )


@dataclass(frozen=True, slots=True)
class Aim:
    """The input that a file or a value is finally for, None if there are several, and its name as
    words, "" if it says nothing."""

    ref: InputRef | None = None
    words: str = ""


def aim_of(facts: InputFacts, roles: Roles) -> Aim:
    """Return the aim of a file, such as `first_frame` of a video node, or of a value: the nearest
    input whose name says something, behind nodes that only change or join files or values."""
    trace, start = roles.trace, facts.candidate.node
    is_file = facts.kind.file is not None
    if not is_file and not trace.given_types(start) <= PLAIN_TYPES:
        return Aim()
    given = {trace.given_type(start, slot) for slot in trace.used_outputs(start)}
    if is_file and given == {"MASK"}:
        uses = next(trace.arrivals(start, _CARRIES_FILES))
        names = {_words_of(use, is_file=True) for use in uses if "mask" in use.input}
        return Aim(None, (names.pop() if len(names) == 1 else "") or plain_words("mask"))
    nearest: list[InputRef] = []
    for uses in trace.arrivals(start, _CARRIES_FILES if is_file else _CARRIES_VALUES):
        if is_file and not (nearest and _NUMBER.search(nearest[0].input)):
            nearest = [use for use in uses if _is_listed(use, trace)] or nearest or uses
        named = {words: use for use in uses if (words := _words_of(use, is_file=is_file))}
        if named:
            words, use = named.popitem()
            return Aim() if named else Aim(use, words)
    words = roles.guides.get(start, "") if is_file else ""
    if facts.widget == "audio":
        words = _sound_role(start, trace)
    return Aim(nearest[0] if len({use.input for use in nearest}) == 1 else None, words)


def _sound_role(start: str, trace: Trace) -> str:
    """Return what a sound is for by the classes that take it, "" if they don't tell."""
    users = [*trace.users(start), *trace.consumers(start, frozenset({"AUDIO"}))]
    taken = " ".join(trace.prompt[one]["class_type"] for one in users)
    classes = " ".join(node["class_type"] for node in trace.prompt.values())
    roles = (words for by, word, words in _SOUND_ROLES if by.search(taken) and word in classes)
    return next(roles, "")


def _is_listed(use: InputRef, trace: Trace) -> bool:
    """Return whether an input is one of a numbered list, such as `image_2`."""
    joins = _JOINS.search(trace.prompt[use.node]["class_type"])
    return not joins and bool(_NUMBER.search(use.input))


def _words_of(use: InputRef, *, is_file: bool) -> str:
    """Return the name of an input as words, "" if it could be any file's or value's."""
    path = [_AROUND.sub("", name) for name in use.input.split(".")]
    name = next((one for one in reversed(path) if not _ANY_INPUT.fullmatch(one)), "")
    if not is_file:
        return plain_words(name) if name and name == path[-1] else ""
    return plain_words(_PLURAL.sub(r"\1", name)) if _ROLE_WORDS.search(name) else ""


def target_name(facts: InputFacts, trace: Trace) -> str:
    """Return the name of the node that uses a text or a file, "" for other inputs and for several
    names."""
    if not facts.kind.file and not facts.is_text:
        return ""
    carried = _CARRIES_IMAGES if facts.kind.file else _CARRIES_TEXTS
    users = trace.consumers(facts.candidate.node, carried)
    silent = _SILENT if facts.kind.file else _SILENT - {"LATENT"}
    if any(trace.distance.get(one) == 0 or trace.given_types(one) <= silent for one in users):
        return ""
    names = {_node_name(trace.prompt[one]) for one in users}
    return names.pop() if len(names) == 1 else ""


def _node_name(node: Node) -> str:
    title = own_title(node)
    return title if title not in ("", node["class_type"]) else class_words(node["class_type"])


def with_limits(
    candidate: Candidate, name: str, target: InputSpec | None, used: frozenset[int]
) -> Candidate:
    """Return the candidate with its limits and the `used` outputs of its node. `name` and `target`
    belong to the input that finally gets the value (`Trace.meaning`)."""
    is_seed = _is_seed(candidate, name, target)
    limits = _limits(candidate, target or candidate.spec, is_seed=is_seed)
    return replace(candidate, is_seed=is_seed, limits=limits, used_outputs=used)


def best_kind(candidate: Candidate) -> FieldKind:
    """Return the kind of field that fits a candidate with limits best."""
    return max(KINDS.values(), key=lambda kind: kind.fits(candidate))


def _is_seed(candidate: Candidate, name: str, target: InputSpec | None) -> bool:
    """Return True for an integer named seed, or one that the editor would change after each run.

    The editor can also change a node that holds any number (PrimitiveInt). There the receiving
    input decides, so `name` and `target` belong to that input.
    """
    controlled = bool(target and target.options.get("control_after_generate")) and name != "value"
    return candidate.type == "INT" and (controlled or bool(_SEED_NAME.search(name)))


def _limits(candidate: Candidate, target: InputSpec | None, *, is_seed: bool) -> Limits:
    """Return the limits that the server declares for the input and for its target, without invalid
    ones. The server checks the input's own, the target's node may fail beyond the other."""
    if candidate.type not in ("INT", "FLOAT"):
        return Limits()
    options = [
        spec.options
        for spec in (target, candidate.spec)
        if spec is not None and (spec is candidate.spec or spec.value_type == candidate.type)
    ]
    low = max(_numbers(options, "min"), default=None)
    high = min(_numbers(options, "max"), default=None)
    finest = options[0] if options else {}
    step, grain = as_number(finest.get("step")), as_number(finest.get("round"))
    if candidate.type == "INT":
        step = step or 1
    if step is not None and step <= 0:
        step = None
    if is_seed:
        fits = isinstance(candidate.value, int) and candidate.value <= _SEED_LIMITS[1]
        least, most = _SEED_LIMITS if fits else _EXACT_SEED_LIMITS
        low, high = least if low is None else low, most if high is None else high
    return Limits(low, high, step, grain)


def _numbers(options: Iterable[Mapping[str, Any]], name: str) -> list[int | float]:
    return [number for option in options if (number := as_number(option.get(name))) is not None]


def is_editor_state(candidate: Candidate) -> bool:
    """Return True for inputs that only the editor or a viewer needs: buttons, previews, base64
    images, unconnected sockets."""
    value, spec = candidate.value, candidate.spec
    if spec is not None and spec.is_base64:
        return False
    if _EDITOR_ONLY.match(candidate.input) or isinstance(value, dict | list):
        return True
    if (
        isinstance(value, str)
        and len(value) > _BLOB
        and not any(c.isspace() for c in value[:_BLOB])
    ):
        return True
    if spec is None:
        return value is None
    is_custom = spec.widget_type not in WIDGET_TYPES
    if is_custom and isinstance(value, str) and value.startswith(_JSON):
        return True
    is_entered = candidate.type in WIDGET_TYPES and not spec.is_forced
    return not is_entered or bool(spec.options.get("hidden"))


def _own_words(candidate: Candidate) -> str:
    display = candidate.node_spec.display_name if candidate.node_spec else ""
    return candidate.title if says_something(candidate.title, candidate.class_type, display) else ""


def _makes(
    spec: NodeSpec | None, gives: frozenset[str], takes: frozenset[str], target: str, trace: Trace
) -> str:
    """Return the kind of a node's product. A node that takes and returns a latent or media changes
    it; a node that only returns it makes it. Embeds count as taken only if they are linked."""
    linked = {trace.type_of(target, name) for name in trace.sources[target]}
    if "LATENT" in gives or any(one.endswith(_EMBEDS) for one in gives - linked):
        return "latent"
    if spec and spec.raw.get("api_node") and not _MADE_TYPES.isdisjoint(gives):
        return "media"
    if not _MEDIA_TYPES.isdisjoint(gives - takes):
        return "media"
    return "text" if spec and gives and gives <= PLAIN_TYPES else ""


def _resizes(target: str, trace: Trace) -> bool:
    """Return whether a node changes the size of an image whose size or pixels the result gets."""
    node = trace.prompt[target]
    has_size = all(any(name.endswith(part) for name in node["inputs"]) for part in _SIZE)
    if not has_size or not _RESIZER.search(node["class_type"]):
        return False
    users = {*trace.users(target), *trace.consumers(target, _IMAGES)}
    sized = any(not trace.given_types(user).isdisjoint(_SIZED_BY) for user in users)
    return sized or any(trace.distance.get(user) == 0 for user in users)


def _starts_from_image(target: str, trace: Trace) -> bool:
    """Return whether a node is a sampler whose latent comes from a loaded image, or a schedule for
    one. A second pass only refines what the first one made."""
    nodes = (target, *(use.node for use in trace.uses.get(Link(target, 0), ())))
    return any(trace.takes_image(one) and one not in trace.sampled for one in nodes)


def _is_generator(spec: NodeSpec | None) -> bool:
    """Return whether a node is a service that makes media, not only texts."""
    is_service = spec is not None and bool(spec.raw.get("api_node"))
    return is_service and spec is not None and not _MADE_TYPES.isdisjoint(spec.output_types)


def _is_model_used(target: str, trace: Trace) -> bool:
    """Return whether other nodes take a node's model, or it may give none."""
    types = spec.output_types if (spec := trace.spec(target)) else ()
    used = {trace.given_type(target, slot) for slot in trace.used_outputs(target)}
    return "MODEL" in used or "MODEL" not in types


def _is_lora(inputs: Mapping[str, Any]) -> bool:
    return not inputs.keys().isdisjoint(_LORA_NAMES)


def _is_style_lora(inputs: Mapping[str, Any]) -> bool:
    file = _lora_file(inputs)
    return bool(file) and not _RECIPE_LORA.search(file)


def _lora_file(inputs: Mapping[str, Any]) -> str:
    loaded = next((inputs[name] for name in _LORA_NAMES if name in inputs), "")
    return loaded if isinstance(loaded, str) and loaded.lower() != "none" else ""


def _below_one(value: object) -> bool:
    return isinstance(value, int | float) and value < 1
