"""Table of faults: how each is caused, and how a run must end if the fault happens during the
run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import requests

from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Run
from comfyui_standin import DemoServer, HttpKind, SocketKind
from tests.support.link import FaultyLink
from tests.support.stage import reader_that_sleeps, until
from tests.support.waiting import LONGEST_WAIT


class Moment(StrEnum):
    """Moment of a fault. The server is held at each moment until the fault has happened."""

    BEFORE = "before the prompt is taken"
    WAITING = "while it waits"
    FIRST = "at the first step"
    MIDDLE = "in the middle of sampling"
    END = "at the end"
    FETCHING = "while its files are fetched"


# The message or request at which the server is held, after how many that went well; what it sends
# to the run next.
HELD = {
    Moment.BEFORE: ("POST /prompt", 0),
    Moment.FIRST: ("progress", 0),
    Moment.MIDDLE: ("progress", 5),
    Moment.END: ("execution_success", 0),
    Moment.FETCHING: ("GET /view", 0),
}
NEXT = {
    Moment.BEFORE: "execution_start",
    Moment.WAITING: "execution_start",
    Moment.FIRST: "progress",
    Moment.MIDDLE: "progress",
    Moment.END: "executing",
}
# The questions that are asked next, once the socket is gone where it is still there.
ASKED = {
    Moment.BEFORE: ("POST /prompt",),
    Moment.WAITING: ("GET /history", "GET /queue"),
    Moment.FIRST: ("GET /history", "GET /queue"),
    Moment.MIDDLE: ("GET /history", "GET /queue"),
    Moment.END: ("GET /history",),
    Moment.FETCHING: ("GET /view",),
}
ENDINGS = frozenset({"success", "error", "interrupted", "killed"})


@dataclass
class Scene:
    """One run in progress, with everything needed to disturb it. `demo`: None for a real server,
    which can't be scripted."""

    link: FaultyLink
    moment: Moment
    run: Run
    url: str
    """The server's own address, past the link."""
    restart: Callable[[], None]
    demo: DemoServer | None = None
    after: ExitStack = field(default_factory=ExitStack)
    """What is to be undone when the fault is over."""

    @property
    def stand_in(self) -> DemoServer:
        assert self.demo is not None, "this fault needs the stand-in"
        return self.demo

    def tell(self, path: str, **body: object) -> None:
        requests.post(self.url + path, json=body, timeout=LONGEST_WAIT).raise_for_status()


Cause = Callable[[Scene], Iterator[None]]
"""Makes the fault; what comes after the `yield` is done when the server is no longer held."""


def drop(scene: Scene) -> Iterator[None]:
    scene.link.cut()
    yield


def half_open(scene: Scene) -> Iterator[None]:
    scene.link.freeze()
    yield


def silence(scene: Scene) -> Iterator[None]:
    scene.link.freeze()
    yield
    threading.Event().wait(0.5)
    scene.link.heal()


def mute(scene: Scene) -> Iterator[None]:
    before = scene.link.handshakes
    scene.link.strand()
    yield
    until(
        lambda: scene.link.handshakes > before or scene.run.state.phase.finished, "another socket"
    )
    scene.link.heal()  # the server hears of the old socket's end, and forgets the new one (fact 9)


def away(scene: Scene) -> Iterator[None]:
    scene.link.refuse()
    scene.link.cut()
    yield
    threading.Event().wait(0.3)
    scene.link.heal()


def slow(scene: Scene) -> Iterator[None]:
    scene.link.narrow(60_000)
    yield


def lagging(scene: Scene) -> Iterator[None]:
    scene.link.lag(0.05)
    yield


def answers(kind: HttpKind, scene: Scene) -> Iterator[None]:
    """Make the server's next answers faulty. If the app would send no request at this moment, cut
    the socket."""
    for question in ASKED[scene.moment]:
        scene.stand_in.script(kind, at=question, count=2)
    if scene.moment in (Moment.WAITING, Moment.FIRST, Moment.MIDDLE):
        scene.link.cut()
    yield


def messages(kind: SocketKind, count: int, scene: Scene) -> Iterator[None]:
    """Make the server's next messages faulty."""
    scene.stand_in.script(kind, at=NEXT[scene.moment], count=count)
    yield


def sleeping_reader(scene: Scene) -> Iterator[None]:
    scene.after.enter_context(reader_that_sleeps(scene.url))
    scene.stand_in.script("flood_others", at=NEXT[scene.moment])
    yield


def cleared(scene: Scene) -> Iterator[None]:
    scene.tell("/queue", clear=True)
    yield


def interrupted(scene: Scene) -> Iterator[None]:
    scene.tell("/interrupt")
    yield


def evicted(scene: Scene) -> Iterator[None]:
    if scene.demo is not None and scene.moment is Moment.END:
        journal = scene.demo.journal
        until(lambda: ENDINGS & set(journal.of(scene.run.id)), "the end of the work")
    elif (
        scene.demo is not None
    ):  # the history keeps neither our result nor the result of the run ahead of us
        scene.demo.script("lost", at="history", count=1 + (scene.moment is Moment.WAITING))
    scene.tell("/history", clear=True)
    yield


def restarted(scene: Scene) -> Iterator[None]:
    scene.restart()
    yield


def gone(scene: Scene) -> Iterator[None]:
    scene.stand_in.stop()
    scene.after.callback(scene.stand_in.start)
    yield


LINK: dict[str, Cause] = {
    "drop": drop,
    "half-open": half_open,
    "mute": mute,
    "silence": silence,
    "away": away,
    "slow": slow,
    "lagging": lagging,
}
ANSWERS: dict[str, Cause] = {
    "500": partial(answers, "http_500"),
    "502": partial(answers, "http_502"),
    "413": partial(answers, "http_413"),
    "malformed JSON": partial(answers, "bad_json"),
    "answers cut off": partial(answers, "cut"),
    "answers lost": partial(answers, "answer_lost"),
    "answers replaced": partial(answers, "answer_502"),
}
MESSAGES: dict[str, Cause] = {
    "garbage": partial(messages, "garbage_text", 3),
    "odd JSON": partial(messages, "odd_text", 3),
    "binary garbage": partial(messages, "garbage_binary", 3),
    "truncated frame": partial(messages, "truncated_frame", 1),
    "64 MiB frame": partial(messages, "huge_frame", 1),
    "wrong prompt ids": partial(messages, "foreign_prompt_id", 3),
    "missing prompt ids": partial(messages, "no_prompt_id", 3),
    "messages duplicated": partial(messages, "duplicate", 3),
    "messages reordered": partial(messages, "late", 3),
    "messages lost": partial(messages, "lost", 3),
    "a reader that sleeps": sleeping_reader,
}
SERVER: dict[str, Cause] = {
    "queue cleared": cleared,
    "interrupted": interrupted,
    "history evicted": evicted,
    "restarted": restarted,
    "gone": gone,
}
FAULTS: dict[str, Cause] = {**LINK, **ANSWERS, **MESSAGES, **SERVER}
DEADLY = ("restarted", "gone")
REMOTE = ("queue cleared", "interrupted", "history evicted")  # any client can do these to a server


def left_out(fault: str, moment: Moment) -> str:
    """Return the reason why a cell makes no sense, or an empty text if it does."""
    if moment is Moment.FETCHING and (fault in MESSAGES or fault == "mute"):
        return "the socket is closed by then"
    if fault in ("413", "answers lost", "answers replaced") and moment is not Moment.BEFORE:
        return "said of what is sent, or done: only the prompt is"
    return ""


CELLS = [(fault, moment) for fault in FAULTS for moment in Moment if not left_out(fault, moment)]


@dataclass(frozen=True, slots=True)
class Outcome:
    phase: Phase
    says: str = ""


def outcome(fault: str, moment: Moment) -> Outcome:
    """Return the expected outcome, by the first rule that matches."""
    working = moment in (Moment.FIRST, Moment.MIDDLE)
    match fault:
        case "413":
            return Outcome(Phase.REFUSED, "larger than the server accepts")
        case "queue cleared" if moment is Moment.WAITING:
            return Outcome(Phase.STOPPED, "Someone else")
        case "interrupted" if working:
            return Outcome(Phase.STOPPED, "Someone else")
        case "gone" if moment is Moment.FETCHING:
            return Outcome(Phase.FAILED, "couldn't be fetched")
        case "gone":
            return Outcome(Phase.LOST, "not answered")
        case _:
            return Outcome(Phase.DONE)


def shows_on(fault: str, moment: Moment) -> bool:
    early = moment not in (Moment.END, Moment.FETCHING)
    return early and fault != "a reader that sleeps" and outcome(fault, moment).phase is Phase.DONE
