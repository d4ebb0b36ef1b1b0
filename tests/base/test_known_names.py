"""Titles from file names, with the usual spelling of known names."""

from __future__ import annotations

import pytest

from comfy.base.wording import plain_words, title_words


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("text-to-image", "Text to image"),
        ("api_google_nano_banana2_text_to_image", "API Google Nano Banana 2 text to image"),
        ("llm_qwen3vl_text_gen", "LLM Qwen 3 VL text gen"),
        ("3d_hunyuan3d_image_to_model", "3D Hunyuan3D image to model"),
        ("sdxl_simple_example", "SDXL simple example"),
        ("video_wan2_2_14B_i2v", "Video Wan 2.2 14B I2V"),
        ("contact_sheet-step_1", "Contact sheet step 1"),
        ("my holiday in Spain", "My holiday in Spain"),
        ("swarmui_exampleworkflows_basic_sdxl", "SwarmUI basic SDXL"),
        ("x_flux_workflows_ip_adapter_workflow", "X Flux IPAdapter"),
        ("my_workflow", "My workflow"),
        ("image_kps", "Image KPS"),
    ],
)
def test_file_names_become_titles(name: str, title: str) -> None:
    """Acronyms, names and versions are spelled as usual. Other words stay unchanged."""
    assert title_words(name) == title


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("model3d", "3D model"),
        ("crf", "Quality (CRF)"),
        ("pix_fmt", "Pixel format"),
        ("rgb_master", "RGB master"),
        ("start_at_step", "Start at step"),
    ],
)
def test_input_names_become_labels(name: str, label: str) -> None:
    """Labels spell acronyms in capitals and avoid jargon."""
    assert plain_words(name) == label
