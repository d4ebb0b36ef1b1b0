"""Sounds on the stage."""

from __future__ import annotations

import io
import json
import wave

from playwright.sync_api import expect

from tests.support.brought import give
from tests.support.visitor import Site, Visit

SILENCE = {
    "1": {
        "class_type": "EmptyAudio",
        "inputs": {"duration": 3.0, "sample_rate": 8000, "channels": 1},
    },
    "2": {"class_type": "SaveAudio", "inputs": {"filename_prefix": "x", "audio": ["1", 0]}},
}
TRIMMED = {
    "1": {"class_type": "LoadAudio", "inputs": {"audio": "x.wav"}},
    "2": SILENCE["2"],
}
# Return the contrast of an element's text with the page.
CONTRAST = """(one) => {
    const light = (color) => {
        const [red, green, blue] = color.match(/[\\d.]+/g).map((part) =>
            part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const [text, page] = [one, document.body].map((at) => getComputedStyle(at));
    const ratio = light(text.color) / light(page.backgroundColor);
    return Math.max(ratio, 1 / ratio);
}"""


def test_the_player_of_a_field_looks_switched_on(fast: Site, visit: Visit) -> None:
    """Its buttons and times are readable in both themes."""
    person = visit(fast).open()
    page = person.page
    give(page, json.dumps(TRIMMED).encode(), "trim.json")
    expect(page.locator("#heading h1")).to_have_text("Trim")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\x20\0\xe0" * 8000)
    chosen = page.locator("#form input[type=file]").first
    chosen.set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": sound.getvalue()})
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for name in ("Play", "Trim audio to selection"):
            button = page.locator("#form").get_by_role("button", name=name, exact=True)
            expect(button).to_be_visible()
            assert button.evaluate(CONTRAST) >= 4.5, (theme, name)


def test_a_sound_has_its_length_and_rate_below_it(fast: Site, visit: Visit) -> None:
    """The card has the waveform and the player, without a heading. A silent sound says so."""
    person = visit(fast).open("text-to-sound", **{"5.seconds": 4, "6.steps": 1})
    person.press()
    person.phase("done")
    card = person.page.locator("#stage .media .card")
    expect(card.locator("audio")).to_be_visible()
    expect(card.locator(".waveform")).to_be_visible()
    expect(card.locator(".kind, .name, .note")).to_have_count(0)
    facts = person.page.locator("#stage .copy[data-part=size]")
    expect(facts).to_have_text("0:04 · 22.05 kHz")
    give(person.page, json.dumps(SILENCE).encode(), "silence.json")
    expect(person.page.locator("#heading h1")).to_have_text("Silence")
    person.ready()
    person.press()
    person.phase("done")
    expect(card.locator(".note")).to_have_text("This sound is silent.")
    expect(card.locator(".waveform")).to_have_count(0)
    expect(facts).to_have_text("0:03 · 8 kHz")
