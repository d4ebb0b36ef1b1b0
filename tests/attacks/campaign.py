"""Send many requests in sequence to two running apps, one with and one without a sign-in."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from hypothesis import HealthCheck, Phase, given, seed, settings

from comfy.runs.limits import RunLimits
from comfyui_standin import DemoServer
from tests.attacks.people import (
    ANN,
    BOB,
    LOGIN,
    SECRET,
    Person,
    a_run,
    all_plugins,
    browser,
    guest,
    never,
    person,
    program_token,
)
from tests.attacks.routes import registered
from tests.attacks.strategies import Site, attacks
from tests.attacks.wire import Answer, Attack, sent
from tests.support.serving import PAINTED, WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings

BUSY = 503  # said on purpose, with a sentence
# Log lines of the outermost middleware. No other code refused the request, so something failed.
CAUGHT = ("A request failed", "A socket was closed")
OF_GRADIO = re.compile(r"\(gradio\w*/")  # raised by Gradio at a call that no page makes
MOST_WORK = 1.0  # seconds of processor for one request
TRACEBACK = "Traceback (most recent call last)"
PUBLISHES = ("/keep", "/chain")  # the owner's own request shows the words to all users from here on
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
MANY = RunLimits(person=100_000, all=100_000, hourly=1_000_000)


@dataclass
class Report:
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    published: bool = False

    def wrong(self, what: str, attack: Attack) -> None:
        """Note a problem, with the first request that led to it."""
        self.problems.setdefault(what, attack.command())


def campaign(count: int, number: int) -> Report:
    """Send `count` requests, all drawn from the seed `number`."""
    report = Report()
    began = time.monotonic()
    with said() as log, two_apps() as (apps, folder), writing() as written:
        for attack in drawn(sites_of(apps), count, number):
            log.truncate(log.seek(0))
            worked = time.process_time()
            answer = sent(attack)
            if time.process_time() - worked > MOST_WORK:
                report.wrong(f"{attack.about} held a processor", attack)
            report.statuses[answer.status] += 1
            report.kinds[attack.about.partition(" ")[0]] += 1
            judge(report, attack, answer, log.getvalue())
        for app, login in zip(apps, (None, ANN), strict=True):
            a_run(app, browser(app, login))  # all is well afterwards
            eventually(lambda app=app: not app.services.runs.waiting, "every run ends", seconds=60)
        for kind in (one for app in apps for one in app.asgi.state.failures):
            if not OF_GRADIO.search(kind):
                report.problems.setdefault(f"a failure is counted: {kind}", "")
        outside = {path for path in written if not path.is_relative_to(folder)}
    if outside:
        report.problems[f"files were written outside: {sorted(map(str, outside))[:5]}"] = ""
    report.seconds = time.monotonic() - began
    return report


def drawn(sites: tuple[Site, ...], count: int, number: int) -> list[Attack]:
    """Draw `count` requests to these apps from the seed `number`."""
    found: list[Attack] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(attacks(sites))
    def one(attack: Attack) -> None:
        found.append(attack)

    one()
    return found


def judge(report: Report, attack: Attack, answer: Answer, log: str) -> None:
    """Report forbidden outcomes. The log may belong to the previous request."""
    if answer.status >= 500 and answer.status != BUSY:
        report.wrong(f"{answer.status} to {attack.about}", attack)
    if attack.whole and not answer.status:
        report.wrong(f"no answer to {attack.about}: {answer.head}", attack)
    if TRACEBACK in log:
        report.wrong(f"a traceback in the log: {told(log)}", attack)
    for line in log.splitlines():
        if line.startswith(CAUGHT) and not OF_GRADIO.search(line):
            report.wrong(f"caught at last: {line}", attack)
    if attack.knows and answer.status == 201 and attack.about.endswith(PUBLISHES):
        report.published = True
    for name, found in {
        "a traceback": TRACEBACK.encode() in answer.body,
        "/etc/passwd": b"root:x:0" in answer.body,
        "another user's words": SECRET.encode() in answer.body
        and not (attack.knows or report.published),
        "a header of the caller's": "\na=b" in answer.head.lower()
        or "set-cookie: a=b" in answer.head.lower(),
    }.items():
        if found:
            report.wrong(f"{name} in the answer to {attack.about}", attack)


def told(log: str) -> str:
    error = log.strip().splitlines()[-1].partition(":")[0][:100]
    places = re.findall(r'File ".*?([^/"]+/[^/"]+)", line (\d+)', log)
    return " at ".join((error, *(":".join(place) for place in places[-1:])))


@contextlib.contextmanager
def said() -> Iterator[io.StringIO]:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(heard):
            yield heard
    finally:
        logging.getLogger().removeHandler(handler)


@contextlib.contextmanager
def writing() -> Iterator[set[Path]]:
    """Collect the paths that this process creates, writes or removes during the block, according to
    Python's audit events."""
    seen: set[Path] = set()
    watching = True

    def note(path: str | bytes) -> None:
        place = Path(os.fsdecode(path)).absolute()
        if not (place.is_relative_to("/dev") or {"__pycache__", ".hypothesis"} & {*place.parts}):
            seen.add(place)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching:
            return
        match event, arguments:
            case "open", (str() | bytes() as path, _, int() as flags) if flags & CHANGES:
                note(path)
            case (("os.mkdir" | "os.remove" | "os.rmdir"), (path, *_, -1)):
                note(path)
            case (("os.rename" | "os.link" | "os.symlink"), (_, path, *_)):
                note(path)

    sys.addaudithook(hook)  # for good, as Python will have it
    try:
        yield seen
    finally:
        watching = False


@contextlib.contextmanager
def two_apps() -> Iterator[tuple[tuple[RunningApp, RunningApp], Path]]:
    """Run an app without a sign-in and an app with one, on the same server. Both have
    all plugins and may write only into the yielded folder."""
    before = tempfile.tempdir, os.environ.get("GRADIO_TEMP_DIR", "")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        tempfile.tempdir = folder
        os.environ["GRADIO_TEMP_DIR"] = f"{folder}/gradio"
        try:
            demo = stack.enter_context(DemoServer(step_seconds=0, painted=PAINTED))
            workflows = Path(shutil.copytree(WORKFLOWS, f"{folder}/workflows"))
            options: dict[str, Any] = {"workflows": workflows, "may_keep": True, "run_limits": MANY}
            apps = tuple(
                stack.enter_context(
                    running_app(
                        demo.url,
                        settings=replace(one, of_plugins=all_plugins()),
                        **options,
                    )
                )
                for one in (WebSettings(port=0), LOGIN)
            )
            yield (apps[0], apps[1]), Path(folder)
        finally:
            stack.close()
            tempfile.tempdir, os.environ["GRADIO_TEMP_DIR"] = before


def sites_of(apps: tuple[RunningApp, RunningApp]) -> tuple[Site, ...]:
    return tuple(site_of(app, logs_in=bool(at)) for at, app in enumerate(apps))


def site_of(app: RunningApp, *, logs_in: bool) -> Site:
    ann, bob = person(app, ANN if logs_in else None), browser(app, BOB if logs_in else None)
    things = (ann.owned, never(ann.owned))
    people = ann, Person(bob, ann.owned), Person("", ann.owned)
    if logs_in:
        program = Person("", ann.owned, program_token(app, BOB))
        people = *people, Person(guest(app), ann.owned), program
    config = requests.get(f"{app.url}/config", headers=ann.headers, timeout=LONGEST_WAIT).json()
    return Site(
        port=int(app.url.rpartition(":")[2]),
        routes=tuple(sorted(set(registered(app.asgi.routes)))),
        people=people,
        things=things,
        listeners=tuple((one["id"], len(one["inputs"])) for one in config["dependencies"]),
        secret_of=ann,
    )
