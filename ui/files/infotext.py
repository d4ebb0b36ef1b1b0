"""Settings of an image as Automatic1111 writes them, which model sites read: the PNG text
`parameters`. Facts: `modules/processing.py` (`create_infotext`) and `extensions-builtin/Lora` in
https://github.com/AUTOMATIC1111/stable-diffusion-webui."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from types import MappingProxyType

from comfy.base.errors import ComfyError
from comfy.model_files.lists import ModelFiles
from comfy.prompt.model import Prompt
from comfy.records.record import Record
from comfy.requirements.model import file_key
from ui.documents.run_doc import Caption
from ui.files.presenter import RunEnds

_SAMPLERS: Mapping[str, str] = MappingProxyType(
    {
        "euler": "Euler",
        "euler_ancestral": "Euler a",
        "heun": "Heun",
        "dpm_2": "DPM2",
        "dpm_2_ancestral": "DPM2 a",
        "lms": "LMS",
        "dpmpp_2s_ancestral": "DPM++ 2S a",
        "dpmpp_sde": "DPM++ SDE",
        "dpmpp_2m": "DPM++ 2M",
        "dpmpp_2m_sde": "DPM++ 2M SDE",
        "dpmpp_3m_sde": "DPM++ 3M SDE",
        "ddim": "DDIM",
        "uni_pc": "UniPC",
        "lcm": "LCM",
    }
)
_SCHEDULES: Mapping[str, str] = MappingProxyType(
    {
        "normal": "Automatic",
        "karras": "Karras",
        "exponential": "Exponential",
        "sgm_uniform": "SGM Uniform",
        "simple": "Simple",
        "beta": "Beta",
    }
)
_MODELS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "lora_name": "loras"}
_CHECKSUM = re.compile(r"(?:0x)?([0-9a-f]{64})", re.IGNORECASE)
_MOST_LORAS = 20


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model of a prompt: the input with its name, the name, and a LoRA's strength. `hash`: as
    model sites abbreviate it, "" if unknown."""

    input: str
    name: str
    strength: str = ""
    hash: str = ""

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name.replace("\\", "/")).stem

    @property
    def key(self) -> str:
        return f"lora:{self.stem}" if self.input == "lora_name" else "model"


@dataclass(frozen=True, slots=True)
class InfoTexts:
    """Writer of such texts. `models`: the servers' model files."""

    ends: RunEnds
    models: ModelFiles

    def of(self, record: Record, width: int, height: int) -> str:
        """Return the text about a result. Waits for the servers."""
        caption, checksums = self.ends.of(record).stage.caption, self._checksums(record)
        prompt = record.job.prompt
        used = [replace(one, hash=self._hash(one, checksums)) for one in used_models(prompt)]
        return infotext(prompt, caption, used, f"{width}x{height}")

    def _checksums(self, record: Record) -> Mapping[str, str]:
        """Return the SHA-256 of model files that the workflow names, by `file_key`."""
        try:
            workflow, _ = self.ends.resolved(record)
        except ComfyError:
            return {}
        return {one.key: one.sha256 for one in workflow.models if one.sha256}

    def _hash(self, model: UsedModel, checksums: Mapping[str, str]) -> str:
        """Return the first digits of a file's SHA-256, or of its tensors' that its header has."""
        if checksum := checksums.get(file_key(model.name)):
            return checksum[:10]
        served = self.models.among([model.name], _MODELS[model.input]).get(model.name)
        header = self.models.header(served) if served else {}
        texts = (str(header.get(key)) for key in ("sshs_model_hash", "modelspec.hash_sha256"))
        found = (match for text in texts if (match := _CHECKSUM.fullmatch(text)))
        return next((match[1][:12].lower() for match in found), "")


def used_models(prompt: Prompt) -> list[UsedModel]:
    """Return the first checkpoint or diffusion model of a prompt, and its LoRAs."""
    used = [
        UsedModel(name, file, f"{node['inputs'].get('strength_model', 1)}")
        for node in prompt.values()
        for name in _MODELS
        if isinstance(file := node["inputs"].get(name), str) and file
    ]
    models = [one for one in used if one.key == "model"]
    loras = [one for one in used if one.key != "model"]
    return [*models[:1], *loras[:_MOST_LORAS]]


def infotext(prompt: Prompt, caption: Caption, models: list[UsedModel], size: str) -> str:
    """Return the text. `Hashes` comes last, as JSON."""
    loras = [one for one in models if one.key != "model"]
    tags = "".join(f" <lora:{one.stem}:{one.strength}>" for one in loras)
    hashes = {one.key: one.hash for one in models if one.hash}
    settings = [*_settings(prompt, models, size), "Version: ComfyUI"]
    if hashes:
        settings.append(f"Hashes: {json.dumps(hashes)}")
    negative = [f"Negative prompt: {caption.negative}"] if caption.negative else []
    return "\n".join([f"{caption.prompt}{tags}", *negative, ", ".join(settings)])


def _settings(prompt: Prompt, models: list[UsedModel], size: str) -> Iterator[str]:
    def first(*names: str) -> str:
        values = (node["inputs"].get(name) for node in prompt.values() for name in names)
        return next((str(one) for one in values if isinstance(one, str | int | float)), "")

    sampler, schedule = first("sampler_name"), first("scheduler")
    model = next((one for one in models if one.key == "model"), UsedModel("", ""))
    named = {
        "Steps": first("steps"),
        "Sampler": _SAMPLERS.get(sampler, sampler),
        "Schedule type": _SCHEDULES.get(schedule, schedule),
        "CFG scale": first("cfg"),
        "Seed": first("seed", "noise_seed"),
        "Size": size,
        "Model hash": model.hash,
        "Model": model.stem,
    }
    yield from (f"{name}: {value}" for name, value in named.items() if value)
    if loras := [f"{one.stem}: {one.hash}" for one in models if one.key != "model" and one.hash]:
        yield f'Lora hashes: "{", ".join(loras)}"'
