"""Convert a text to a scene of the few things that the painter can draw.

Known words choose light, place, things and style. Unknown words still affect colors and shapes
through their hash, so that no two texts give the same image. `languages.json` translates the words
of the app's examples.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

Colour = tuple[int, int, int]

Light = Literal["day", "sunset", "dawn", "night", "grey"]
Season = Literal["summer", "autumn", "winter", "spring"]
T = TypeVar("T", bound=str)
_WORD = re.compile(r"[\w'-]+")
_TINT = re.compile(  # a color before a noun, otherwise a thing
    r"(?<!\ban )(?<!\bthe )\borange\b()|\b(?:orange|rose|lime|lemon|apple|cherry)\s+([\w'-]+)"
)
_GONE = re.compile(  # what isn't to be seen, and what stays as it is
    r"\b(?:no|not|without|removes?|removing|delete|erase|keep|keeping)\b[^,.;]*"
    r"|\b(?:replace|change|swap|turn|convert|transform)\b[^,.;]{0,100}?\b(?:with|to|into)\b"
)
_CUT = re.compile(
    r"\bremov\w+ (?:the |any |its |image |photo )*background|\bbackground remov"
    r"|\b(?:white|plain|transparent) background"
)
_EXTENDED = re.compile(r"\b(?:outpaint|uncrop|extend|expand)")
_SHEET = re.compile(
    r"\b(?:character|model|reference) sheet|turnaround|\b(?:various|different|several) poses"
)
_PICTURE = "photo|image|picture|film|movie|portrait|print|drawing|sketch|painting|style|art|scene"
_OF_PART = re.compile(  # words for a manner that tell of one thing in the picture
    rf"\b(?:monochrome|gr[ae]yscale|noir) (?!{_PICTURE}|with\b|and\b|of\b|in\b)(?=\w)"
    rf"|\bcharcoal\b(?! (?:{_PICTURE}))|(?<!as a )\bposter\b(?! (?:{_PICTURE}))"
)
_BEHIND = re.compile(
    r"\b(?:from (?:behind|the back)|(?:walk|fac|turn|runn)(?:ing|ed) away|(?:rear|back) view)"
)
_OLD = re.compile(r"\b(?:old|elderly|aged) \w|\bgrand(?:mother|father)|\b[6-9]\d[ -]years?[ -]old")
_LONG = re.compile(r"\blong\b[^.;]{0,30}\bhair|ponytail|\bbraid")
_SHORT = re.compile(r"\bshort\b[^.;]{0,20}\bhair|\bbun\b|\bbob\b|\bbald")
_HEADLINE = re.compile(  # words to be read in the picture
    r"\b(?:headline|title|text|words?|letter(?:s|ing)|slogan|logo|sign|says|saying|reads|reading)\b"
    r"[^\"“”「」.;]{0,40}[\"“「]([^\"“”「」\n]{1,40})[\"”」]",
    re.IGNORECASE,
)
_ADDS = re.compile(
    r"\b(?:add|insert|put|plac|replac|swap|chang|turn|convert|transform)(?:s|e|es|ing)?\b"
)
_SWAPS = re.compile(
    r"\b(?:replace|swap|change|turn|convert|transform)\b[^.;]{0,100}\b(?:with|to|into|for)\b"
)
_ANGLE = re.compile(
    r"\b(?:turn|rotat|orbit|angle|azimuth|camera)\w*\b[^.;\d]{0,40}?(-?\d{1,3}) ?(?:°|deg)"
    r"|\b(quarter|side|profile) view|(旋转|回転)(\d{1,3})度"
)
_NOT_NIGHT = re.compile(r"\bdark (?!(?:sky|night|forest|street|alley|room|and|scene)\b)(?=\w)")
_NOT_ROOM = re.compile(r"\bstudio (?:ghibli|light\w*|photo\w*|portrait|background|shot|quality)")
_UNCOLORED = re.compile(rf"\bblack[ -]and[ -]white(?= (?:{_PICTURE}))")
_OF_FAULTS = frozenset({"face", "character", "artist"})  # "deformed face": no person is meant

_LIGHTS: dict[Light, str] = {
    "sunset": "sunset dusk evening golden orange warm fire twilight amber lava autumnal",
    "dawn": "dawn sunrise morning first pink pastel dreamy soft peach",
    "night": (
        "night midnight moon moonlit stars starry dark aurora nocturnal neon cyberpunk galaxy milky"
    ),
    "grey": "storm stormy rain rainy fog foggy mist misty overcast gloomy cloudy moody",
    "day": "day noon midday sunny bright summer clear daylight sunlit sunlight daytime",
}
_TONES = "golden orange warm fire amber lava first pink pastel dreamy soft dark neon midnight"
_SEASONS: dict[Season, str] = {
    "autumn": "autumn fall october november maple harvest",
    "winter": "winter snow snowy ice icy frozen frost arctic christmas december january",
    "spring": "spring blossom cherry april may easter",
    "summer": "summer tropical july august",
}
_PLACES: dict[str, str] = {
    "canyon": "canyon gorge ravine",
    "room": (
        "room tatami studio interior indoor indoors kitchen bedroom office cafe restaurant library"
        " classroom hall gallery gym corridor hallway laboratory runway"
    ),
    "desert": "desert dune dunes sahara oasis wasteland western",
    "town": "town village harbour harbor port",
    "sea": (
        "sea ocean coast beach wave waves shore island harbour harbor bay lighthouse boat ship"
        " sailboat surf marine whale underwater seabed"
    ),
    "lake": "lake pond river fjord reflection reflections water",
    "mountains": (
        "mountain mountains alps peak peaks cliff cliffs valley glacial plateau"
        " summit dragon epic volcano himalaya"
    ),
    "hills": (
        "hill hills meadow field fields countryside farm landscape prairie grass tuscany grassland"
        " scenery nature savannah lawn park"
    ),
    "forest": (
        "forest wood woods trees pine pines jungle wilderness deer fox bear wolf fairy enchanted"
    ),
    "city": (
        "city skyline street skyscraper skyscrapers tokyo york london paris urban building"
        " buildings cyberpunk neon robot downtown car cars alley"
        " alleyway subway skatepark platform station"
    ),
    "space": (
        "space planet planets nebula galaxy cosmos universe astronaut spaceship orbit saturn alien"
    ),
}
_THINGS: dict[str, str] = {
    "lighthouse": "lighthouse beacon",
    "boat": "boat boats ship sailboat sailing yacht pirate",
    "house": "house cabin cottage hut home farm barn",
    "castle": "castle fortress palace tower kingdom fairytale medieval",
    "tree": "tree oak willow lonely bonsai",
    "flowers": (
        "flower flowers rose roses tulip tulips poppy poppies garden blossom bouquet lavender"
        " sunflower"
    ),
    "portrait": (
        "portrait portraits woman women man men girl girls boy boys child children kids person face"
        " lady people human humans female male driver king queen princess selfie astronaut"
        " wizard witch knight knights warrior she he her his character characters figure cowboy"
        " runner skateboarder skier dancer musician singer baker bakers boxer boxers detective"
        " guitarist pianist statue sculpture baby royal couple mother father soldier bride anime"
        " doctor chef elf fairy vampire god goddess player athlete subject rider"
        " host guest guests monk samurai ninja geisha ballerina student teacher fashion"
        " surfer surfers snowboarder cyclist bikers nurse superhero"
    ),
    "cat": "cat cats kitten kitty",
    "beast": (
        "dog dogs puppy dalmatian fox foxes wolf wolves bear bears horse horses deer lion tiger"
        " leopard cheetah panda cow sheep rabbit rabbits bunny animal animals creature gorilla"
        " elephant giraffe zebra mouse otter hedgehog donkey unicorn monster corgi husky"
    ),
    "dragon": "dragon dragons dinosaur phoenix wyvern",
    "robot": "robot robots robotic android mech cyborg drone machine superman mascot toy doll",
    "car": (
        "car cars supercar vehicle vehicles automobile porsche taxi truck bus van sedan motorcycle"
        " motorbike convertible f1 nissan"
    ),
    "paperplane": "paperplane",
    "plane": "plane planes airplane aircraft jet rocket spaceship mothership helicopter",
    "bottle": (
        "bottle bottles perfume product wine dispenser jar tube serum lotion shampoo soda"
        " beer cosmetics beverage packaging skincare"
    ),
    "bag": "bag bags handbag backpack purse suitcase",
    "sofa": "sofa couch armchair chair furniture living lounge",
    "campfire": "campfire campfires bonfire fireplace",
    "beach": "beach waves surf",
    "fruit": "fruit fruits lemon lemons orange oranges apple apples lime limes",
    "balloon": "balloon balloons",
    "birds": "bird birds gull gulls seagull swan crow raven eagle",
    "clouds": "cloud clouds cloudy",
    "stars": "star stars starry",
    "moon": "moon moonlit crescent",
    "sun": "sun",
    "rain": "rain rainy storm stormy",
    "snowfall": "snowing snowfall blizzard snowflakes",
}
_MEN = frozenset({"man", "men", "male", "boy", "boys", "he", "his", "king", "father"})
_MANNERS: dict[str, str] = {
    "watercolour": "watercolour watercolor aquarelle",
    "poster": "pop poster cartoon",
    "ink": "ink sketch drawing lines comic manga outline engraving",
    "mono": "monochrome grayscale greyscale noir charcoal",
}
_COLOURS: dict[str, Colour] = {
    "red": (214, 51, 52),
    "orange": (236, 128, 40),
    "yellow": (246, 200, 66),
    "gold": (232, 179, 60),
    "golden": (232, 179, 60),
    "green": (70, 150, 84),
    "turquoise": (50, 178, 178),
    "teal": (32, 140, 140),
    "blue": (58, 108, 200),
    "purple": (134, 78, 176),
    "violet": (134, 78, 176),
    "lavender": (164, 138, 214),
    "pink": (236, 130, 170),
    "silver": (188, 192, 200),
    "white": (244, 241, 232),
    "black": (38, 36, 44),
    "brown": (124, 84, 56),
    "oranges": (240, 138, 36),
    "apple": (206, 44, 40),
    "apples": (206, 44, 40),
    "limes": (126, 188, 58),
}
_HAIRS: dict[str, Colour] = {
    **_COLOURS,
    "blond": (222, 186, 112),
    "blonde": (222, 186, 112),
    "grey": (172, 172, 176),
    "gray": (172, 172, 176),
    "dark": (38, 30, 30),
    "ginger": (206, 98, 40),
    "red": (178, 58, 36),
}
_HAIR = re.compile(
    rf"\b({'|'.join(_HAIRS)})[ -]+(?:[\w-]+,? ){{0,3}}?"
    r"(?:hair|haired|ponytail|braids?|bun|curls|bob)\b"
    rf"|\bhair +({'|'.join(_HAIRS)})\b"
)
_FOREIGN: dict[str, str] = {
    word: english
    for english, words in json.loads(
        Path(__file__).with_name("languages.json").read_text(encoding="utf-8")
    ).items()
    for word in words.split(", ")
}
# The longest first, as one may begin with another. Japanese and Chinese don't part their words.
_FOREIGN_WORD = re.compile(
    "|".join(
        rf"\b{word}\b" if word < "\u2e80" else word
        for word in sorted(_FOREIGN, key=len, reverse=True)
    )
)
_READ = 2_000  # characters of a text
_FEW = 14  # words of an edit that only names a thing
_MOST = 5  # things of a scene: the first that are named
_FALLBACK_PLACES = ("hills", "mountains", "lake", "sea", "forest")
_FIRM_PLACES = ("hills", "forest", "mountains")
_ANYWHERE = frozenset(
    {"lighthouse", "boat", "plane", "beach", "birds", "clouds", "stars", "moon", "sun", "rain"}
)
# fmt: off
_EMPTY_WORDS = frozenset(
    {
        "a", "an", "the", "of", "in", "on", "at", "by", "and", "with", "over", "under", "to",
        "for", "is", "it", "its", "as", "from", "into", "very", "highly", "detailed", "quality",
        "best", "masterpiece", "photo", "photograph", "picture", "image", "painting", "art",
        "artwork", "beautiful", "4k", "8k", "hd", "realistic",
    }
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Scene:
    """The scene to paint."""

    light: Light
    is_lit: bool
    """Whether a word names the light."""
    is_placed: bool
    """Whether a word names a place. Otherwise an image that is given keeps its content."""
    season: Season
    places: frozenset[str]
    things: frozenset[str]
    manners: frozenset[str]
    accents: tuple[Colour, ...]
    mood: int
    """Derived from the unknown words; shifts the colors a little and moves the composition."""
    avoided: frozenset[str]
    is_male: bool
    """Whether a word says that the person is a man."""
    is_added: bool
    """Whether the words add a person to an image. Other long words describe the one in it."""
    is_swap: bool
    """Whether the words put a thing in the place of another."""
    turn: int
    """Degrees that the camera is turned by, to the left if the words say so."""
    is_cut: bool
    """Whether the words take away an image's background."""
    is_extended: bool
    """Whether the words add to an image that stays as it is."""
    hair: Colour | None
    """The color of a person's hair, if words tell it."""
    is_long: bool | None
    """Whether a person's hair is long, None without a word for that."""
    is_behind: bool
    """Whether a person is seen from behind."""
    headline: str
    """The words to be read in the image."""
    is_sheet: bool
    """True if the words ask for several views of a thing."""

    def accent(self, usual: Colour) -> Colour:
        """Return the first color that a word names, otherwise the usual one."""
        return self.accents[0] if self.accents else usual


def telling_words(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case, without filler words."""
    return tuple(word for word in _WORD.findall(_in_english(text)) if word not in _EMPTY_WORDS)


def _in_english(text: str) -> str:
    return _FOREIGN_WORD.sub(lambda word: f" {_FOREIGN[word[0]]} ", text[:_READ].lower())


def read(text: str, negative: str) -> Scene:
    """Return the scene that a positive and a negative text describe together."""
    mood = hashed(" ".join(sorted(telling_words(text))))
    whole = _in_english(text)
    headline = _HEADLINE.search(text[:_READ])
    text = _HEADLINE.sub(" ", _NOT_ROOM.sub(" ", _NOT_NIGHT.sub(" ", _GONE.sub(" ", whole))))
    hair = _HAIR.search(text) or _HAIR.search(whole)
    text = _UNCOLORED.sub("monochrome", _HAIR.sub(" hair ", text))
    words = telling_words(text)
    unwanted = set(telling_words(negative)) - _OF_FAULTS
    avoided = _all(_THINGS, unwanted) | _all(_PLACES, unwanted)
    places = _all(_PLACES, words) - avoided
    places = places & {"room"} or places  # nothing else is in it
    known = {word: name for name, listed in _THINGS.items() for word in listed.split()}
    named = (known.get(word) for word in telling_words(_TINT.sub(_of_tint, text)))
    things = frozenset([one for one in dict.fromkeys(named) if one and one not in avoided][:_MOST])
    is_placed = bool(_all(_PLACES, set(words) - known.keys()) - avoided)
    if not places:
        usual = _FIRM_PLACES if things - _ANYWHERE else _FALLBACK_PLACES
        allowed = [place for place in usual if place not in avoided] or ["hills"]
        places = frozenset({allowed[mood % len(allowed)]})
    plain = tuple(word for word in words if word not in _TONES.split())
    light = _first(_LIGHTS, plain, unwanted) or _first(_LIGHTS, words, unwanted)
    return Scene(
        light=light or _fallback_light(mood, unwanted),
        is_lit=light is not None,
        is_placed=is_placed,
        season=_first(_SEASONS, words, unwanted) or "summer",
        places=places,
        things=things,
        manners=_all(_MANNERS, telling_words(_OF_PART.sub(" ", text))) - _all(_MANNERS, unwanted),
        accents=tuple(_COLOURS[word] for word in words if word in _COLOURS),
        mood=mood,
        avoided=avoided,
        is_male=not _MEN.isdisjoint(words),
        hair=_HAIRS[hair[1] or hair[2]] if hair else _HAIRS["grey"] if _OLD.search(whole) else None,
        is_long=True if _LONG.search(whole) else False if _SHORT.search(whole) else None,
        is_behind=bool(_BEHIND.search(whole)),
        is_added=len(words) <= _FEW or bool(_ADDS.search(whole)),
        is_swap=bool(_SWAPS.search(whole)),
        turn=_turned(whole),
        headline=headline[1] if headline else "",
        is_cut=bool(_CUT.search(whole)),
        is_extended=bool(_EXTENDED.search(whole)),
        is_sheet=bool(things and _SHEET.search(whole)),
    )


def _turned(text: str) -> int:
    match = _ANGLE.search(text)
    if match is None:
        return 180 if "back view" in text else 0
    degrees = int(match[1] or match[4] or (45 if match[2] == "quarter" else 90))
    left = re.search("left|向左|左に", text) and degrees > 0
    return (-degrees if left else degrees) % 360


def _of_tint(match: re.Match[str]) -> str:
    return match[0] if match[2] in _EMPTY_WORDS else match[2] or ""


def hashed(*parts: object) -> int:
    """Return a number that depends on all parts and is the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def _all(table: dict[str, str], words: Iterable[str]) -> frozenset[str]:
    word_set = set(words)
    return frozenset(
        name for name, known in table.items() if not word_set.isdisjoint(known.split())
    )


def _first(table: Mapping[T, str], words: tuple[str, ...], unwanted: set[str]) -> T | None:
    """Return the entry whose word comes first in the text, or None."""
    for word in words:
        for name, known in table.items():
            if word in known.split() and unwanted.isdisjoint({word}):
                return name
    return None


def _fallback_light(mood: int, unwanted: set[str]) -> Light:
    lights: tuple[Light, ...] = ("day", "sunset", "dawn")
    choices = [light for light in lights if unwanted.isdisjoint(_LIGHTS[light].split())]
    return choices[(mood >> 8) % len(choices)] if choices else "day"
