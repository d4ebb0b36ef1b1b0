"""Help and slider ranges of our own for the most common inputs of ComfyUI's nodes. The first row
that fits decides.

ComfyUI describes its inputs in English and for people who build workflows; some inputs have no
description. A range is for dragging only: a value beyond it can be typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from comfy.base.messages import message
from comfy.comfyui.object_info import NodeSpec

# A value this many times beyond the range has another meaning, such as 10,000 for "the last step".
_FAR = 4
_ROUND = (1, 2, 5)
_MOST_DIGITS = 12
# First parts of the Python modules of ComfyUI's own node classes. Packs are in `custom_nodes`.
_CORE = frozenset({"nodes", "comfy_extras"})
_PAID = "comfy_api_nodes"
_CHOICES = "COMBO COMFY_DYNAMICCOMBO_V3"
TO_CHANGE = message("Describe what to change in the image.")
TO_SEE = message("Describe what you want to see.")
_CONTROL = re.compile(r"^(ControlNetApply|QwenImageDiffsynth|WanVace|AnimaLLLite)")
_LORA = re.compile(r"^LoraLoader")
_SCALERS = re.compile(
    r"^(?:(Image|Latent)(Upscale|Scale|Resize).*|ResizeImage.*|ResizeAndPadImage)"
)
_TEXT_LOADER = re.compile(r"^(?:.*CLIPLoader|LTXAVTextEncoderLoader)")
_VIDEO = re.compile(r"^(?!ImageFromBatch).*(Video|Latent|Inpaint|Control|Camera|Animate|Wan)")
_WRITER = re.compile(r"^(?:TextGenerate|TextEncodeAceStep)")


@dataclass(frozen=True, slots=True)
class SlideRange:
    """Sensible range of a number. Values beyond it are valid up to the field's own limits."""

    low: int | float
    high: int | float
    step: int | float

    def within(self, low: float | None, high: float | None) -> SlideRange | None:
        """Return the part of the range within these limits, None if hardly anything is left."""
        least = self.low if low is None else max(self.low, low)
        most = self.high if high is None else min(self.high, high)
        return replace(self, low=least, high=most) if most - least >= 2 * self.step else None

    def reaches(self, value: object) -> bool:
        """Return whether a slider that also shows this value would still be useful."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return True
        return abs(value) <= _FAR * max(abs(self.low), abs(self.high))

    def covering(self, value: object, low: float | None, high: float | None) -> SlideRange:
        """Return the range, grown to round ends beyond the value, but not beyond the limits."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self
        grown = self
        if value > self.high:
            end = _rounded_up(value)
            grown = replace(grown, high=end if high is None else min(end, high))
        if value < self.low:
            end = -_rounded_up(-value) if value < 0 else 0
            grown = replace(grown, low=end if low is None else max(end, low))
        return grown


def _rounded_up(value: float) -> int | float:
    """Return the first of 1, 2, 5, 10, 20, 50 … that is at least this positive number."""
    return next(one for one in _round_numbers() if one >= value)


def _round_numbers() -> Iterator[int]:
    for digits in range(_MOST_DIGITS * 2):
        yield from (digit * 10**digits for digit in _ROUND)


@dataclass(frozen=True, slots=True)
class CoreInput:
    """Help and range of an input.

    `inputs` are names of inputs and `types` their types, separated by spaces. `classes` is a
    pattern for the start of the name of the node class, None for any class. `of_packs`: the help
    is also true of packs' nodes.
    """

    inputs: str
    types: str
    help: str = ""
    slide: SlideRange | None = None
    classes: re.Pattern[str] | None = None
    of_packs: bool = False

    def fits(self, class_type: str, name: str, type_: str) -> bool:
        """Return whether the row is about this input."""
        is_named = name in self.inputs.split() and type_ in self.types.split()
        return is_named and (self.classes is None or bool(self.classes.match(class_type)))


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Entry of the table for one input. `help` replaces the server's tooltip if `replaces`, and
    otherwise fills in for a missing one."""

    help: str = ""
    slide: SlideRange | None = None
    replaces: bool = False


NO_WORDS = OwnWords()


def is_comfyuis(spec: NodeSpec) -> bool:
    """Return whether a class is ComfyUI's own or one of its paid nodes."""
    return _module(spec) in _CORE | {_PAID}


def _module(spec: NodeSpec) -> str:
    return str(spec.raw.get("python_module", "nodes")).partition(".")[0]


def own_words(rows: Iterable[CoreInput], spec: NodeSpec | None, name: str, type_: str) -> OwnWords:
    """Return the entry for an input of a node class.

    The input of a custom node gets a range only from a row for any class, and help only from one
    that is true of all packs. ComfyUI's paid nodes keep their tooltips, which name the limits of
    the service.
    """
    if spec is None:
        return NO_WORDS
    row = next((one for one in rows if one.fits(spec.class_type, name, type_)), None)
    if row is None:
        return NO_WORDS
    if is_comfyuis(spec):
        return OwnWords(row.help, row.slide, _module(spec) != _PAID)
    return NO_WORDS if row.classes else OwnWords(row.help if row.of_packs else "", row.slide)


CORE_INPUTS: tuple[CoreInput, ...] = (
    # The prompt
    CoreInput(
        "prompt text",
        "STRING",
        TO_CHANGE,
        classes=re.compile(r"^TextEncode\w*Edit"),
    ),
    CoreInput(
        "text prompt clip_l t5xxl",
        "STRING",
        TO_SEE,
        classes=re.compile(r"^CLIPTextEncode"),
    ),
    CoreInput(
        "tags",
        "STRING",
        message("Style, mood and instruments, separated by commas."),
        classes=re.compile(r"^TextEncodeAceStep"),
    ),
    CoreInput(
        "lyrics",
        "STRING",
        message(
            "The words to sing. Mark parts like {verse} and {chorus}.",
            verse="[verse]",
            chorus="[chorus]",
        ),
        classes=re.compile(r"^TextEncodeAceStep"),
    ),
    # Size and number of results
    CoreInput(
        "batch_size",
        "INT",
        message("How many results each run makes."),
        SlideRange(1, 8, 1),
    ),
    CoreInput("width height longer_edge shorter_edge", "INT", message("Pixels.")),
    CoreInput(
        "left top right bottom",
        "INT",
        message("Pixels to add on this side."),
        classes=re.compile(r"^ImagePad"),
    ),
    CoreInput(
        "megapixels",
        "FLOAT",
        message("1 megapixel is about 1024 × 1024."),
        SlideRange(0.1, 4, 0.1),
    ),
    CoreInput(
        "scale_by upscale_by",
        "FLOAT",
        message("2 doubles width and height."),
        SlideRange(0.25, 4, 0.05),
        of_packs=True,
    ),
    CoreInput(
        "aspect_ratio",
        _CHOICES,
        message("Shape of the result."),
        classes=re.compile(r"^ResolutionSelector"),
    ),
    CoreInput(
        "length num_frames video_frames",
        "INT",
        message("More frames make a longer video and take longer."),
        SlideRange(1, 241, 4),
        classes=_VIDEO,
    ),
    CoreInput(
        "seconds",
        "FLOAT",
        message("Length of the sound in seconds."),
        SlideRange(1, 240, 1),
        classes=re.compile(r"^(?:Empty\w*LatentAudio|EmptyAceStep)"),
    ),
    CoreInput(
        "fps frame_rate",
        "FLOAT INT",
        message("More frames per second look smoother and make the video shorter."),
        SlideRange(1, 60, 1),
    ),
    # Sampling
    CoreInput(
        "seed noise_seed", "INT", message("The same seed and settings give the same result.")
    ),
    CoreInput(
        "steps",
        "INT",
        message("More steps take longer. Above 30, little changes."),
        SlideRange(1, 50, 1),
    ),
    CoreInput(
        "cfg cfg_scale",
        "FLOAT",
        message("How closely to follow the prompt. Too high looks overdone."),
        SlideRange(1, 15, 0.1),
    ),
    CoreInput(
        "guidance",
        "FLOAT",
        message("How closely to follow the prompt. Too high looks overdone."),
        SlideRange(1, 10, 0.1),
    ),
    CoreInput(
        "denoise denoise_strength",
        "FLOAT",
        message("How much changes. Lower keeps more of an input image."),
        SlideRange(0, 1, 0.01),
        of_packs=True,
    ),
    CoreInput(
        "horizontal_angle",
        "INT FLOAT",
        message("Degrees around the subject."),
        SlideRange(0, 360, 5),
        of_packs=True,
    ),
    CoreInput(
        "vertical_angle",
        "INT FLOAT",
        message("Degrees above or below the subject."),
        SlideRange(-90, 90, 5),
        of_packs=True,
    ),
    CoreInput(
        "sampler_name",
        _CHOICES,
        message("How the image emerges from noise. Affects speed and style."),
    ),
    CoreInput("scheduler", _CHOICES, message("How the steps are spaced. Rarely needs changing.")),
    CoreInput(
        "shift max_shift base_shift",
        "FLOAT",
        message("Higher favors the overall picture, lower the fine detail."),
        SlideRange(0, 12, 0.1),
    ),
    CoreInput("start_at_step", "INT", message("First step of this pass."), SlideRange(0, 50, 1)),
    CoreInput("end_at_step", "INT", message("Step at which this pass ends."), SlideRange(0, 50, 1)),
    CoreInput("add_noise", "COMBO BOOLEAN", message("Off if an earlier pass leaves noise.")),
    CoreInput(
        "return_with_leftover_noise", _CHOICES, message("On if another pass continues from here.")
    ),
    CoreInput(
        "start_percent",
        "FLOAT",
        message("When the effect begins: 0 is the first step, 1 the last."),
        SlideRange(0, 1, 0.01),
    ),
    CoreInput(
        "end_percent",
        "FLOAT",
        message("When the effect ends: 0 is the first step, 1 the last."),
        SlideRange(0, 1, 0.01),
    ),
    # Strength
    CoreInput(
        "strength_model",
        "FLOAT",
        message("How strongly the LoRA changes the result. 0 turns it off."),
        SlideRange(0, 2, 0.05),
    ),
    CoreInput(
        "strength_clip",
        "FLOAT",
        message("How strongly the LoRA changes how the prompt is understood."),
        SlideRange(0, 2, 0.05),
    ),
    CoreInput(
        "strength",
        "FLOAT",
        message("How closely to follow the control image. 0 turns it off."),
        SlideRange(0, 2, 0.05),
        classes=_CONTROL,
    ),
    CoreInput("strength", "FLOAT", message("How strong the effect is."), SlideRange(0, 2, 0.05)),
    # Models
    CoreInput(
        "ckpt_name unet_name",
        _CHOICES,
        message("The model that makes the result."),
        classes=re.compile(
            r"^(CheckpointLoader|UNETLoader|ImageOnlyCheckpoint|unCLIPCheckpoint).*"
        ),
    ),
    CoreInput(
        "vae_name", _CHOICES, message("Turns the model's data into pixels. Must match the model.")
    ),
    CoreInput(
        "clip_name clip_name1 clip_name2 clip_name3 clip_name4 text_encoder",
        _CHOICES,
        message("Reads the prompt. Must match the model."),
        classes=_TEXT_LOADER,
    ),
    CoreInput(
        "type",
        _CHOICES,
        message("The kind of model that the text encoder is for."),
        classes=_TEXT_LOADER,
    ),
    CoreInput(
        "device",
        _CHOICES,
        message("Where the text encoder runs. The CPU is slower and saves graphics memory."),
        classes=_TEXT_LOADER,
    ),
    CoreInput("weight_dtype", _CHOICES, message("Lower precision needs less memory.")),
    CoreInput(
        "lora_name", _CHOICES, message("Adds a style or a subject to the model."), classes=_LORA
    ),
    CoreInput("control_net_name", _CHOICES, message("The model that reads the control image.")),
    CoreInput(
        "model_name",
        _CHOICES,
        message("The model that enlarges the image."),
        classes=re.compile(r"^(Latent)?UpscaleModelLoader"),
    ),
    # Images
    CoreInput(
        "crop",
        _CHOICES,
        message("If the shape changes: cut off the edges, or stretch the image."),
        classes=_SCALERS,
    ),
    CoreInput(
        "upscale_method scale_method interpolation",
        _CHOICES,
        message("How pixels are computed. Lanczos is sharp; area is good for shrinking."),
        classes=_SCALERS,
    ),
    CoreInput(
        "grow_mask_by", "INT", message("Repaints a little beyond the mask, to hide the edge.")
    ),
    CoreInput(
        "tile_size",
        "INT",
        message("Size of the parts worked on at a time. Smaller needs less memory."),
        classes=re.compile(r"^VAE(De|En)code.*Tiled"),
    ),
    CoreInput(
        "overlap",
        "INT",
        message("How far the parts overlap. More hides the seams."),
        classes=re.compile(r"^VAE(De|En)code.*Tiled"),
    ),
    # Text models
    CoreInput(
        "temperature",
        "FLOAT",
        message("Higher makes the text more varied, lower more predictable."),
        SlideRange(0, 2, 0.05),
        classes=_WRITER,
    ),
    CoreInput(
        "top_k",
        "INT",
        message("How many words to choose from at each place. 0 allows all."),
        SlideRange(0, 100, 1),
        classes=_WRITER,
    ),
    CoreInput(
        "top_p min_p",
        "FLOAT",
        message("Leaves out unlikely words."),
        SlideRange(0, 1, 0.01),
        classes=_WRITER,
    ),
    CoreInput(
        "repetition_penalty presence_penalty",
        "FLOAT",
        message("Higher avoids repeating words."),
        SlideRange(0, 2, 0.05),
        classes=_WRITER,
    ),
    CoreInput(
        "max_length",
        "INT",
        message("Longest text, in tokens. A token is about three quarters of a word."),
        SlideRange(64, 4096, 64),
        classes=_WRITER,
    ),
    # Files
    CoreInput("filename_prefix", "STRING", message("Start of the name of the file on the server.")),
    CoreInput(
        "format",
        _CHOICES,
        message("Type of the video file. Auto keeps the type of the source."),
        classes=re.compile(r"^SaveVideo"),
    ),
    CoreInput(
        "codec",
        _CHOICES,
        message("How the video is compressed. Auto plays almost everywhere."),
        classes=re.compile(r"^SaveVideo"),
    ),
    CoreInput(
        "bit_depth",
        "INT",
        message("10 bits give smoother gradients, but some players can't show them."),
        classes=re.compile(r"^CreateVideo"),
    ),
    CoreInput(
        "quality",
        "INT",
        message("Higher quality makes larger files."),
        classes=re.compile(r"^Save"),
    ),
)
