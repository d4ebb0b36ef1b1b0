"""People, animals, buildings, vehicles and goods: things that are drawn from lists of shapes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from comfyui_standin.painter.canvas import Canvas, Palette, Pen, Point, mix
from comfyui_standin.painter.scenery import Layout, beside, islet
from comfyui_standin.painter.words import Colour, Scene

# Each line has a color's name and its shapes: e(llipse), the erasing x, p(olygon) and l(ine). An
# ellipse has a center and two radii, a line begins with its width. A capital letter adds a mirrored
# twin. A color with * is lit from above, one with ~ is a glaze. 0 is the foot, and -1 the top.
_PARTS: Mapping[str, str] = {
    "portrait": """
        long*: P 0 -.55 .2 -.55 .235 -.16 0 -.16
        bob*: e 0 -.55 .2 .235
        neck: p -.068 -.4 .068 -.4 .068 -.14 -.068 -.14
        body*: e 0 .06 .38 .3
        neck: p -.075 -.23 .075 -.23 0 -.14
        short: e 0 -.6 .172 .155
        ear: E .15 -.5 .024 .04
        skin*: e 0 -.51 .15 .195
        hair: e 0 -.6 .172 .155; x .03 -.49 .15 .16
        blush~: E .08 -.445 .036 .022
        eyes: E .06 -.51 .029 .0165
        iris: e -.058 -.51 .0145 .0152; e .062 -.51 .0145 .0152
        pupil: e -.058 -.51 .007 .0072; e .062 -.51 .007 .0072
        hair: L .0062 .026 -.544 .06 -.554 .094 -.542
        nose: l .0042 .004 -.5 -.014 -.442 .012 -.436
        lips: p -.048 -.394 -.012 -.4 0 -.397 .012 -.4 .048 -.394 0 -.37
    """,
    "cat": """
        body: l .09 .2 -.08 .44 -.1 .52 -.22 .5 -.36 .42 -.48
        body*: e 0 -.27 .32 .347; e 0 -.68 .244 .217; P .06 -.82 .24 -.74 .21 -1; E .13 0 .11 .072
        pale~: e 0 -.2 .16 .25
        eye: E .1 -.7 .056 .053
        ink: E .1 -.7 .017 .044; L .004 .08 -.6 .34 -.63; L .004 .08 -.6 .34 -.605
        rose: p -.035 -.635 .035 -.635 0 -.595
    """,
    "beast": """
        body: l .05 -.36 -.55 -.52 -.6 -.6 -.44; P .2 -.45 .2 0 .28 0 .34 -.5
        body*: e 0 -.5 .38 .17; p .18 -.6 .42 -.88 .58 -.74 .36 -.42; e .5 -.82 .15 .1
        body*: p -.14 -.4 -.12 0 -.04 0 -.02 -.4; p .06 -.4 .08 0 .16 0 .18 -.4
        body: p .38 -.86 .4 -1.03 .49 -.9; e .62 -.79 .1 .06
        ink: e .53 -.85 .016 .018; e .71 -.8 .022 .02
    """,
    "dragon": """
        wing*: P .05 -.5 .44 -1 .62 -.52 .44 -.6 .36 -.4 .22 -.48
        body: l .1 .1 -.08 .4 -.06 .58 -.24; p .52 -.22 .64 -.36 .64 -.18
        body*: e 0 -.34 .22 .3; e 0 -.78 .18 .16; E .13 -.03 .09 .05; E .2 -.38 .06 .13
        pale: P .1 -.9 .2 -1.08 .05 -.93; e 0 -.3 .13 .22
        white: E .075 -.8 .042 .05
        ink: E .07 -.79 .024 .034; E .03 -.69 .01 .01
    """,
    "robot": """
        steel: l .02 0 -1 0 -1.1; e 0 -1.12 .03 .03
        steel: L .09 .2 -.55 .36 -.4 .32 -.2; L .1 .11 -.2 .13 0
        body*: p -.22 -.62 -.26 -.2 .26 -.2 .22 -.62; p -.2 -1 -.2 -.68 .2 -.68 .2 -1
        ink: p -.16 -.95 -.16 -.76 .16 -.76 .16 -.95
        glow: E .07 -.86 .035 .035; e 0 -.42 .06 .06
    """,
    "car": """
        body*: p -.8 -.12 -.78 -.3 -.52 -.35 -.3 -.54 .2 -.54 .46 -.34 .74 -.28 .8 -.12
        glass: p -.43 -.35 -.27 -.48 -.07 -.48 -.07 -.35; p -.02 -.35 -.02 -.48 .17 -.48 .35 -.35
        ink: E .46 -.13 .15 .15; l .012 -.05 -.34 -.05 -.14
        steel: E .46 -.13 .075 .075
        glow: e .75 -.24 .035 .03
    """,
    "plane": """
        body: p -.44 -.5 -.58 -.76 -.46 -.76 -.3 -.52
        body*: e 0 -.5 .54 .1
        wing: p -.06 -.5 -.34 -.12 -.2 -.12 .2 -.46
        glass: e .4 -.53 .06 .035; e .2 -.53 .02 .02; e .1 -.53 .02 .02; e 0 -.53 .02 .02
    """,
    "paperplane": """
        white: p -.62 -.5 .6 -.86 -.16 -.3
        pale: p -.16 -.3 .6 -.86 -.1 -.08; p .02 -.26 .6 -.86 .3 -.16
        wing~: p -.16 -.3 .6 -.86 -.1 -.08
    """,
    "bottle": """
        body*: p -.2 0 -.21 -.54 -.08 -.72 -.08 -.9 .08 -.9 .08 -.72 .21 -.54 .2 0
        pale: p -.16 -.14 -.16 -.42 .16 -.42 .16 -.14
        ink: p -.09 -.88 -.09 -1 .09 -1 .09 -.88; l .01 -.12 -.3 .12 -.3; l .01 -.12 -.24 .06 -.24
        white~: l .03 -.15 -.5 -.15 -.06
    """,
    "bag": """
        ink: l .035 -.17 -.5 -.15 -.78 .15 -.78 .17 -.5
        body*: p -.34 0 -.38 -.52 .38 -.52 .34 0
        wing: p -.375 -.52 .375 -.52 .3 -.3 0 -.24 -.3 -.3
        glow: e 0 -.26 .05 .04
    """,
    "sofa": """
        ink: P .5 -.1 .5 0 .56 0 .56 -.1
        body*: p -.56 -.2 -.56 -.66 .56 -.66 .56 -.2; p -.6 -.08 -.6 -.3 .6 -.3 .6 -.08
        wing: E .6 -.4 .1 .08; P .52 -.08 .52 -.4 .68 -.4 .68 -.08; l .008 0 -.62 0 -.1
    """,
    "balloon": """
        body*: e 0 -.68 .32 .32; P 0 -.52 .275 -.52 .1 -.23 0 -.23
        pale: e 0 -.68 .21 .32; P 0 -.52 .18 -.52 .064 -.23 0 -.23
        body: e 0 -.68 .1 .32; P 0 -.52 .083 -.52 .03 -.23 0 -.23
        ink: L .008 .083 -.23 .064 -.1
        fur: p -.07 -.12 .07 -.12 .07 0 -.07 0
    """,
    "house": """
        fur: p .42 -.9 .42 -.5 .62 -.5 .62 -.9
        body*: p -.85 .05 -.85 -.56 .85 -.56 .85 .05
        roof*: p -1.02 -.5 1.02 -.5 .62 -1 -.62 -1
        fur: p -.12 .05 -.12 -.32 .16 -.32 .16 .05
        window: p -.62 -.38 -.36 -.38 -.36 -.13 -.62 -.13; p .36 -.38 .62 -.38 .62 -.13 .36 -.13
        white~: e .54 -1 .07 .07; e .66 -1.18 .1 .1; e .78 -1.36 .13 .13; e .9 -1.54 .16 .16
    """,
    "castle": """
        stone*: p -.5 .1 -.5 -.36 .56 -.36 .56 .1; P .47 .1 .47 -.56 .56 -.56 .56 .1
        stone*: p -.3 .1 -.3 -.8 -.1 -.8 -.1 .1; p -.02 .1 -.02 -1.05 .18 -1.05 .18 .1
        stone*: p .24 .1 .24 -.68 .44 -.68 .44 .1
        cloth: P .44 -.55 .6 -.55 .52 -.82; p -.33 -.79 -.07 -.79 -.2 -1.08
        cloth: p -.05 -1.04 .21 -1.04 .08 -1.36; p .21 -.67 .47 -.67 .34 -.96
        window: E .52 -.4 .022 .035; e -.2 -.6 .025 .04; e -.2 -.3 .025 .04; e .34 -.5 .025 .04
        window: e .08 -.8 .025 .04; e .08 -.5 .025 .04; e .34 -.2 .025 .04
        ink: p 0 .1 0 -.14 .16 -.14 .16 .1; e .08 -.14 .08 .09
    """,
    "lighthouse": """
        stone*: p -.6 .14 -.32 -.06 -.06 -.1 .3 -.05 .7 .14
        white: p -.11 -.06 .11 -.06 .066 -.84 -.066 -.84
        cloth: p -.105 -.16 .105 -.16 .097 -.29 -.097 -.29
        cloth: p -.084 -.52 .084 -.52 .077 -.65 -.077 -.65
        ink: p -.09 -.83 .09 -.83 .09 -.865 -.09 -.865; p -.06 -.96 .06 -.96 0 -1.03
        glow: p -.044 -.865 .044 -.865 .044 -.965 -.044 -.965
    """,
    "tree": """
        fur: p -.06 0 .07 0 .03 -.6 -.03 -.6; L .02 0 -.36 .2 -.68; l .02 0 -.4 -.1 -.8
        shade: E .22 -.66 .11 .1; e 0 -.92 .17 .13; E .13 -.8 .17 .17; e 0 -.7 .2 .16
        leaf: e -.22 -.7 .09 .08; e .18 -.74 .1 .09; e -.1 -.88 .14 .12; e .1 -.9 .1 .08
        pale leaf~: e -.12 -.9 .09 .07; e .06 -.78 .09 .07; e -.22 -.74 .06 .05; e .16 -.82 .07 .05
    """,
    "campfire": """
        fur: L .11 -.52 .02 .46 -.1; l .11 -.3 .02 .3 .02
        flame 1: p -.3 0 -.28 -.4 0 -1 .28 -.4 .3 0; P .06 0 .2 -.7 .32 0
        flame 2: p -.22 0 -.2 -.32 0 -.82 .2 -.32 .22 0; P .06 0 .14 -.54 .22 0
        flame 3: p -.14 0 -.13 -.2 0 -.56 .13 -.2 .14 0
        flame 4: p -.08 0 -.07 -.12 0 -.3 .07 -.12 .08 0
        flame 2: E .3 -.9 .012 .012; e .1 -1.2 .012 .012; e -.2 -1.3 .01 .01; e .24 -1.06 .01 .01
    """,
    "fruit": """
        fruit: E .24 -.24 .16 .13; e 0 -.26 .17 .14; e 0 -.14 .17 .12
        peel: E .28 -.4 .18 .15; e 0 -.5 .18 .15
        fruit: E .15 -.58 .18 .15
        peel: e 0 -.74 .19 .15; E .17 -.74 .04 .03
        white~: e -.05 -.8 .07 .045; E .15 -.64 .06 .04; E .32 -.46 .06 .04; e 0 -.56 .06 .04
        water~: P 0 -.44 .55 -.44 .53 -.3 .46 -.16 .34 -.06 .18 0 0 0
        white: L .012 .55 -.44 .53 -.3 .46 -.16 .34 -.06 .18 0 0 0
        white: L .014 .55 -.44 .5 -.4 .3 -.365 0 -.35; L .014 .55 -.44 .5 -.48 .3 -.515 0 -.53
        white~: l .03 -.42 -.36 -.36 -.2 -.26 -.1
    """,
    "boat": """
        ink~: p -.4 .1 .42 .1 .12 .75 -.1 .7
        fur: p -.55 -.06 .6 -.06 .4 .13 -.4 .13
        ink: l .02 0 -.05 0 -1.05
        body: p .03 -.98 .5 -.14 .03 -.12
        wing: p -.03 -.9 -.38 -.14 -.03 -.12
    """,
}
_CLOTHS = ((58, 88, 134), (150, 60, 70), (60, 110, 96), (94, 74, 120))
_FURS = ((224, 146, 70), (74, 70, 78), (236, 228, 214), (140, 118, 98))
_PAINTS = ((196, 52, 48), (48, 96, 168), (232, 178, 60), (70, 140, 120))
_USUAL: Mapping[str, tuple[Colour, ...]] = {
    "portrait": _CLOTHS,
    "cat": _FURS,
    "beast": _FURS,
    "robot": ((176, 186, 198), (228, 230, 232)),
    "plane": ((232, 234, 238),),
    "paperplane": ((168, 176, 196),),
    "dragon": ((84, 158, 92), (150, 84, 168), (186, 66, 52)),
    "balloon": ((214, 70, 60),),
    "boat": ((250, 244, 232),),
    "house": ((214, 186, 152),),
}
_FLAMES = ((206, 62, 22), (244, 126, 30), (255, 202, 74), (255, 244, 190))
_LEMON = (250, 212, 44)
_SKINS = ((244, 206, 178), (214, 164, 126), (164, 112, 80), (112, 74, 54))
_HAIRS = ((54, 36, 30), (24, 20, 26), (150, 92, 44), (196, 150, 84), (150, 60, 40))
_IRISES = ((70, 110, 140), (84, 60, 40), (74, 110, 72))
_SIZES = {"portrait": 1.0, "balloon": 0.53, "boat": 0.18, "cat": 0.36, "plane": 0.36}
_BUILT = {  # size, and the foot below the horizon
    "house": (0.12, 0.13),
    "castle": (0.3, 0.03),
    "lighthouse": (0.36, 0.06),
    "tree": (0.46, 0.2),
}


def figure(name: str, canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a thing of the list: people in the middle, what flies in the sky, others in front."""
    if name in _BUILT:
        _building(name, canvas, scene, palette, layout)
        return
    size = _SIZES.get(name, 0.46)
    middle = 0.5 + canvas.rng.uniform(-0.05, 0.05)
    side, high = 1 - beside(canvas, layout), canvas.rng.uniform(0.55, 0.66)
    place = {
        "portrait": (middle, 1.0),
        "balloon": (middle, high + 0.03),
        "plane": (middle, high - 0.1),
        "paperplane": (middle, high - 0.1),
        "boat": (side, layout.horizon + high - 0.47),
        "cat": (side, 0.95),
        "fruit": (side if "portrait" in scene.things else middle, 0.94),
        "bottle": (side, 0.95),
        "bag": (side, 0.95),
    }.get(name, (middle, 0.94))
    if name not in ("portrait", "balloon", "plane", "paperplane", "boat"):
        _ground(canvas, scene, palette, place, size)
    if name == "campfire":
        canvas.glow((place[0], 0.78), 0.46, (255, 150, 60), 0.6)
    _paint(name, canvas, scene, palette, place, size)


def _building(name: str, canvas: Canvas, scene: Scene, palette: Palette, layout: Layout) -> None:
    """Paint a building away from the sun, on an island if the scene has water."""
    size, low = _BUILT[name]
    x, watery = beside(canvas, layout), bool(scene.places & {"sea", "lake"})
    y = layout.horizon + (min(low, 0.05) if watery else low)
    if name == "castle" or (watery and name != "lighthouse"):
        half = (1.15 if watery else 1.5) * size if name == "castle" else 0.24
        islet(canvas, palette, (x, y + 0.03 * (name == "castle")), half, on_land=not watery)
    _paint(name, canvas, scene, palette, (x, y), size)
    if name == "lighthouse" and scene.light != "day":
        lamp, away = (x, y - 0.92 * size), -1 if x > 0.5 else 1
        cone = [lamp, *((x + away * 0.9, lamp[1] + up) for up in (-0.12, 0.06))]
        canvas.area(cone, (255, 240, 190), blur=0.012, opacity=0.3)
        canvas.glow(lamp, 0.11, (255, 238, 180), 0.9)


def _paint(
    name: str, canvas: Canvas, scene: Scene, palette: Palette, foot: Point, size: float
) -> None:
    colours = _colours(name, canvas, scene, palette)
    for line in _PARTS[name].strip().splitlines():
        _part(canvas, foot, size, line, colours, palette)


def _colours(name: str, canvas: Canvas, scene: Scene, palette: Palette) -> Mapping[str, Colour]:
    body = scene.accent(canvas.rng.choice(_USUAL.get(name, _PAINTS)))
    body = mix(body, palette.dark, 0.3 if scene.light == "night" else 0.06)
    skin, hair, iris = (canvas.rng.choice(one) for one in (_SKINS, _HAIRS, _IRISES))
    hair = scene.hair or hair
    rose, long = mix((206, 84, 84), skin, 0.2), canvas.rng.random() < 0.6
    long = (long and not scene.is_male) if scene.is_long is None else scene.is_long
    lips = mix(skin, (150, 70, 64), 0.4) if scene.is_male else rose
    face = {
        "skin": skin,
        "nose": mix(skin, palette.dark, 0.22),
        "eyes": (250, 248, 244),
        "iris": iris,
        "pupil": (26, 24, 30),
        "lips": lips,
        **({} if scene.is_male else {"blush": rose}),
    }
    return {
        "body": body,
        "wing": mix(body, palette.dark, 0.35),
        "pale": mix(body, (255, 250, 240), 0.6),
        **({"skin": hair} if scene.is_behind else face),
        "neck": mix(skin, palette.dark, 0.22),
        "hair": hair,
        **({"short": hair, "ear": skin} if scene.is_male else {"bob": hair}),
        **({"long": hair} if long else {}),
        "rose": rose,
        "eye": (226, 214, 96),
        "stone": mix(mix(palette.far, palette.dark, 0.5), (190, 180, 176), 0.2),
        "roof": (236, 240, 248)
        if scene.season == "winter"
        else mix((150, 72, 56), palette.dark, 0.3),
        "cloth": mix(scene.accent((190, 62, 70)), palette.dark, 0.15),
        "window": palette.window,
        "leaf": palette.foliage,
        "shade": mix(palette.foliage, palette.dark, 0.35),
        "pale leaf": mix(palette.foliage, palette.sun, 0.3),
        **{f"flame {n + 1}": one for n, one in enumerate(_FLAMES)},
        "fruit": mix(scene.accent(_LEMON), (110, 80, 10), 0.2),
        "peel": mix(scene.accent(_LEMON), (110, 80, 10), 0.06),
        "water": (214, 232, 240),
        "fur": mix((118, 72, 48), palette.dark, 0.2),
        "white": (250, 248, 244),
        "ink": (26, 24, 30),
        "steel": (164, 170, 180),
        "glass": mix((176, 208, 226), palette.dark, 0.15),
        "glow": (255, 226, 130),
    }


def _ground(canvas: Canvas, scene: Scene, palette: Palette, foot: Point, size: float) -> None:
    """Paint a shadow, and firm ground where the scene has water."""
    (x, y), wide = foot, size * canvas.aspect
    if scene.places & {"sea", "lake"}:
        ground = palette.sand if "sea" in scene.places else palette.near
        canvas.layer(
            lambda pen: pen.ellipse((x, 1.03), 1.7 * wide, 0.12),
            (ground, mix(ground, palette.dark, 0.3)),
            top=0.9,
        )
    canvas.layer(
        lambda pen: pen.ellipse((x, y), 0.6 * wide, 0.07 * size),
        palette.dark,
        blur=0.01,
        opacity=0.5,
    )


def _part(
    canvas: Canvas,
    foot: Point,
    size: float,
    line: str,
    colours: Mapping[str, Colour],
    palette: Palette,
) -> None:
    """Paint the shapes of a line in its color."""
    name, _, shapes = line.strip().partition(": ")
    at, wide = canvas.frame(foot, size), size * canvas.aspect
    drawn = [*chain.from_iterable(_mirrored(*one.split()) for one in shapes.split("; "))]

    def draw(pen: Pen) -> None:
        for kind, numbers in drawn:
            spare = len(numbers) % 2
            points = [
                at(*one) for one in zip(numbers[spare::2], numbers[spare + 1 :: 2], strict=True)
            ]
            if kind in "ex":
                pen.ellipse(points[0], numbers[2] * wide, numbers[3] * size, 255 * (kind == "e"))
            elif kind == "p":
                pen.polygon(points)
            else:
                pen.line(points, numbers[0] * size)

    colour = colours.get(name.rstrip("*~"))
    if colour is None:
        return
    if name.endswith("~"):
        canvas.layer(draw, colour, blur=0.012 * size, opacity=0.42)
    elif name.endswith("*"):
        lit = (mix(colour, palette.sun, 0.22), colour, mix(colour, palette.dark, 0.25))
        canvas.layer(draw, lit, top=max(0, foot[1] - size), bottom=min(1, foot[1]))
    else:
        canvas.layer(draw, colour)


def _mirrored(kind: str, *texts: str) -> list[tuple[str, list[float]]]:
    """Return a shape, and its twin if its letter is a capital."""
    numbers = [float(one) for one in texts]
    shapes = [(kind.lower(), numbers)]
    if kind == "E":
        shapes.append(("e", [-numbers[0], *numbers[1:]]))
    elif kind.isupper():
        spare = len(numbers) % 2
        twin = [-one if (place - spare) % 2 == 0 else one for place, one in enumerate(numbers)]
        shapes.append((kind.lower(), [*numbers[:spare], *twin[spare:]]))
    return shapes
