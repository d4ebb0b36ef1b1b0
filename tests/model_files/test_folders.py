"""The model folder of a list of choices."""

from __future__ import annotations

from comfy.model_files.server import files_among, folder_of, lists_files

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
