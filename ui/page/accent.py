"""Tones of the accent color, with enough contrast (WCAG 2.2) for text and controls in light and in
dark."""

from __future__ import annotations

from collections.abc import Callable

TEXT = 4.5  # contrast of text, such as white on a button
CONTROL = 3.0  # contrast of a control with the page
_WHITE, _BLACK = "#ffffff", "#000000"
# Share of the accent in each tone, from the lightest to the darkest; the rest is white, …
_TINTS = (0.08, 0.16, 0.3, 0.5, 0.7, 0.86)
_SHADES = (0.83, 0.69, 0.56, 0.35)  # … or below the accent itself, black


def accent_tones(accent: str, background: tuple[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return the eleven tones of an accent color such as "#5a48dd" on a page with these background
    colors, in light and in dark. The seventh, for buttons, is the accent itself, or the nearest
    tone that is dark enough for white text and for links, and in dark light enough to stand out."""
    light, dark = background
    color = _first(accent, _BLACK, lambda tone: contrast(tone, light) >= TEXT)
    bright = _first(color, _WHITE, lambda tone: contrast(tone, dark) >= CONTROL)
    return _tones(color), _tones(bright)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _tones(accent: str) -> tuple[str, ...]:
    *tints, last = (_mixed(accent, _WHITE, share) for share in _TINTS)
    button = _first(last, accent, lambda tone: contrast(tone, _WHITE) >= TEXT)
    return (*tints, button, accent, *(_mixed(accent, _BLACK, share) for share in _SHADES))


def _first(color: str, end: str, fits: Callable[[str], bool]) -> str:
    """Return the first color that fits on the way from one to another, whose end fits."""
    steps = (_mixed(color, end, 1 - step / 100) for step in range(101))
    return next(tone for tone in steps if fits(tone))


def _mixed(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one * share + two * (1 - share)):02x}" for one, two in pairs)


def _luminance(color: str) -> float:
    linear = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(color))
    )
    return sum(
        weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))
