"""The look: Gradio's theme variables in this project's colors and type scale; the rest is in
styles/. Nothing loads from other sites."""

from __future__ import annotations

import logging
from functools import cache

import gradio as gr
from gradio.themes.utils import colors, sizes

from ui.brand import ACCENT
from ui.gradio.internals import theme_text
from ui.page.accent import accent_tones
from ui.page.typeface import SYSTEM_FONTS

log = logging.getLogger(__name__)
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
# From captions to titles. Styles use these sizes by name, like `var(--text-sm)`.
_TEXT = sizes.Size("12px", "13px", "14px", "15px", "17px", "22px", "28px", name="text_of_page")
# In light and in dark: of the header, the form and dialogs, and of the ground that results lie on.
BACKGROUND = ("#fdfdfe", "#1a1a1e")
_GROUND = ("#f2f2f5", "#0f0f12")
HARDEST_BACKGROUND = (_GROUND[0], BACKGROUND[1])  # has the least contrast with the accent's tones
_NUMBERS = (50, *range(100, 901, 100), 950)  # from the lightest to the darkest
# Theme variables, each for light and dark.
_SHADED = {
    "body_background_fill": BACKGROUND,
    "background_fill_secondary": _GROUND,
    "body_text_color": ("#1d1d22", "#ececf1"),
    "body_text_color_subdued": ("#5c5c68", "#a5a5b3"),
    "block_background_fill": ("transparent", "transparent"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("*body_text_color", "*body_text_color"),
    "block_title_text_color": ("*body_text_color", "*body_text_color"),
    "input_background_fill": ("#ffffff", "#222228"),
    "input_border_color": ("#c0c0cc", "#4a4a57"),
    "input_border_color_focus": ("*primary_500", "*primary_400"),
    # Also for our own messages: in most themes the text color only suits an error's own background.
    "error_icon_color": ("#b42318", "#ff9b8f"),
    "button_primary_background_fill": ("*primary_600", "*primary_600"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_500"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("#ffffff", "#2a2a31"),
    "button_secondary_border_color": ("#c0c0cc", "#4a4a57"),
    "link_text_color": ("*primary_600", "*primary_300"),
    "link_text_color_hover": ("*primary_700", "*primary_200"),
    "link_text_color_visited": ("*primary_600", "*primary_300"),
    "link_text_color_active": ("*primary_700", "*primary_200"),
    "checkbox_border_color": ("#858593", "#7b7b88"),
    "slider_color": ("*primary_600", "*primary_600"),
}
# Colors whose dark variants Gradio derives itself.
_PLAIN = {
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "input_padding": "8px 10px",
    "block_title_text_size": "*text_sm",
    "block_title_text_weight": "400",
    "button_large_text_weight": "400",
    "button_medium_text_weight": "400",
    "button_small_text_weight": "400",
    "block_info_text_color": "*body_text_color_subdued",
    "block_info_text_size": "*text_xs",
    "input_radius": "8px",
    "button_large_radius": "8px",
    "button_medium_radius": "8px",
    "input_border_width": "1px",
    "checkbox_background_color_selected": "*primary_600",
}


@cache
def variables(accent: str = ACCENT) -> str:
    """Return the colors and text sizes as style declarations, for pages without Gradio's."""
    sizes_by_name = ("xxs", "xs", "sm", "md", "lg", "xl", "xxl")
    texts = [f"--text-{size}: {getattr(_TEXT, size)};" for size in sizes_by_name]
    tones = accent_tones(accent, HARDEST_BACKGROUND)
    pairs = {
        name: [_told(color, own) for color, own in zip(pair, tones, strict=True)]
        for name, pair in _SHADED.items()
        if not {*pair} & {"transparent", "*body_text_color"}
    }
    colored = [
        f"--{name.replace('_', '-')}: light-dark({light}, {dark});"
        for name, (light, dark) in pairs.items()
    ]
    return " ".join((*texts, *colored))


@cache
def accent_variables(accent: str) -> str:
    """Return the accent's tones that `variables` lacks, for pages that look like the app's own."""
    light, dark = accent_tones(accent, HARDEST_BACKGROUND)
    tones = zip(_NUMBERS, light, dark, strict=True)
    return " ".join(f"--primary-{n}: light-dark({one}, {other});" for n, one, other in tones)


def _told(color: str, tones: tuple[str, ...]) -> str:
    """Return a color as style sheets write it; Gradio's names of the accent are looked up."""
    _, is_named, number = color.partition("*primary_")
    return tones[_NUMBERS.index(int(number))] if is_named else color


@cache
def make_theme(accent: str) -> gr.themes.Base:
    """Return the theme, light and dark, with system fonts only."""
    tones, in_dark = (
        dict(zip(_NUMBERS, own, strict=True)) for own in accent_tones(accent, HARDEST_BACKGROUND)
    )
    if tones[600] != accent:
        log.warning(
            "brand: accent: %s is too light for white text and links. They use %s.",
            accent,
            tones[600],
        )
    hue = colors.Color(**{f"c{number}": tone for number, tone in tones.items()})
    theme = gr.themes.Base(
        primary_hue=hue,
        secondary_hue=hue,
        neutral_hue=colors.zinc,
        spacing_size=sizes.spacing_md,
        radius_size=sizes.radius_lg,
        text_size=_TEXT,
        font=(SYSTEM_FONTS,),
        font_mono=_MONO,
    )
    for number, tone in in_dark.items():
        setattr(theme, f"primary_{number}_dark", tone)
    light = {name: light for name, (light, _) in _SHADED.items()}
    dark = {f"{name}_dark": dark for name, (_, dark) in _SHADED.items()}
    return theme.set(**_PLAIN, **light, **dark)


def theme_styles(accent: str) -> str:
    return theme_text(make_theme(accent))
