"""Spelling of acronyms and names that file and input names write in lower case."""

from __future__ import annotations

import re
from types import MappingProxyType

_ACRONYMS = (
    "2D 3D AI AOV API BFL BG CFG CPU DOF FLF2V FPS GGUF GIF GLSL GPT GPU HDR HSL HSV I2I I2V"
    " IA2V ID JSON KPS LLM LUT LTX LTXV MCP NSFW OCR PBR PNG R2V RAM RGB RGBA SD SDXL SVD SVG T2A"
    " T2I T2V TI2V TTS URL USO UV V2V VAE VHS VLM VRAM VTO WEBP XL"
)
_NAMES = (
    "ACE AnimateDiff Anthropic BiRefNet Bria ByteDance Claude ComfyUI ControlNet DALL DINO"
    " ElevenLabs FireRed Flux Gemini Gemma Google Grok HeyGen HiDream HitPaw Hunyuan Hunyuan3D"
    " Ideogram InstantID InstantX IPAdapter Kandinsky Kimi Kling Kontext Krea Lightx2v LoRA Luma"
    " Magnific Meshy MiniMax MoGe OmniGen OpenAI OpenPose OpenRouter Pixverse Qwen Recraft"
    " Rodin Rodin3D SDPose Seedance Seedream SeedVR Sora SwarmUI Topaz Tripo VACE Veo Vidu Wan"
    " WaveSpeed Whisper YOLO"
)
_ACRONYM_SPELLING = MappingProxyType({one.lower(): one for one in _ACRONYMS.split()})
_SPELLING = MappingProxyType({one.lower(): one for one in _NAMES.split()} | _ACRONYM_SPELLING)
# Names of several words.
_PHRASES = (
    (re.compile(r"\bnano ?banana ?(?=\d|\b)", re.IGNORECASE), "Nano Banana "),
    (re.compile(r"\bDALL e\b"), "DALL-E"),
    (re.compile(r"\bip adapter\b", re.IGNORECASE), "IPAdapter"),
)
# Words for the file itself, in a name that says more.
_FILLER = re.compile(r"(?<=\w) (?:example ?)?workflows?(?: (?:api|ui))?(?= |$)", re.IGNORECASE)
# In "wan2_2" and "v0_1".
_VERSION = re.compile(r"(?<=[a-z]\d)_(\d{1,2})(?=_|$)", re.IGNORECASE)
_NUMBERED = re.compile(r"^([a-z]+)(\d[\d.]*)(vl)?", re.IGNORECASE)
_SIZE = re.compile(r"^\d+b", re.IGNORECASE)  # parameters of a model


def title_words(name: str) -> str:
    """Return the words of a file's name, with the usual spelling of known names: "api_wan2_2_t2v"
    becomes "API Wan 2.2 T2V"."""
    words = _VERSION.sub(r".\1", name).replace("_", " ").replace("-", " ").split()
    spelled = " ".join(map(_spelled, words))
    for pattern, phrase in _PHRASES:
        spelled = " ".join(pattern.sub(phrase, spelled).split())
    told = _FILLER.sub("", spelled)
    spelled = told if " " in told else spelled
    return spelled[:1].upper() + spelled[1:]


def acronym(word: str) -> str:
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
