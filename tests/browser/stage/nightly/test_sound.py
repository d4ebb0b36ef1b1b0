"""Sounds on the stage."""

from __future__ import annotations

import json

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
