r"""Start the app as `python app.py` in its own process, without waiting for its imports.

The first start imports everything into a server process, and each app is a fork of that process. A
`fresh` app runs the command itself, for tests of what a fork inherits from its parent: the command
line, the imports, and how Python exits.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import requests

from tests.support.waiting import IMPORTING, LONGEST_WAIT

ROOT = Path(__file__).parents[2]
START, END = IMPORTING, LONGEST_WAIT  # before its first fork, the server process imports, too

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["app", "tests.ui.warm_app"])


@contextlib.contextmanager
def killed_process(target: Callable[..., None], *args: object) -> Iterator[None]:
    """Run `target` in a process while the block runs, then kill the process (SIGKILL)."""
    process = FORKED.Process(target=target, args=args)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
        process.close()


@dataclass
class Started:
    """Running app; `cookie` is the cookie of the first browser that opened it."""

    process: ForkServerProcess
    url: str
    log: Path
    fresh: bool = False
    cookie: str = ""
    last_words: str = ""

    def said(self) -> str:
        """Return the app's log so far, even after the app exited."""
        return self.last_words or self.log.read_text(errors="replace")

    def send(self, number: int) -> None:
        """Send the app a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Wait until the app exits and return its exit code."""
        self.process.join(END)
        assert self.process.exitcode is not None, "the app did not end"
        return self.process.exitcode

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait until the app exits and return its exit code."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """Kill the app, as a crash would."""
        self.process.kill()
        self.process.join()


def free_port() -> int:
    """Return an unused port outside the ephemeral range, so that no other program is given it
    before the caller binds it."""
    while True:
        port = random.SystemRandom().randrange(15_000, 21_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextlib.contextmanager
def launched(
    *arguments: str,
    fresh: bool = False,
    terminal: str = "",
    ignored: tuple[int, ...] = (),
    **variables: str,
) -> Iterator[Started]:
    r"""Run `python app.py` with these arguments, environment variables and ignored signals. Kill it
    after the block.

    `fresh`: run it in a new Python instead of a fork with all modules imported. `terminal`: path of
    the terminal to start it in, which then gets its output.
    """
    port = arguments[arguments.index("--port") + 1] if "--port" in arguments else str(free_port())
    if "--port" not in arguments:
        arguments = (*arguments, "--port", port)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        about = (terminal or str(log), bool(terminal), ignored, os.environ | variables)
        process = FORKED.Process(target=started_here, args=(fresh, *about, arguments))
        process.start()
        one = Started(process, f"http://127.0.0.1:{port}", log, fresh)
        try:
            yield one
        finally:
            one.kill()
            one.last_words = one.said()
            process.close()


@contextlib.contextmanager
def started(*arguments: str, **options: object) -> Iterator[Started]:
    """Launch the app and wait until it answers."""
    with launched(*arguments, **options) as one:  # type: ignore[arg-type]
        wait_for(one)
        yield one


def ended(*arguments: str, **options: object) -> tuple[int, str]:
    """Run the app until it exits; return its exit code and its output."""
    with launched(*arguments, **options) as one:  # type: ignore[arg-type]
        return one.wait(), one.said()


def wait_for(one: Started) -> None:
    """Send requests until the app answers, and keep its cookie."""
    end = time.monotonic() + START
    while True:
        with contextlib.suppress(requests.ConnectionError), requests.Session() as session:
            answer = session.get(one.url, timeout=START, headers={"Connection": "close"})
            assert answer.status_code == 200
            one.cookie = answer.headers.get("set-cookie", "").partition(";")[
                0
            ]  # none where people log in
            return
        assert one.process.is_alive(), one.said()
        assert time.monotonic() < end, one.said()
        threading.Event().wait(0.05)


def started_here(
    fresh: bool,
    said_to: str,
    own_session: bool,
    ignored: tuple[int, ...],
    environment: dict[str, str],
    arguments: tuple[str, ...],
) -> None:
    """Prepare this new process as the shell does before `python app.py`, then run the app."""
    if own_session:
        os.setsid()  # the first terminal that it opens is its own
    target = os.open(said_to, os.O_RDWR | os.O_APPEND)
    for number in (0, 1, 2) if own_session else (1, 2):
        os.dup2(target, number)
    os.close(target)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also if the tests run in nohup
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    if fresh:
        os.execv(sys.executable, [sys.executable, "app.py", *arguments])
    sys.argv = ["app.py", *arguments]
    import app

    sys.exit(app.main())
