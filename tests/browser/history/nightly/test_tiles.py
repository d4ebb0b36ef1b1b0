"""The history's tiles, their headings and their captions."""

from __future__ import annotations

import re
import time
from dataclasses import replace

from playwright.sync_api import expect

from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from comfy.records.store import RunStore
from tests.support.history_tiles import ONE, make, owner_of, tile, tiles
from tests.support.samples.media import MEDIA, wav
from tests.support.visitor import Site, Visit, Visitor
from tests.support.waiting import eventually

FRAME = """one => one.readyState >= 1
    || new Promise((done) => one.addEventListener("loadedmetadata", () => done(true)))"""
DRAWN = """one => one.decode().then(() => {
    if (one.naturalWidth !== 320) throw new Error("This is no waveform.");
})"""


def test_stopped_runs_are_hidden_at_first(slow: Site, visit: Visit) -> None:
    """The history lists stopped runs on demand, as words, and the browser remembers that choice.
    The stage says that a selected run was stopped, and the user can reuse its settings. The history
    never lists a run removed before it started."""
    person = visit(slow).open(**{"2.text": "never finished"})
    slow.demo.speed.step = 0.6
    person.press()
    person.frames(1)
    for number in (1, 2):
        person.press()
        expect(person.waiting()).to_have_count(number)
    person.page.get_by_role("button", name="Remove all").click()
    expect(person.waiting()).to_have_count(0)
    eventually(lambda: len(slow.unfinished()) == 1, "the others are removed")
    person.page.locator("#stop").click()
    person.phase("stopped")
    stopped = person.page.get_by_role("button", name="Show stopped and failed")
    expect(person.page.get_by_text("No results with this workflow yet.")).to_be_visible()
    expect(tiles(person)).to_have_count(0)
    person.find()
    stopped.click()
    expect(tiles(person)).to_contain_text(["Stopped"])
    person.page.reload()
    person.ready()
    expect(stopped).to_have_attribute("aria-pressed", "true")
    tiles(person).first.click()
    expect(person.page.locator("#stage .headline")).to_contain_text("Stopped")
    person.type("2.text", "typed since then")
    actions = person.page.locator("#stage .actions")
    actions.get_by_role("button", name="Reuse settings").click()
    expect(person.entry("2.text")).to_have_value("never finished")
    stopped.click()
    expect(tiles(person)).to_have_count(0)


def test_days_sizes_words_and_kinds(fast: Site, visit: Visit) -> None:
    """The history groups runs by the day they ended. A tile gives the results, the time, the prompt
    and the seed, and shows the kind of result. Large tiles appear on demand, and the browser
    remembers that choice."""
    person = visit(fast).open(**ONE, **{"4.batch_size": 2})
    run_id = make(person, "a lighthouse")
    history = fast.services.runs.history
    record = history.get(run_id, owner_of(fast, run_id))
    assert record is not None
    now = time.time()
    for name, days in (("yesterday", 1), ("long ago", 400)):
        ended = replace(record.state, finished_at=now - days * 86400)
        history.end(replace(record, id=name, submitted_at=now - days * 86400 - 1, state=ended))
    failed = replace(record.state, phase=Phase.FAILED, files=())
    history.end(replace(record, id="failed", state=failed))
    add_other_kinds(history, record)
    person.page.reload()
    person.ready()
    headings = person.page.locator("#history h3")
    expect(headings).to_have_text(["Today", "Yesterday", re.compile(r"20\d\d")])
    seed = record.job.values["5.seed"]
    words = re.compile(rf"^2 files · Text to image · .* · a lighthouse · Seed {seed}$")
    expect(tile(person, run_id)).to_have_attribute("title", words)
    expect(tile(person, run_id)).to_have_attribute("aria-label", words)
    expect(tile(person, run_id)).to_contain_text("2")
    have_a_frame_or_a_waveform(person)
    width = "one => one.getBoundingClientRect().width"
    small = tile(person, run_id).evaluate(width)
    person.find()
    person.page.get_by_role("button", name="Large").click()
    assert tile(person, run_id).evaluate(width) > 1.6 * small
    person.page.reload()
    person.ready()
    assert tile(person, run_id).evaluate(width) > 1.6 * small
    person.forgive("thumb")


def add_other_kinds(history: RunStore, record: Record) -> None:
    """Add videos and sounds to the history, a readable and an unreadable file of each."""
    image = record.state.files[0]
    digest, size = history.files.add([(MEDIA / "saved.webm").read_bytes()])
    video = replace(image, filename="wave.webm", kind="video", digest=digest, size=size)
    broken = replace(image, filename="broken.webm", kind="video")
    digest, size = history.files.add([wav([0] * 4000 + [9999, -9999] * 2000)])
    sound = replace(image, filename="wave.wav", kind="audio", digest=digest, size=size)
    digest, size = history.files.add([b"fLaC, and no sound"])
    damaged = replace(sound, filename="wave.flac", digest=digest, size=size)
    for name, file in (
        ("video", video),
        ("broken", broken),
        ("sound", sound),
        ("damaged", damaged),
    ):
        history.end(replace(record, id=name, state=replace(record.state, files=(file,))))


def have_a_frame_or_a_waveform(person: Visitor) -> None:
    """Check that a video's tile shows a video sign and the video's first frame. A sound's tile
    shows its waveform, and so does the stage. An unreadable file shows a sign and a word."""
    expect(tile(person, "damaged")).to_have_text("♪Audio")
    expect(tile(person, "sound")).to_contain_text("♪")
    tile(person, "sound").locator("img").evaluate(DRAWN)
    expect(tile(person, "broken")).to_have_text("▶Video")
    expect(tile(person, "video")).to_have_text("▶")
    expect(tile(person, "video")).to_have_attribute("title", re.compile("^Video · "))
    frame = tile(person, "video").locator("video")
    frame.evaluate(FRAME)
    assert frame.evaluate("one => one.videoWidth") > 0
    tile(person, "sound").click()
    expect(person.page.locator("#stage .media .player .waveform")).to_be_visible()
