"""Sounds on the stage."""

from __future__ import annotations

import io
import json
import re
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
# Return the contrast of an element's text with the player.
CONTRAST = """(one) => {
    const light = (color) => {
        const most = color.startsWith("color(") ? 1 : 255;
        const [red, green, blue] = color.match(/[\\d.]+/g).map((part) => part / most).map((part) =>
            part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
    };
    const below = one.closest(".component-wrapper");
    const ratio = light(getComputedStyle(one).color) / light(getComputedStyle(below).backgroundColor);
    return Math.max(ratio, 1 / ratio);
}"""
# Return the color of the part of a waveform that was played, and the accent color.
PLAYED = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const at = data.findIndex((value, at) => at % 4 === 3 && value === 255);
    const hex = [...data.slice(at - 3, at)].map((value) => value.toString(16).padStart(2, "0"));
    return [`#${hex.join("")}`, getComputedStyle(document.body).getPropertyValue("--primary-500")];
}"""


def test_the_player_of_a_field_looks_switched_on(fast: Site, visit: Visit) -> None:
    """Its buttons and times are readable in both themes, and its buttons have short names. The part
    that was played or chosen has the accent color."""
    person = visit(fast, locale="en-US").open()
    page = person.page
    give(page, json.dumps(TRIMMED).encode(), "trim.json")
    expect(page.locator("#heading h1")).to_have_text("Trim")
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\x20\0\xe0" * 8000)
    form = page.locator("#form")
    chosen = form.locator("input[type=file]").first
    chosen.set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": sound.getvalue()})
    controls = form.get_by_test_id("waveform-controls").get_by_role("button")
    names = ["Volume", "Speed", "Skip back", "Play", "Skip forward", "Reset", "Trim"]
    expect(controls).to_have_count(len(names))
    for button, name in zip(controls.all(), names, strict=True):
        expect(button).to_have_accessible_name(name)
        expect(button).to_have_attribute("title", name)
    played, accent = form.locator("#waveform .progress canvas").first.evaluate(PLAYED)
    assert played == accent
    texts = [*controls.all()[:-2], *form.locator(".timestamps time").all()]
    controls.last.click()
    length = form.locator("#trim-duration")
    expect(length).to_be_visible()
    page.mouse.move(0, 0)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for text in (*texts, length):
            assert text.evaluate(CONTRAST) >= 4.5, (theme, text)


def test_a_sound_has_its_length_and_rate_below_it(fast: Site, visit: Visit) -> None:
    """The card has only the player, with the waveform, and so has the page that a link leads to. A
    silent sound says so."""
    person = visit(fast).open("text-to-sound", **{"5.seconds": 4, "6.steps": 1})
    person.press()
    person.phase("done")
    card = person.page.locator("#stage .media .card")
    expect(card.locator(".player .waveform")).to_be_visible()
    expect(card.locator(".kind, .name, .note")).to_have_count(0)
    wave = card.locator(".waveform").bounding_box()
    assert wave
    assert wave["height"] >= 200
    facts = person.page.locator("#stage .fact[data-part=size]")
    expect(facts).to_have_text("0:04 · 22.05 kHz")
    person.act("Share…")
    person.page.get_by_role("button", name="Create link").click()
    link = person.page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile("/shared/"))
    shared = person.page.context.new_page()
    shared.goto(link.input_value())
    expect(shared.locator("main .player .waveform")).to_be_visible()
    shared.get_by_role("button", name="Play").click()
    expect(shared.get_by_role("button", name="Pause")).to_be_visible()
    shared.close()
    person.page.keyboard.press("Escape")
    give(person.page, json.dumps(SILENCE).encode(), "silence.json")
    expect(person.page.locator("#heading h1")).to_have_text("Silence")
    person.ready()
    person.press()
    person.phase("done")
    expect(card.locator(".note")).to_have_text("This sound is silent.")
    expect(card.locator(".waveform")).to_have_count(0)
    expect(facts).to_have_text("0:03 · 8 kHz")


def test_several_sounds_are_a_list_of_low_cards(fast: Site, visit: Visit) -> None:
    """Each card has a player and whole borders. The actions follow the last card. Playing one sound
    pauses the other. The arrow keys seek, and the space bar plays and pauses."""
    person = visit(fast).open()
    page = person.page
    sound = {**SILENCE["1"], "inputs": {"duration": 3.5, "sample_rate": 8000, "channels": 1}}
    another = {**SILENCE["2"], "inputs": {"filename_prefix": "y", "audio": ["3", 0]}}
    give(page, json.dumps(SILENCE | {"3": sound, "4": another}).encode(), "two-sounds.json")
    expect(page.locator("#heading h1")).to_have_text("Two sounds")
    person.generate()
    cards = page.locator("#stage .grid .cell")
    expect(cards).to_have_count(2)
    first, last = (card.bounding_box() for card in cards.all())
    actions = page.locator("#stage .under").bounding_box()
    assert first
    assert last
    assert actions
    assert (first["x"], first["height"]) == (last["x"], last["height"]) == (last["x"], 128)
    assert 0 <= actions["y"] - last["y"] - 128 < 20
    radius = "one => getComputedStyle(one).borderRadius"
    assert page.locator("#stage .viewport").evaluate(radius) == cards.first.evaluate(radius)
    one, other = cards.locator(".player").all()
    one.get_by_role("button", name="Play").click()
    expect(one.get_by_role("button", name="Pause")).to_be_visible()
    other.get_by_role("button", name="Play").click()
    expect(one.get_by_role("button", name="Play")).to_be_visible()
    expect(other.get_by_role("button", name="Pause")).to_be_visible()
    other.get_by_role("button", name="Mute").click()
    expect(other.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    position = one.get_by_role("slider", name="Position")
    position.press("End")
    expect(one.locator(".time")).to_have_text("0:03 / 0:03")
    position.press("ArrowLeft")
    expect(position).to_have_attribute("aria-valuetext", "0:02 / 0:03")
    position.press("Space")
    expect(one.get_by_role("button", name="Pause")).to_be_visible()
