"""The look: Gradio's theme variables in this project's colors; the rest is in styles/. Nothing
loads from other sites."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors, sizes

_FONTS = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
ACCENT = "#5a48dd"
BACKGROUND = ("#f7f7f9", "#131316")  # in light and in dark
_NUMBERS = (50, *range(100, 901, 100), 950)  # from the lightest to the darkest
_ACCENT = (
    "#f1f0ff",
    "#e4e2ff",
    "#cbc7ff",
    "#aca4ff",
    "#8c80fb",
    "#6d5df0",
    ACCENT,
    "#4b3abb",
    "#3f3299",
    "#362d7c",
    "#1f194d",
)
# Theme variables, each for light and dark.
_SHADED = {
    "body_background_fill": BACKGROUND,
    "body_text_color": ("#1d1d22", "#ececf1"),
    "body_text_color_subdued": ("#5c5c68", "#a5a5b3"),
    "block_background_fill": ("transparent", "transparent"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("*body_text_color", "*body_text_color"),
    "block_title_text_color": ("*body_text_color", "*body_text_color"),
    "input_background_fill": ("#ffffff", "#1d1d22"),
    "input_border_color": ("#cfcfd8", "#3b3b46"),
    "input_border_color_focus": ("*primary_500", "*primary_400"),
    # Also for our own messages: in most themes the text color only suits an error's own background.
    "error_icon_color": ("#b42318", "#ff9b8f"),
    "button_primary_background_fill": ("*primary_600", "*primary_500"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_600"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("#ffffff", "#26262d"),
    "button_secondary_border_color": ("#cfcfd8", "#3b3b46"),
    "link_text_color": ("*primary_600", "*primary_300"),
    "link_text_color_hover": ("*primary_700", "*primary_200"),
    "link_text_color_visited": ("*primary_600", "*primary_300"),
    "link_text_color_active": ("*primary_700", "*primary_200"),
    "checkbox_border_color": ("#858593", "#7b7b88"),
    "slider_color": ("*primary_600", "*primary_400"),
}
# Colors whose dark variants Gradio derives itself.
_PLAIN = {
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_title_text_weight": "600",
    "block_info_text_color": "*body_text_color_subdued",
    "input_border_width": "1px",
    "checkbox_background_color_selected": "*primary_600",
}


def color_variables() -> str:
    """Return the colors as style declarations, for pages without Gradio's."""
    return " ".join(
        f"--{name.replace('_', '-')}: light-dark({_told(light)}, {_told(dark)});"
        for name, (light, dark) in _SHADED.items()
        if not {light, dark} & {"transparent", "*body_text_color"}
    )


def _told(color: str) -> str:
    """Return a color as style sheets write it; Gradio's names of the accent are looked up."""
    _, is_named, number = color.partition("*primary_")
    return _ACCENT[_NUMBERS.index(int(number))] if is_named else color


def make_theme() -> gr.themes.Base:
    """Return the theme, light and dark, with system fonts only."""
    accent = colors.Color(*_ACCENT, name="accent")
    theme = gr.themes.Base(
        primary_hue=accent,
        secondary_hue=accent,
        neutral_hue=colors.zinc,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
        font=_FONTS,
        font_mono=_MONO,
    )
    light = {name: light for name, (light, _) in _SHADED.items()}
    dark = {f"{name}_dark": dark for name, (_, dark) in _SHADED.items()}
    return theme.set(**_PLAIN, **light, **dark)
