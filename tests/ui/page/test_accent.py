"""Tones of any accent color have enough contrast."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from ui.page.accent import CONTROL, TEXT, accent_tones, contrast
from ui.page.theme import HARDEST_BACKGROUND, make_theme, variables

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
WHITE = "#ffffff"


@given(COLORS)
@example("#000000")
@example(WHITE)
@example("#ffcc00")
def test_any_accent_can_be_read_in_light_and_in_dark(accent: str) -> None:
    """White text on a button has a contrast of 4.5 or more, and so have links. Buttons and controls
    have 3 or more with the page."""
    (light, dark), (page, night) = accent_tones(accent, HARDEST_BACKGROUND), HARDEST_BACKGROUND
    buttons = (light[6], light[7], dark[5], dark[6])
    assert all(contrast(WHITE, button) >= TEXT for button in buttons)
    assert all(contrast(link, page) >= TEXT for link in light[6:8])
    assert all(contrast(link, night) >= TEXT for link in dark[2:4])
    assert all(contrast(control, page) >= CONTROL for control in light[5:7])
    assert all(contrast(control, night) >= CONTROL for control in dark[4:7])


def test_a_readable_accent_stays_as_it_is() -> None:
    """Black and white have the highest contrast, 21. In dark, navy blue becomes lighter."""
    assert contrast("#000000", WHITE) == 21
    light, dark = accent_tones("#0b2545", HARDEST_BACKGROUND)
    assert light[6] == "#0b2545"
    assert contrast(dark[6], HARDEST_BACKGROUND[1]) > contrast(light[6], HARDEST_BACKGROUND[1])


def test_the_theme_has_the_accent_in_light_and_in_dark() -> None:
    """Gradio's page and the pages without Gradio have the same tones."""
    light, dark = accent_tones("#0b2545", HARDEST_BACKGROUND)
    style, css = variables("#0b2545"), make_theme("#0b2545")._get_theme_css()
    assert f"--button-primary-background-fill: light-dark({light[6]}, {dark[6]});" in style
    root, _, night = css.partition(":root.dark")
    assert f"--primary-600: {light[6]};" in root
    assert f"--primary-600: {dark[6]};" in night
