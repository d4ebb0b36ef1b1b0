"""Events, previews and files of a run as they happen, over REST."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.http_client import BOB
from tests.support.serving import RunningApp, Served, running_demo_app
from tests.support.waiting import eventually
from tests.ui.api.api_calls import QUICK, Event, call, events, problem, run_of

SLOW = {**QUICK, "5.steps": 12}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app on a server whose steps take no time. Tests hold it to see them."""
    with running_demo_app(step_seconds=0) as served:
        yield served


def test_events_report_a_run_until_it_ends(served: Served) -> None:
    """The events start with the run's current state, report each phase in order and end with the
    result."""
    demo, app = served
    with demo.hold("progress", after=5) as held:
        run = run_of(app, values=SLOW, wait=False)
        with call(app, "GET", f"{run['url']}/events", stream=True) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            heard = list[Event]()
            for event in (one for one in events(answer) if one.name):
                heard.append(event)
                if event.told["step"] == 5:
                    held.release()
    phases = list(dict.fromkeys(event.told["phase"] for event in heard))
    assert phases[-2:] == ["running", "done"]
    assert [event.name for event in heard] == ["state"] * (len(heard) - 1) + ["end"]
    assert len({event.id for event in heard}) == len(heard)
    assert heard[-1].told == call(app, "GET", run["url"]).json()


def test_a_returning_client_gets_the_new_events(served: Served) -> None:
    """A client sends the last event id that it heard, and the stream resumes there without repeats.
    A client that knows the end gets a 204."""
    demo, app = served
    with demo.hold("progress", after=5) as early, demo.hold("progress", after=3) as late:
        run = run_of(app, values=SLOW, wait=False)
        address = f"{run['url']}/events"
        with call(app, "GET", address, stream=True) as answer:
            first = next(event for event in events(answer) if event.told.get("step", 0) > 2)
        early.release()
        again = {"last-event-id": first.id}
        with call(app, "GET", address, headers=again, stream=True) as answer:
            heard = list[Event]()
            for event in (one for one in events(answer) if one.name):
                heard.append(event)
                if event.told["step"] > first.told["step"]:
                    late.release()
    assert first.id not in {event.id for event in heard}
    assert min(event.told["step"] for event in heard if event.told["step"]) >= first.told["step"]
    end = heard[-1]
    assert end.name == "end"
    assert call(app, "GET", address, headers={"last-event-id": end.id}).status_code == 204
    with call(app, "GET", address, headers=again) as answer:
        assert [event.name for event in events(answer)] == ["end"]


def test_no_event_is_sent_twice(served: Served) -> None:
    """A client that knows a run's state hears only of changes to it."""
    demo, app = served
    with demo.hold("progress") as held:
        first = run_of(app, values=SLOW, wait=False)
        eventually(lambda: call(app, "GET", first["url"]).json()["phase"] == "running")
        waiting = run_of(app, values=QUICK, wait=False)
        address = f"{waiting['url']}/events"
        with call(app, "GET", address, stream=True) as answer:
            known = next(events(answer))
        assert known.told["phase"] == "waiting"
        with call(app, "GET", address, headers={"last-event-id": known.id}, stream=True) as answer:
            held.release()
            assert next(events(answer)).told["phase"] != "waiting"


def test_a_quiet_stream_sends_keep_alive_comments(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing happens, comments keep proxies from closing the stream."""
    monkeypatch.setattr("ui.api.streams.SILENCE", 0.05)
    demo, app = served
    with demo.hold("progress"):
        run = run_of(app, values=QUICK, wait=False)
        with call(app, "GET", f"{run['url']}/events", stream=True) as answer:
            assert next(event for event in events(answer) if not event.name)


def test_the_newest_preview_can_be_requested(served: Served) -> None:
    """There is no preview before the first or after the run's end. In between, the newest preview
    is an image with its own ETag."""
    demo, app = served
    with demo.hold("progress", after=4) as early, demo.hold("progress", after=3):
        run = run_of(app, values=SLOW, wait=False)
        address = f"{run['url']}/preview"
        eventually(lambda: call(app, "GET", address).status_code == 200)
        with call(app, "GET", address) as answer:
            assert answer.headers["content-type"] == "image/jpeg"
            Image.open(io.BytesIO(answer.content)).verify()
            known = {"if-none-match": answer.headers["etag"]}
        early.release()
        eventually(lambda: call(app, "GET", address, headers=known).status_code == 200)
        problem(call(app, "GET", address, BOB), 404)
    eventually(lambda: call(app, "GET", address).status_code == 404)


@pytest.mark.parametrize("asked", ["?stream=true", "Accept"])
def test_previews_come_as_they_are_made(served: Served, asked: str) -> None:
    """A single answer contains the frames of a run as parts, and ends with the run."""
    demo, app = served
    demo.speed.step = 0.08
    run = run_of(app, values=SLOW, wait=False)
    headers = {"accept": "multipart/x-mixed-replace"} if asked == "Accept" else {}
    query = "" if asked == "Accept" else asked
    with call(app, "GET", f"{run['url']}/preview{query}", headers=headers) as answer:
        _, _, boundary = answer.headers["content-type"].partition("boundary=")
        *parts, end = answer.content.split(f"--{boundary}".encode())[1:]
    demo.speed.step = 0
    assert end == b"--\r\n"
    assert len(parts) > 1
    for part in parts:
        head, _, image = part.partition(b"\r\n\r\n")
        assert b"content-length: %d" % (len(image) - 2) in head
        Image.open(io.BytesIO(image)).verify()


def test_a_file_has_a_tag_and_ranges(app: RunningApp) -> None:
    """The file arrives under its name. A client that has the file gets a 304, and a client can ask
    for a part."""
    run = run_of(app, values={**QUICK, "2.text": "a boat"})
    (file,) = run["files"]
    with call(app, "GET", file["url"]) as answer:
        whole, tag = answer.content, answer.headers["etag"]
        assert len(whole) == file["bytes"]
        assert tag == f'"{file["sha256"]}"'
        assert file["name"] in answer.headers["content-disposition"]
    for names in (tag, f'"other", W/{tag}', "*"):
        known = call(app, "GET", file["url"], headers={"if-none-match": names})
        assert (known.status_code, known.content) == (304, b"")
    assert call(app, "GET", file["url"], headers={"if-none-match": '"x", "y"'}).content == whole
    part = call(app, "GET", file["url"], headers={"range": "bytes=2-9", "if-range": tag})
    assert (part.status_code, part.content) == (206, whole[2:10])
    other = call(app, "GET", file["url"], headers={"range": "bytes=2-9", "if-range": '"x"'})
    assert (other.status_code, other.content) == (200, whole)
    beyond = call(app, "GET", file["url"], headers={"range": "bytes=99999999-"})
    assert "range" in problem(beyond, 416)["detail"]
    assert beyond.headers["content-range"] == f"bytes */{len(whole)}"
    problem(call(app, "GET", file["url"], headers={"range": "lines=1-2"}), 400)
    head = call(app, "HEAD", file["url"])
    told = (head.headers["etag"], head.headers["content-length"], head.content)
    assert (head.status_code, *told) == (200, tag, str(len(whole)), b"")
    problem(call(app, "GET", file["url"], BOB), 404)
    problem(call(app, "GET", f"{run['url']}/files/1"), 404)
