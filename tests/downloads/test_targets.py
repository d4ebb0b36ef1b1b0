"""Files go below ComfyUI's own model folders, in safe formats and under safe names."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfyforms.comfyui_node.downloads.problems import DownloadRefused
from comfyforms.comfyui_node.downloads.targets import ModelFolder, checked_name, target_of
from tests.downloads.conftest import ENDINGS

FORMER = "diffusion_models"


@pytest.mark.parametrize(
    "name", ["a.safetensors", "XL/a b (1).sft", "XL\\a.gguf", "モデル.safetensors", "a.ONNX"]
)
def test_allows_usual_names(name: str) -> None:
    """Also with subfolders, as loaders list them."""
    assert checked_name(name) == name.replace("\\", "/")


@pytest.mark.parametrize(
    "name",
    [
        "a.ckpt",
        "a.pt",
        "a.bin",
        "a.pkl",
        "a.safetensors.exe",
        "a",
        "",
        "../a.safetensors",
        "XL/../../a.safetensors",
        "..\\a.safetensors",
        "/etc/a.safetensors",
        "C:\\a.safetensors",
        "C:a.safetensors",
        "a.safetensors:stream.safetensors",
        "./a.safetensors",
        "//host/a.safetensors",
        ".a.safetensors",
        ".comfyforms-downloads/a.safetensors",
        "~/a.safetensors",
        "a\x00.safetensors",
        "a\n.safetensors",
        "a\u202egpj.safetensors",
        "con.safetensors",
        "XL /a.safetensors",
        "XL./a.safetensors",
        "a/b/c/d/e/f/g.safetensors",
        f"{'a' * 300}.safetensors",
    ],
)
def test_refuses_names_that_are_tricks(name: str) -> None:
    """Other places, other formats, and names that some system reads differently."""
    with pytest.raises(DownloadRefused):
        checked_name(name)


def test_the_folder_comes_from_comfyui(tmp_path: Path) -> None:
    """Former names lead to the present folder. The app can't add one, nor put files beside
    nodes."""
    folders = {
        "diffusion_models": ModelFolder(
            (tmp_path / "unet", tmp_path / "diffusion_models"), ENDINGS
        ),
        "custom_nodes": ModelFolder((tmp_path / "custom_nodes",), frozenset()),
        "all": ModelFolder((tmp_path / "all",), frozenset()),
    }
    for name in (FORMER, "unet"):
        target = target_of(folders, name, "a.safetensors", "0")
        assert target.file == tmp_path / "diffusion_models" / "a.safetensors"
    for name in ("custom_nodes", "all", "loras", "../checkpoints", ""):
        with pytest.raises(DownloadRefused):
            target_of(folders, name, "a.safetensors", "0")


def test_a_linked_subfolder_is_refused(tmp_path: Path) -> None:
    """The file would be stored elsewhere."""
    (tmp_path / "loras").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "loras" / "out").symlink_to(tmp_path / "other")
    folders = {"loras": ModelFolder((tmp_path / "loras",), ENDINGS)}
    with pytest.raises(DownloadRefused):
        target_of(folders, "loras", "out/a.safetensors", "0")
