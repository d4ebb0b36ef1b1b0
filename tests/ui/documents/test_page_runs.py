"""Texts about runs on the page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.run_progress import RunProgress
from comfy.comfyui.protocol.run_state import Phase, RunError, RunState, waiting
from comfy.records.record import Job, Record
from comfy.runs.durations import RunTimes
from ui.documents.headlines import elapsed_words, node_words, seconds_words, waiting_words
from ui.documents.history_docs import run_tile
from ui.documents.page_runs import RunEnd, queued_run, stage_run
from ui.documents.run_doc import QueueLine, RunDoc, StageView, first_words

PROMPT = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
    "2": {"class_type": "KSampler", "inputs": {}},
    "3": {"class_type": "SomebodysNode", "inputs": {}, "_meta": {"title": "Glow"}},
    "4": {"class_type": "SomebodysNode", "inputs": {}},
}


def record_of(**changes: Any) -> Record:
    """Return the record of a run of PROMPT in this state."""
    return Record("p", "ann", Job(PROMPT, "w", title="W"), 1000, RunState(prompt_id="p", **changes))


def stage_of(**changes: Any) -> RunDoc:
    """Return the stage's document of a run, half a minute after its submission."""
    more = {key: changes.pop(key) for key in ("usual", "due_in", "keeping") if key in changes}
    stage = StageView(remarks=changes.pop("remarks", ()))
    end = RunEnd(stage, errors=changes.pop("errors", {}))
    return stage_run(record_of(**changes), end, now=1030, **more)


def view_of(**changes: Any) -> StageView:
    """Return the part of this document that only the stage needs."""
    page = stage_of(**changes).page
    assert isinstance(page, StageView)
    return page


def line_of(record: Record, due_in: float | None = None) -> QueueLine:
    """Return a run's entry in the queue."""
    page = queued_run(record, due_in=due_in, movable=True).page
    assert isinstance(page, QueueLine)
    return page


@pytest.mark.parametrize(
    ("place", "due_in", "said"),
    [
        (None, None, "Waiting for ComfyUI"),
        (0, 9.0, "Next in the queue"),
        (1, None, "Next in the queue"),
        (1, 4.0, "Next in the queue · starts in about 4\xa0s"),
        (2, 40.0, "2 ahead · starts in about 40\xa0s"),
    ],
)
def test_a_waiting_run_shows_its_position(
    place: int | None, due_in: float | None, said: str
) -> None:
    """A waiting user sees how many runs are ahead and, if known, how long they take."""
    assert waiting_words(place, due_in) == said
    assert stage_of(phase=Phase.WAITING, queue_place=place, due_in=due_in).headline == said


@pytest.mark.parametrize(
    ("state", "said", "due_in"),
    [
        ({}, "Waiting for ComfyUI", None),
        ({"queue_place": 0}, "Next in the queue", None),
        ({"queue_place": 3}, "3 ahead", 0.6),
        ({"queue_place": 3, "away": True}, "Can't reach ComfyUI. Retrying…", None),
        ({"phase": Phase.RUNNING}, "Running", 0.6),
    ],
)
def test_a_queued_run_shows_its_position_and_start(
    state: dict[str, Any], said: str, due_in: float | None
) -> None:
    """The queue shows each run's place in a few words. It adds the start time if both are known."""
    line = line_of(record_of(**state), 0.6)
    assert (line.said, line.due_in) == (said, due_in)


def test_a_tile_can_show_one_file_of_a_run() -> None:
    """The entry has the thumbnail and description of this file only."""
    images = (OutputFile(name, "", "output", "image", "9", name) for name in ("a.png", "b.png"))
    files = (*images, OutputFile("c.mp4", "", "output", "video", "9", "c"))
    run = record_of(phase=Phase.DONE, files=files)
    told = [run_tile(run), run_tile(run, 1), run_tile(run, 2)]
    assert [one.results for one in told] == [3, 1, 1]
    assert [one.file for one in told] == [None, 1, 2]
    assert [one.thumb for one in told] == ["/files/p/0/thumb", "/files/p/1/thumb", None]
    assert [one.what for one in told] == ["3 files", "Image", "Video"]
    assert told[2].clip == "/files/p/2/c.mp4"


def test_a_run_with_only_sounds_links_to_the_first() -> None:
    """The user can then play the sound where the page shows a workflow's last result."""
    sounds = tuple(
        OutputFile(name, "", "output", "audio", "9", name) for name in ("a.wav", "b.wav")
    )
    image = OutputFile("c.png", "", "output", "image", "9", "c")
    alone, beside = (
        run_tile(record_of(phase=Phase.DONE, files=files)) for files in (sounds, (*sounds, image))
    )
    assert (alone.sound, beside.sound) == ("/files/p/0/a.wav", None)


def test_runs_of_one_workflow_have_different_headlines() -> None:
    """The list shows the main prompt, shortened and on one line, and no other text."""
    typed = {"2.text": "a red\nlighthouse", "3.text": "blurry, text", "4.formula": "min(1, a/b)"}
    job = Job({}, "w", values=typed, prompt_key="2.text")
    assert first_words(job) == "a red lighthouse"
    assert first_words(replace(job, values=typed | {"2.text": " "})) == ""
    assert first_words(replace(job, prompt_key="")) == ""
    assert len(first_words(replace(job, values={"2.text": "a " * 200}))) == 80


def test_uploads_are_shown() -> None:
    """When the run's turn comes, the page tells the user that it is sending their files."""
    assert stage_of(queue_place=0, uploading=True).headline == "Sending your files"
    assert line_of(record_of(uploading=True)).said == "Sending your files"
    assert "reach" in stage_of(uploading=True, away=True).headline


def test_downloads_are_shown() -> None:
    """When the server has finished, the page tells the user that the app is fetching the
    results."""
    assert stage_of(phase=Phase.RUNNING, over=True).headline == "Fetching the results"


def test_a_run_without_a_result_explains_where_it_may_be() -> None:
    """The headline differs between a run with a result and a run without."""
    image = OutputFile("a.png", "", "output", "image", "6")
    ends = {"phase": Phase.DONE, "finished_at": 1009.0}
    assert stage_of(**ends, files=(image,)).headline == "Done in 9\xa0s"
    ends |= {"finished_at": 1000.44}
    assert stage_of(**ends, files=(image,)).headline == "Done in 0.4\xa0s"
    ends |= {"finished_at": 1000.01}
    assert stage_of(**ends, files=(image,)).headline == "Done"
    nowhere = "there's no result to show here. It may be saved on the ComfyUI server."
    assert stage_of(**ends).headline == f"Done, but {nowhere}"


@pytest.mark.parametrize(
    ("digests", "keeping", "said"),
    [
        (("", "a"), True, "1 of 2 results couldn't be fetched"),
        (("",), True, "The result couldn't be fetched"),
        (("a", "b"), True, ""),
        (("", ""), False, ""),
    ],
)
def test_missing_results_are_shown(digests: tuple[str, ...], keeping: bool, said: str) -> None:
    """A finished run says if the app couldn't fetch some of its files, unless the app keeps no
    files."""
    files = tuple(OutputFile("a.png", "", "output", "image", "9", digest) for digest in digests)
    view = view_of(phase=Phase.DONE, files=files, keeping=keeping)
    assert view.advice.startswith(said)
    assert bool(view.advice) is view.again is bool(said)


@pytest.mark.parametrize(
    ("phase", "error", "again"),
    [
        (Phase.LOST, RunError("The server was restarted."), True),
        (Phase.STOPPED, RunError("Somebody else stopped it."), True),
        (Phase.STOPPED, None, False),
        (Phase.FAILED, RunError("Can't reach the server."), True),
        (Phase.FAILED, RunError("The server ran out of memory.", node="2"), False),
        (Phase.REFUSED, RunError("It does not like it."), False),
        (Phase.DONE, None, False),
    ],
)
def test_run_again_is_offered_unless_the_request_was_wrong(
    phase: Phase, error: RunError | None, again: bool
) -> None:
    """The page offers the same run again if the request wasn't at fault, but not if the user
    stopped the run."""
    assert view_of(phase=phase, error=error).again is again


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ("1", "Loading the model (first run takes longer)"),
        ("2", "Sampling"),
        ("2.0.0.5", "Sampling"),
        ("3", "Glow"),
        ("4", "SomebodysNode"),
        ("99", "Working"),
    ],
)
def test_a_node_is_named_in_plain_words(node: str, said: str) -> None:
    """Known node types have their own words, and others use their title. A node inside another uses
    the outer node's words."""
    assert node_words(PROMPT, node, waiting("p", PROMPT).planned.titles) == said


def test_an_output_node_with_steps_is_not_saving() -> None:
    """An output node that takes steps, such as one that samples, is named by its title."""
    prompt = {"7": {"class_type": "PreviewEveryStep", "inputs": {}, "_meta": {"title": "Watch"}}}
    titles = waiting("p", prompt).planned.titles
    assert node_words(prompt, "7", titles) == "Saving"
    assert node_words(prompt, "7", titles, steps=100) == "Watch"


def test_steps_are_counted() -> None:
    """The headline of a sampling run gives the step and the number of steps. The bar shows the
    progress of the whole run."""
    far = RunProgress(fraction=0.25)
    going = {"phase": Phase.RUNNING, "node": "2", "step": 6, "steps": 24, "started_at": 1010.0}
    run = stage_of(**going, progress=far)
    assert run.headline == "Sampling, step 6 of 24"
    assert run.progress == 0.25
    assert view_of(**going).elapsed == 20
    assert stage_of(phase=Phase.WAITING, progress=far).progress is None


def test_an_overdue_run_shows_no_time_left() -> None:
    """The page shows the time left only until the usual time has passed."""
    going = {"phase": Phase.RUNNING, "node": "2", "started_at": 1000.0}
    assert stage_of(**going, usual=RunTimes(40.0)).seconds_left == 10
    assert stage_of(**going, usual=RunTimes(5.0)).seconds_left is None
    assert stage_of(**going).seconds_left is None


def test_a_failure_shows_the_step_and_advice() -> None:
    """A failed run gives the step, the error and the advice, and keeps the details separate."""
    error = RunError(
        "The server ran out of memory.",
        "Try a smaller size.",
        "2",
        "Sampler",
        "OutOfMemoryError: …",
    )
    failed = {"phase": Phase.FAILED, "error": error}
    run, view = stage_of(**failed), view_of(**failed)
    assert run.headline == "Sampler: The server ran out of memory."
    assert view.advice == "Try a smaller size."
    assert view.detail == "OutOfMemoryError: …"
    assert run.finished


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words(phase: Phase) -> None:
    """Every phase has a sentence, and every view can be sent as JSON."""
    run = stage_of(phase=phase)
    assert run.headline
    assert json.loads(json.dumps(run.to_json()))["phase"] == phase.value


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1\xa0s"),
        (40, "40\xa0s"),
        (89, "89\xa0s"),
        (180, "3\xa0min"),
        (5500, "92\xa0min"),
        (15000, "4\xa0h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    """The app words durations as people say them."""
    assert seconds_words(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "1\xa0s"),
        (0.2, "1\xa0s"),
        (59.9, "59\xa0s"),
        (60.2, "1\xa0min 0\xa0s"),
        (94.6, "1\xa0min 34\xa0s"),
        (600, "10\xa0min"),
        (5399, "89\xa0min"),
        (14399, "3\xa0h"),
    ],
)
def test_time_that_has_passed(seconds: float, said: str) -> None:
    """The page rounds times down, but shows at least one second."""
    assert elapsed_words(seconds) == said


def test_a_refusal_without_a_field_shows_the_servers_message() -> None:
    """If there is no field to highlight, the page shows the server's own objection instead of the
    hint about highlighted fields."""
    error = RunError("The server did not accept this workflow.", "Fix the highlighted fields.")
    view = view_of(phase=Phase.REFUSED, error=error, remarks=("Scale: its image is no image.",))
    assert view.advice == "Scale: its image is no image."
    assert (
        view_of(phase=Phase.REFUSED, error=error, errors={"2.steps": "Too many."}).advice
        == error.hint
    )


def test_a_skipped_part_is_shown() -> None:
    """A run whose other outputs were refused is done, but says what's missing."""
    view = view_of(phase=Phase.DONE, remarks=("Second save: no image comes in.",))
    assert view.advice == "The server skipped part of the workflow. Second save: no image comes in."
    assert view_of(phase=Phase.DONE).advice == ""


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.RUNNING])
def test_a_missing_server_is_shown(phase: Phase) -> None:
    """While the server doesn't answer, the page says so instead of showing the last step."""
    run = stage_of(phase=phase, node="2", step=3, steps=8, away=True)
    assert run.headline == "Can't reach ComfyUI. Retrying…"


@pytest.mark.parametrize(
    ("step", "previews", "blind"), [(2, 0, False), (3, 0, True), (3, 1, False)]
)
def test_missing_previews_are_mentioned_when_due(step: int, previews: int, blind: bool) -> None:
    """The page says that a workflow shows no previews after a sampler has taken some steps without
    any."""
    assert (
        view_of(phase=Phase.RUNNING, node="2", step=step, steps=20, preview_number=previews).blind
        is blind
    )
