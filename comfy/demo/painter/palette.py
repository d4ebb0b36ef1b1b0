"""Colors for each light and season."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

from comfy.demo.painter.canvas import Colour, mix
from comfy.demo.painter.words import Light, Scene, Season


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors of a landscape in one light."""

    sky: tuple[Colour, ...]
    sun: Colour
    cloud: Colour
    far: Colour
    near: Colour
    foliage: Colour
    water: Colour
    sand: Colour
    window: Colour
    dark: Colour


_PALETTES: dict[Light, Palette] = {
    "day": Palette(
        sky=((46, 118, 196), (110, 176, 232), (196, 226, 244), (240, 244, 236)),
        sun=(255, 250, 226),
        cloud=(255, 255, 255),
        far=(140, 174, 206),
        near=(74, 120, 86),
        foliage=(58, 112, 62),
        water=(42, 116, 160),
        sand=(226, 198, 146),
        window=(92, 112, 134),
        dark=(36, 54, 62),
    ),
    "sunset": Palette(
        sky=((44, 38, 92), (128, 58, 118), (226, 94, 88), (252, 158, 84), (255, 214, 132)),
        sun=(255, 236, 180),
        cloud=(255, 158, 128),
        far=(168, 90, 122),
        near=(62, 38, 78),
        foliage=(52, 40, 62),
        water=(116, 62, 110),
        sand=(206, 136, 92),
        window=(255, 206, 112),
        dark=(32, 22, 48),
    ),
    "dawn": Palette(
        sky=((112, 140, 200), (180, 176, 216), (244, 196, 200), (254, 224, 196)),
        sun=(255, 242, 214),
        cloud=(255, 226, 224),
        far=(176, 168, 200),
        near=(92, 104, 128),
        foliage=(82, 110, 104),
        water=(134, 152, 192),
        sand=(226, 196, 176),
        window=(255, 222, 160),
        dark=(58, 62, 92),
    ),
    "night": Palette(
        sky=((8, 10, 34), (18, 24, 66), (38, 50, 104), (72, 84, 138)),
        sun=(238, 240, 248),
        cloud=(84, 98, 146),
        far=(40, 52, 98),
        near=(16, 22, 50),
        foliage=(14, 26, 46),
        water=(20, 32, 76),
        sand=(74, 74, 110),
        window=(255, 214, 118),
        dark=(6, 10, 26),
    ),
    "grey": Palette(
        sky=((86, 98, 114), (128, 140, 152), (178, 186, 190), (206, 208, 204)),
        sun=(232, 234, 230),
        cloud=(214, 218, 220),
        far=(150, 162, 170),
        near=(72, 86, 90),
        foliage=(60, 80, 72),
        water=(92, 108, 118),
        sand=(168, 160, 146),
        window=(246, 214, 148),
        dark=(40, 48, 56),
    ),
}

_FOLIAGE: dict[Season, tuple[Colour, float]] = {
    "summer": ((70, 130, 60), 0.0),
    "autumn": ((206, 104, 38), 0.6),
    "winter": ((226, 234, 244), 0.62),
    "spring": ((244, 160, 190), 0.72),
}
_GROUND: dict[Season, tuple[Colour, float]] = {
    "summer": ((86, 140, 70), 0.0),
    "autumn": ((160, 112, 52), 0.35),
    "winter": ((236, 242, 250), 0.8),
    "spring": ((130, 176, 84), 0.3),
}


def palette_of(scene: Scene) -> Palette:
    """Return the light's colors, adjusted for the season, color words and the mood of unknown
    words."""
    palette = _PALETTES[scene.light]
    leaf, leaf_amount = _FOLIAGE[scene.season]
    ground, ground_amount = _GROUND[scene.season]
    palette = replace(
        palette,
        foliage=mix(palette.foliage, leaf, leaf_amount),
        near=mix(palette.near, ground, ground_amount),
        far=mix(palette.far, ground, ground_amount * 0.5),
    )
    turn = (scene.mood % 1000 / 1000 - 0.5) * 0.07
    palette = replace(
        palette,
        sky=tuple(_turned(colour, turn) for colour in palette.sky),
        far=_turned(palette.far, turn),
        near=_turned(palette.near, turn),
        water=_turned(palette.water, turn),
    )
    if scene.accents:
        accent = scene.accents[0]
        middle = len(palette.sky) // 2
        tinted = tuple(
            mix(colour, accent, 0.34 if place >= middle else 0.14)
            for place, colour in enumerate(palette.sky)
        )
        palette = replace(palette, sky=tinted, far=mix(palette.far, accent, 0.22))
    return palette


def _turned(colour: Colour, turn: float) -> Colour:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)
