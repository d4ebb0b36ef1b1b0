"""Details of model files, and the server's model folders."""

from __future__ import annotations

import json

import pytest

from comfy.model_files.families import family_in, fits
from comfy.model_files.lists import ModelDetails, details_in
from comfy.model_files.server import files_among, folder_of, lists_files


def test_reads_what_trainers_write() -> None:
    """The keys of kohya's scripts and of the modelspec standard."""
    details = details_in(
        {
            "ss_base_model_version": "sdxl_base_v1-0",
            "ss_output_name": "ink",
            "modelspec.trigger_phrase": "ink drawing,  thin   lines, ink drawing",
            "modelspec.author": "A. Painter",
            "modelspec.description": "Lines.\nNothing else.",
            "ss_tag_frequency": json.dumps({"5_a": {"hat ": 2, "sky": 3}, "1_b": {"hat": 4}}),
        }
    )
    assert details == ModelDetails(
        title="ink",
        author="A. Painter",
        base_model="SDXL",
        description="Lines.\nNothing else.",
        trigger_words=("ink drawing", "thin lines"),
        tags=("hat", "sky"),
    )


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("sd_v1", "SD 1"),
        ("stable-diffusion-xl-v1-base/lora", "SDXL"),
        ("flux-1-dev/lora", "Flux"),
        ("qwen-image", "Qwen Image"),
        ("auraflow", "auraflow"),
        ("None", ""),
    ],
)
def test_names_base_models_as_users_do(name: str, family: str) -> None:
    """An unknown one keeps its name."""
    assert details_in({"modelspec.architecture": name}).base_model == family


@pytest.mark.parametrize(
    ("file", "family"),
    [
        ("styles/inkXL_v2.safetensors", "SDXL"),
        ("ponyDiffusionV6XL.safetensors", "SDXL"),
        ("v1-5-pruned-emaonly-fp16.safetensors", "SD 1"),
        ("flux-2-klein-4b.safetensors", "Flux 2"),
        ("flux1-dev-xlabs.safetensors", "Flux"),
        ("wan2.2_i2v_high_noise_14B_fp16.safetensors", "Wan"),
        ("z_image_turbo_bf16.safetensors", "Z-Image"),
        ("stable-audio-open-1.0.safetensors", "Stable Audio"),
        ("sd3.5_large.safetensors", "SD 3"),
        ("wanderer.safetensors", ""),
        ("mysd1cards.safetensors", ""),
    ],
)
def test_names_of_files_tell_base_models(file: str, family: str) -> None:
    """Other names tell nothing."""
    assert family_in(file) == family


def test_which_models_fit_together() -> None:
    """A LoRA needs its own base model, a checkpoint one for the same kind of result."""
    assert fits("SDXL", "SDXL", "loras")
    assert not fits("SDXL", "SD 1", "loras")
    assert fits("SDXL", "SD 1", "checkpoints")
    assert not fits("Stable Audio", "SD 1", "checkpoints")
    assert not fits("not-a-model", "SD 1", "checkpoints")
    assert fits("", "SD 1", "loras")
    assert fits("SDXL", "", "loras")


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        {"ss_tag_frequency": "{"},
        {"ss_tag_frequency": "[" * 100_000},
        {"ss_tag_frequency": json.dumps({"a": {"b": "many"}, "c": 3})[:-1]},
        {"modelspec.title": {"a": 1}, "modelspec.trigger_phrase": " , ,\0,"},
        {"modelspec.description": None},
    ],
)
def test_ignores_broken_metadata(metadata: object) -> None:
    """Anyone can write such files."""
    assert details_in(metadata) == ModelDetails()


def test_limits_long_metadata() -> None:
    """Text is shortened, and has no control characters."""
    words = ",".join(f"{number}{'x' * 500}" for number in range(100))
    details = details_in(
        {
            "modelspec.title": "a\x1b[31m\x00" * 5000,
            "modelspec.description": "d" * 100_000,
            "modelspec.trigger_phrase": words,
            "ss_tag_frequency": json.dumps({"x": {f"t{n}": 1e300 for n in range(5000)}}),
        }
    )
    assert "\x1b" not in details.title
    assert len(details.title) <= 200
    assert len(details.description) == 2000
    assert len(details.trigger_words) <= 24
    assert all(len(word) <= 120 for word in details.trigger_words)
    assert len(details.tags) == 12


FOLDERS = {
    "checkpoints": ["a.safetensors", "b.ckpt"],
    "diffusion_models": ["a.safetensors", "b.ckpt", "c.safetensors"],
    "loras": ["sub/ink.safetensors", "light.safetensors"],
    "empty": [],
}


def test_the_folder_has_all_files() -> None:
    """Other choices don't count. Of several folders the smallest one is right."""
    files = files_among(["None", "sub/ink.safetensors", 3])
    assert files == {"sub/ink.safetensors"}
    assert folder_of(files, FOLDERS) == "loras"
    assert folder_of(files_among(["b.ckpt", "a.safetensors"]), FOLDERS) == "checkpoints"


def test_no_folder_has_other_choices() -> None:
    """A missing file is enough, and so is a list without any files."""
    assert folder_of(files_among(["light.safetensors", "gone.safetensors"]), FOLDERS) == ""
    assert folder_of(files_among(["euler", "dpmpp_2m"]), FOLDERS) == ""


def test_lists_of_models_are_recognized() -> None:
    """By the endings of at least half of the choices."""
    assert lists_files(["None", "a.safetensors"])
    assert not lists_files(["euler", "uni_pc", "b.ckpt"])
    assert not lists_files([])
