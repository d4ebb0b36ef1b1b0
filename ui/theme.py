"""The look: Gradio's theme variables in this project's colours; the rest is in page.css. Nothing loads from outside."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors, sizes

FONTS = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def make_theme() -> gr.themes.Base:
    """The theme, light and dark; system fonts only."""
    accent = colors.Color(
        "#f1f0ff",
        "#e4e2ff",
        "#cbc7ff",
        "#aca4ff",
        "#8c80fb",
        "#6d5df0",
        "#5a48dd",
        "#4b3abb",
        "#3f3299",
        "#362d7c",
        "#1f194d",
        name="accent",
    )
    theme = gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=colors.zinc,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
        font=FONTS,
        font_mono=MONO,
    )
    return theme.set(
        body_background_fill="#f7f7f9",
        body_background_fill_dark="#131316",
        body_text_color="#1d1d22",
        body_text_color_dark="#ececf1",
        body_text_color_subdued="#5c5c68",
        body_text_color_subdued_dark="#a5a5b3",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_text_color="*body_text_color",
        block_label_text_color_dark="*body_text_color",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_text_weight="600",
        block_info_text_color="*body_text_color_subdued",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1d1d22",
        input_border_width="1px",
        input_border_color="#cfcfd8",
        input_border_color_dark="#3b3b46",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#26262d",
        button_secondary_border_color="#cfcfd8",
        button_secondary_border_color_dark="#3b3b46",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_700",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_600",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active="*primary_700",
        link_text_color_active_dark="*primary_200",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        checkbox_background_color_selected="*primary_600",
        checkbox_border_color="#9a9aa8",
    )
