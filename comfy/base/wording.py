"""Plain words for names and numbers.

Spelling of acronyms and names that file and input names write in lower case.

Sizes in words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from math import ceil
from types import MappingProxyType

from comfy.base.messages import Message, message

_ACRONYMS = (
    "2D 3D AI AOV API BFL BG CFG CPU DOF FLF2V FPS GGUF GIF GLSL GPT GPU HDR HSL HSV I2I I2V"
    " IA2V ID JSON KPS LLM LUT LTX LTXV MCP NSFW OCR PBR PNG R2V RAM RGB RGBA SD SDXL SVD SVG T2A"
    " T2I T2V TI2V TTS URL USO UV V2V VAE VHS VLM VRAM VTO WEBP XL"
)
_NAMES = (
    "ACE Anima AnimateDiff Anthropic BiRefNet Bria ByteDance Chatterbox Claude ComfyUI ControlNet"
    " DALL DINO ElevenLabs ERNIE FireRed Flux Gemini Gemma Google Grok HeyGen HiDream HitPaw"
    " Hunyuan Hunyuan3D Ideogram InstantID InstantX IPAdapter Kandinsky Kimi Kling Kontext Krea"
    " Lightx2v LoRA Luma Magnific Meshy MiniMax MoGe OmniGen OpenAI OpenPose OpenRouter Pixverse"
    " Qwen Recraft Rodin Rodin3D SAM SDPose Seedance Seedream SeedVR Sora SwarmUI Topaz Trellis"
    " Tripo VACE Veo Vidu Wan WanVideo WaveSpeed Whisper YOLO"
)
_MODELS = frozenset(f"{_NAMES} LTX LTXV SD SDXL Z-Image".split()) - {"ComfyUI", "SwarmUI"}
_ACRONYM_SPELLING = MappingProxyType({one.lower(): one for one in _ACRONYMS.split()})
_SPELLING = MappingProxyType({one.lower(): one for one in _NAMES.split()} | _ACRONYM_SPELLING)
# Names of several words.
_PHRASES = (
    (re.compile(r"\bnano ?banana ?(?=\d|\b)", re.IGNORECASE), "Nano Banana "),
    (re.compile(r"\bDALL e\b"), "DALL-E"),
    (re.compile(r"\bZ image\b", re.IGNORECASE), "Z-Image"),
    (re.compile(r"\bSeed VR(\d)"), r"SeedVR \1"),
    (re.compile(r"\b(LTX|Wan) (2)(\d)\b"), r"\1 \2.\3"),
    (re.compile(r"\bSD XL\b"), "SDXL"),
    (re.compile(r"\bSD 15\b"), "SD 1.5"),
    (re.compile(r"\bip adapter\b", re.IGNORECASE), "IPAdapter"),
)
# Words for the file itself, in a name that says more.
_FILLER = re.compile(r"(?<=\w) (?:example ?)?workflows?(?: (?:api|ui))?(?= |$)", re.IGNORECASE)
# Words of names that say nothing about a workflow.
_SAY_NOTHING = re.compile(
    r"api|comfyui|copy|demo|example|final|image|integration|json|new|pasted|sample|setup|simple"
    r"|test|text|unsaved|untitled|video|workflows?"
)
# Words for what a workflow does, and words in other scripts.
_TASK = (
    r"\b(?:angles?|animate|anime|avatar|background|camera|canny|cartoon|character|clone|clothes"
    r"|colori[sz]e|control|cover|crop|depth|detailer|dialogue|enhance|expand|extend|face"
    r"|faceswap|garment|hair|inpaint(?:ing)?|interior|interpolation|lip ?sync|logo|lyrics|makeup"
    r"|mockup|motion|object|outfit|outpaint(?:ing)?|panorama|portrait|pose|poster|product"
    r"|real(?:istic)?|reference|relight|remov(?:e|al|er)|replace(?:ment)?|restor(?:e|ation)"
    r"|segment(?:ation)?|sheet|skin|sketch|song|speech|sticker|storyboard|style|swap|talking"
    r"|texture|transfer|try ?on|turnaround|upscaler?|vector|voice|watermark)\b"
)
_OTHER = r"[^\W\d_a-z]"
_TASKS = re.compile(rf"(?:{_TASK}|{_OTHER}{{2,}}+)(?:.*(?:{_TASK}|{_OTHER}{{2}}))?", re.IGNORECASE)
# First words of templates' names.
_COLLECTIONS = frozenset({"api", "template", "templates", "utility"})
_KINDS = frozenset({"image", "video", "audio", "3d", "llm"})
# In "wan2_2", "v0_1" and "step_1_5".
_VERSION = re.compile(r"(?<=[a-z_]\d)_(\d{1,2})(?=[_-]|$)", re.IGNORECASE)
_NUMBERED = re.compile(r"^([a-z]+)(\d[\d.]*)(vl)?", re.IGNORECASE)
_SIZE = re.compile(r"^\d+b", re.IGNORECASE)  # parameters of a model
_BILLIONS = re.compile(r"(?<![a-z\d])\d++b(?![a-z])", re.IGNORECASE)
# Labels of common input names, in plain words for beginners.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "amount": message("How many"),
        "audio": message("Audio"),
        "batch_size": message("Images"),
        "bit_depth": message("Color depth"),
        "ckpt_name": message("Model"),
        "cfg": message("Guidance scale"),
        "clip_name": message("Text encoder"),
        "clip_name1": message("{label} {number}", label=message("Text encoder"), number=1),
        "clip_name2": message("{label} {number}", label=message("Text encoder"), number=2),
        "clip_name3": message("{label} {number}", label=message("Text encoder"), number=3),
        "clip_l": message("Keywords"),
        "codec": message("Codec"),
        "control_net_name": "ControlNet",
        "crf": message("Quality (CRF)"),
        "crop": message("Crop"),
        "denoise": message("Denoise"),
        "background_image": message("Background image"),
        "control_image": message("Control image"),
        "control_video": message("Control video"),
        "duration": message("Duration"),
        "duration_seconds": message("Duration (seconds)"),
        "end_frame": message("Last frame"),
        "end_image": message("Last frame"),
        "file": message("File"),
        "filename_prefix": message("File name"),
        "first_frame": message("First frame"),
        "first_frame_image": message("First frame"),
        "first_image": message("First frame"),
        "fps": message("Frames per second"),
        "frame_rate": message("Frames per second"),
        "grow_mask_by": message("Grow mask by (pixels)"),
        "guidance": message("Guidance"),
        "garment": message("Garment"),
        "height": message("Height"),
        "image": message("Image"),
        "image_back": message("Back view"),
        "image_left": message("Left view"),
        "image_right": message("Right view"),
        "last_frame": message("Last frame"),
        "last_frame_image": message("Last frame"),
        "length": message("Frames"),
        "lora_name": "LoRA",
        "loras": "LoRAs",
        "lyrics": message("Lyrics"),
        "mask": message("Mask"),
        "megapixels": message("Megapixels"),
        "model3d": message("3D model"),
        "model_3d": message("3D model"),
        "model_name": message("Model"),
        "n": message("How many"),
        "narrator_target": message("Target voice"),
        "noise_seed": message("Seed"),
        "num_frames": message("Frames"),
        "pingpong": message("Back and forth"),
        "person": message("Person"),
        "pix_fmt": message("Pixel format"),
        "quality": message("Quality"),
        "ref_image": message("Reference image"),
        "reference_audio": message("Reference audio"),
        "reference_image": message("Reference image"),
        "reference_video": message("Reference video"),
        "sampler_name": message("Sampler"),
        "scale_by": message("Scale factor"),
        "scheduler": message("Scheduler"),
        "seed": message("Seed"),
        "seconds": message("Seconds"),
        "string_a": message("Text before"),
        "string_b": message("Text after"),
        "start_frame": message("First frame"),
        "start_image": message("First frame"),
        "steps": message("Steps"),
        "strength_clip": message("LoRA strength (text)"),
        "strength_model": message("LoRA strength"),
        "style_image": message("Style image"),
        "t5xxl": message("Description"),
        "tags": message("Tags"),
        "text": message("Text"),
        "unet_name": message("Model"),
        "upscale_method": message("Scaling method"),
        "vae_name": "VAE",
        "video": message("Video"),
        "switch": message("On"),
        "video_frames": message("Frames"),
        "weight_dtype": message("Weight precision"),
        "width": message("Width"),
    }
)
_MOST_DIGITS = 10**15
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_AFTER_ACRONYM = re.compile(r"(?<=[A-Z]{2})(?=[A-Z][a-z])")
_INPUT_NAME = re.compile(r"[\w.-]+")
_GROUP_NAME = re.compile(r"[\w.]+")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_WORD_BREAKS = re.compile(r"[_-]+")
# A pack's own name behind a class or a title: "|pysssss", or an emblem such as a snake.
_EMBLEM = "[\\s\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"
_PACK = re.compile(rf"\|\w++$|(?<!{_EMBLEM}){_EMBLEM}++$")
# A type in front of an author's name: "Float (Duration)", "Multiline - Lyrics".
_TYPES = "(?:string|text|multiline|float|integer|int|number|boolean|primitive)"
_TYPE = re.compile(
    rf"^(?:(?:{_TYPES}|\({_TYPES}\))\s*+)++"
    r"(?:\((?P<inner>[^()]+)\)|[-–:]\s*+(?P<rest>.+))$",
    re.IGNORECASE,
)
_KB, _MB, _GB = 1e3, 1e6, 1e9


def one_line(text: str) -> str:
    """Return a text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def title_words(name: str) -> str:
    """Return the words of a file's name, with the usual spelling of known names: "api_wan2_2_t2v"
    becomes "API Wan 2.2 T2V"."""
    words = _VERSION.sub(r".\1", name).replace("_", " ").replace("-", " ").split()
    words = words[1:] if _is_only_kind(*words[:3]) else words
    spelled = " ".join(map(_spelled, words))
    for pattern, phrase in _PHRASES:
        spelled = " ".join(pattern.sub(phrase, spelled).split())
    told = _FILLER.sub("", spelled)
    spelled = told if " " in told else spelled
    return spelled[:1].upper() + spelled[1:]


def known_names(name: str) -> str:
    """Return the models and tools that a file's name names, with their versions: "LTX 2.3" of
    "my_ltx2_3_video"; "" without one."""
    names: list[str] = []
    is_named = False
    for word in title_words(CAMEL.sub(" ", _BILLIONS.sub(" ", name))).split():
        is_version = is_named and word[0].isdigit()
        is_named = word in _MODELS
        names += [word] if is_named or is_version else []
    return " ".join(dict.fromkeys(names))


def task_words(name: str) -> str:
    """Return the words of a file's name for what its workflow does: "Character sheet" of
    "flux_character_sheet"; "" without any."""
    told = _TASKS.search(title_words(CAMEL.sub(" ", name)))
    return told[0][:1].upper() + told[0][1:] if told else ""


def says_more(name: str) -> bool:
    """Return whether a file's name is a title: words for people, instead of "workflow (2)" or words
    joined by underscores, such as "z-image-fast"."""
    words = _LONG_WORD.findall(name.lower())
    is_technical = any(map(str.isdigit, name)) or (" " not in name and known_names(name))
    is_joined = "_" in name or ("-" in name and is_technical)
    return not is_joined and not all(_SAY_NOTHING.fullmatch(w) or known_names(w) for w in words)


def _is_only_kind(kind: str = "", word: str = "", next_word: str = "") -> bool:
    """Return whether the first word only says what the names of templates begin with: "image" of
    "image_qwen_image"."""
    is_about_model = word.lower() == "z" or _spelled(word) != word
    is_kind = kind.lower() in _COLLECTIONS or (kind.lower() in _KINDS and is_about_model)
    return is_kind and bool(next_word)


def _acronym(word: str) -> str:
    """Return a word in capitals if it is a known acronym, else unchanged."""
    return _ACRONYM_SPELLING.get(word.lower(), word)


def _spelled(word: str) -> str:
    if known := _SPELLING.get(word.lower()):
        return known
    match = _NUMBERED.fullmatch(word)
    name = _SPELLING.get(match[1].lower()) if match else None
    if match and name:
        return " ".join(filter(None, (name, match[2], (match[3] or "").upper())))
    return word.upper() if _SIZE.fullmatch(word) else word


def plain_words(name: str) -> str:
    """Return the label of an input name: from the table, else the name itself as words
    ("start_at_step" → "Start at step"). An author's words, such as a title, stay whole."""
    if name in _WORDS:
        return _WORDS[name]
    group, _, member = name.rpartition(".")
    # An input of a group: "resolution" in "model.resolution". "Flux.1" is a name with a version.
    last = member if _GROUP_NAME.fullmatch(group) and member.isidentifier() else name
    if last in _WORDS:
        return _WORDS[last]
    if _INPUT_NAME.fullmatch(last):
        last = " ".join(map(_acronym, _WORD_BREAKS.split(CAMEL.sub(" ", last))))
    words = one_line(last)
    return words[:1].upper() + words[1:60] if words else message("Value")


def spoken(name: str) -> str:
    """Return an author's name for a field as people write it: without a type before it, a pack's
    suffix and the spelling of code."""
    if isinstance(name, Message):
        return name
    words = _PACK.sub("", name).strip() or name
    while match := _TYPE.match(words):
        words = match["inner"] or match["rest"]
    if "_" in words and _INPUT_NAME.fullmatch(words):
        return plain_words(words.lower() if words.lower() in _WORDS else words)
    first, space, rest = words.partition(" ")
    first = _acronym(first)
    return (first[:1].upper() + first[1:] if first.islower() else first) + space + rest


def class_words(class_type: str) -> str:
    """Return the name of a node class as words ("LTXVAddGuide" → "LTXV Add Guide"), without its
    pack's suffix ("WD14Tagger|pysssss"). A name with spaces stays."""
    class_type = _PACK.sub("", class_type)
    if " " in class_type:
        return class_type
    spaced = _AFTER_ACRONYM.sub(" ", CAMEL.sub(" ", class_type)).replace("_", " ")
    return " ".join(spaced.split())


def plain_number(number: int | float) -> int | float:
    """Return a number for a message, whose language formats it; integral floats become integers."""
    whole = isinstance(number, float) and number.is_integer() and abs(number) < _MOST_DIGITS
    return int(number) if whole else number


def minimum(number: int | float) -> str:
    """Return the message for a number below the minimum."""
    return message("Minimum {number}.", number=plain_number(number))


def maximum(number: int | float) -> str:
    """Return the message for a number above the maximum."""
    return message("Maximum {number}.", number=plain_number(number))


def short(value: object) -> str:
    """Return a value as one short line, without quotes."""
    text = " ".join(str(value)[:200].split())
    return text if len(text) <= 60 else text[:59] + "…"


def quoted(name: str) -> str:
    """Return a name in quotes, for lists of names."""
    return message("“{name}”", name=name)


def did_you_mean(word: str, known: Iterable[str], name: Callable[[str], str] = str) -> str:
    """Return the sentence "Did you mean “steps”?" if a known word is close to this one, else "".
    `name`: returns what to call a known word."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return message("Did you mean “{name}”?", name=name(close[0])) if close else ""


def bytes_words(size: float) -> str:
    """Format a number of bytes: "1.2 GB", "34 MB", "5 kB"."""
    if size >= 0.95 * _GB:
        return message("{number}\xa0GB", number=_short(size / _GB))
    if size >= 0.95 * _MB:
        return message("{number}\xa0MB", number=_short(size / _MB))
    return message("{number}\xa0kB", number=ceil(size / _KB))


def _short(number: float) -> float:
    short = round(number, 1)
    return short if number < 10 and short != int(short) else round(number)
