"""Thread that starts servers while runs wait, and stops idle ones.

Every process knows all started servers from the history's database. One process decides, the one
that cleans up; it also runs the administrator's commands, without a shell and in their own process
groups.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import IO

from comfy.base.errors import ComfyError, TooManyThreads, words_of
from comfy.base.threads import start_thread
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.runs.interface import RunRegistry
from comfyforms.plugins.scaling.rules import (
    Pace,
    Scale,
    ScaledServer,
    ScaleMemory,
    decide,
    remembered,
)
from comfyforms.plugins.scaling.store import CommandName, CommandProblem, ScaleStore, ServerRow

log = logging.getLogger(__name__)
_LOOK = 0.1  # seconds between two looks whether the command has ended
_MERCY = 5.0  # seconds that a command has to end after SIGTERM
_MOST_READ = 64 * 1024  # bytes
_MOST_SHOWN = 300  # characters of its last line
_OUR_SETTINGS = "COMFYFORMS_"
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_FIRST_NUMBER = 1000  # after the fixed servers
_LONGEST_JOIN = 10.0  # seconds


class CommandStopped(Exception):
    """The app is shutting down."""


def _run_to_end(
    command: Sequence[str],
    variables: Mapping[str, str],
    timeout: float,
    closing: threading.Event,
    *,
    ends_with_app: bool,
) -> str:
    """Run a command to its end and return what it printed. It gets the app's environment without
    the app's own settings, and these variables.

    Raises ComfyError if it can't be started, ends with another exit code than 0, or takes longer
    than `timeout` seconds; its process group is then ended. Raises CommandStopped once `closing` is
    set; `ends_with_app`: its process group is then ended, too.
    """
    # Files, because processes that the command leaves behind would keep pipes open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = _start(command, variables, output, errors)
        except (OSError, ValueError) as error:
            reason = words_of(error) if isinstance(error, OSError) else str(error)
            raise ComfyError(f"It can't be started: {reason}.") from error
        end = time.monotonic() + timeout
        while process.poll() is None:
            if closing.wait(_LOOK):
                if ends_with_app:
                    _end(process)
                raise CommandStopped
            if time.monotonic() > end:
                _end(process)
                raise ComfyError(f"It took longer than {timeout:g} seconds.")
        if process.returncode:
            last = _last_line(errors) or _last_line(output)
            words = f": {last}" if last else "."
            raise ComfyError(f"It ended with exit code {process.returncode}{words}")
        return _read(output)


def _address_in(text: str) -> str:
    """Return the first line that is an http(s) URL. Raises ComfyError without one."""
    lines = (line.strip() for line in text.splitlines())
    found = next((line for line in lines if _URL.fullmatch(line)), None)
    if found is None:
        raise ComfyError("It printed no line with an http:// or https:// address.")
    return found


def _start(
    command: Sequence[str], variables: Mapping[str, str], output: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_OUR_SETTINGS)
    }
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env={**inherited, **variables},
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and everything that it started in its process group."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_MERCY)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, number: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(group, number)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MOST_READ).decode(errors="replace")


def _last_line(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_READ))
    lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return "".join(one for one in last if one.isprintable())[:_MOST_SHOWN]


class ServerWork:
    """Commands that run in this process."""

    def __init__(
        self, store: ScaleStore, pool: ServerPool, pace: Pace, closing: threading.Event
    ) -> None:
        """`closing`: is set when the app shuts down."""
        self._store, self._pool, self._pace, self._closing = store, pool, pace, closing
        self._lock = threading.Lock()
        self._recording = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}

    def start(self, scale: Scale, server_id: str) -> None:
        """Start a server in a thread. Returns at once."""
        log.info("Starting server %s.", server_id)
        self._begin(server_id, lambda: self._bring_up(scale, server_id))

    def stop(self, scale: Scale, row: ServerRow) -> None:
        """Stop a server in a thread. Returns at once."""
        log.info("Stopping server %s (%s).", row.id, row.url or "without an address")
        self._begin(row.id, lambda: self._bring_down(scale, row))

    def renew(self) -> None:
        """Note that the commands still run. Raises ComfyError."""
        with self._lock:
            working = tuple(self._threads)
        for server_id in working:
            self._store.renew(server_id)

    def join(self, seconds: float) -> None:
        """Wait for the threads after `closing` is set."""
        end = time.monotonic() + seconds
        with self._lock:
            threads = tuple(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _begin(self, server_id: str, work: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                work()
            except CommandStopped:
                log.warning("The command for server %s was interrupted.", server_id)
            except ComfyError as problem:
                log.warning("Server %s: %s %s", server_id, problem, problem.hint)
            except Exception:
                log.exception("The command for server %s failed with an internal error", server_id)
            finally:
                with self._lock:
                    del self._threads[server_id]

        thread = threading.Thread(target=whole, name="scale", daemon=True)
        with self._lock:
            self._threads[server_id] = thread
        try:
            start_thread(thread)
        except TooManyThreads:
            with self._lock:
                del self._threads[server_id]
            raise

    def _bring_up(self, scale: Scale, server_id: str) -> None:
        end = time.monotonic() + scale.timeout
        try:
            url = self._checked(scale, _address_in(self._run(scale, "up", server_id, None)))
            if not self._store.change(server_id, "starting", "starting", url):
                log.warning("The start of server %s counted as interrupted.", server_id)
                self._run(scale, "down", server_id, url)  # perhaps not for the first time
                return
            self._wait_for(scale, url, end)
        except ComfyError as problem:
            self._store.change(server_id, "starting", "stopping")
            self._note(scale, "up", problem)
            return
        self._store.change(server_id, "starting", "up", url)
        self._store.clear_problem(scale.name, "up")
        log.info("ComfyUI at %s answers.", url)

    def _bring_down(self, scale: Scale, row: ServerRow) -> None:
        try:
            self._run(scale, "down", row.id, row.url)
        except ComfyError as problem:
            self._note(scale, "down", problem)
            return
        server = self._pool.at(row.url or "")
        if server is not None and server.drained:  # the next server there isn't
            self._pool.take_back(server)
        self._store.remove(row.id)
        self._store.clear_problem(scale.name, "down")

    def _run(self, scale: Scale, name: CommandName, server_id: str, url: str | None) -> str:
        command = scale.up if name == "up" else scale.down
        variables = {"SCALE_NAME": scale.name, "SCALE_SERVER": server_id, "SCALE_URL": url or ""}
        return _run_to_end(
            (*command, url) if url else command,
            variables,
            scale.timeout,
            self._closing,
            ends_with_app=name == "up",
        )

    def _checked(self, scale: Scale, url: str) -> str:
        """Return the address of a new server in its usual spelling. Raises ComfyError."""
        address = scale.address(url).url
        if "@" in url:
            raise ComfyError("It printed an address with a password; put it into [[scale]].")
        known = {row.url for row in self._store.rows()}
        if address in known or self._pool.at(address) is not None:
            raise ComfyError(f"It printed {address}, which the app already uses.")
        return address

    def _wait_for(self, scale: Scale, url: str, end: float) -> None:
        """Wait until ComfyUI answers. Raises ComfyError if it takes too long."""
        with Client(scale.address(url)) as client:
            while not client.answers(timeout=self._pace.answer):
                if time.monotonic() > end:
                    raise ComfyError(f"{url} didn't answer within {scale.timeout:g} seconds.")
                if self._closing.wait(self._pace.look):
                    raise CommandStopped

    def _note(self, scale: Scale, name: CommandName, problem: ComfyError) -> None:
        with self._recording:
            failures = self._store.note_problem(scale.name, name, str(problem))
        pause = self._pace.after_failures(failures)
        log.warning(
            "The command `%s` of [[scale]] %s failed, next try after %g seconds: %s",
            *(name, scale.name, pause, problem),
        )


@dataclass(frozen=True, slots=True)
class ScaleStatus:
    """State of a scale: its servers, and the failures of its commands that haven't succeeded since.
    `is_known`: the settings still have it."""

    name: str
    most: int
    servers: tuple[ServerRow, ...]
    problems: tuple[tuple[CommandName, CommandProblem], ...]
    is_known: bool = True


class Scaler:
    """Elastic servers of this process."""

    def __init__(
        self,
        scales: Sequence[Scale],
        store: ScaleStore,
        pool: ServerPool,
        runs: RunRegistry,
        *,
        shown: bool = True,
        pace: Pace,
    ) -> None:
        """`shown`: users may see the servers' addresses."""
        self._scales = {one.name: one for one in scales}
        self._store, self._pool, self._runs = store, pool, runs
        self._shown, self._pace = shown, pace
        self._servers: dict[str, ComfyServer] = {}
        self._adding: dict[str, threading.Thread] = {}
        self._memory = ScaleMemory()
        self._closing = threading.Event()
        self._work = ServerWork(store, pool, self._pace, self._closing)
        self._thread = threading.Thread(target=self._run, name="scaler", daemon=True)

    def __enter__(self) -> Scaler:
        """Add the servers that were started before, and start the thread. Raises ComfyError."""
        rows = self._store.rows()
        for row in rows:
            if row.url is not None and row.state != "starting" and row.scale in self._scales:
                self._add(row, self._scales[row.scale], row.url)
            if row.scale not in self._scales:
                log.warning("%s is left over: [[scale]] %s is gone.", row.url or row.id, row.scale)
        start_thread(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread and the commands that start servers. Started servers stay up."""
        self._closing.set()
        self._thread.join(_LONGEST_JOIN)  # it may wait for a server
        for thread in self._adding.values():
            thread.join(_LONGEST_JOIN)
        self._work.join(_LONGEST_JOIN)
        self._log_left()
        for server in tuple(self._servers.values()):
            self._pool.remove(server)
            server.client.close()

    def _log_left(self) -> None:
        try:
            left = [row.url or row.id for row in self._store.rows()]
        except ComfyError as problem:
            log.warning("Servers of [[scale]] may still run: %s", problem)
            return
        if left:
            log.warning(
                "Servers of [[scale]] still run; the next start uses or stops them: %s.",
                ", ".join(left),
            )

    def statuses(self) -> tuple[ScaleStatus, ...]:
        """Return the state of all scales. Raises ComfyError if the database can't be used."""
        rows, problems = self._store.rows(), self._store.problems()
        known = tuple(self._scales)
        names = dict.fromkeys((*known, *(row.scale for row in rows)))
        return tuple(
            ScaleStatus(
                name,
                self._scales[name].most if name in self._scales else 0,
                tuple(row for row in rows if row.scale == name),
                tuple((one, why) for (scale, one), why in problems.items() if scale == name),
                name in self._scales,
            )
            for name in names
        )

    def _run(self) -> None:
        while not self._closing.wait(self._pace.look):
            try:
                self._look()
            except ComfyError as problem:
                log.warning("Servers can't be started or stopped at the moment: %s", problem)
            except Exception:
                log.exception("Elastic servers failed with an internal error")

    def _look(self) -> None:
        self._follow(self._rows())
        self._work.renew()
        if self._runs.is_keeper:
            self._decide(self._rows())

    def _rows(self) -> Sequence[ServerRow]:
        return [row for row in self._store.rows() if row.scale in self._scales]

    def _follow(self, rows: Sequence[ServerRow]) -> None:
        """Add and remove servers as the rows say."""
        self._adding = {key: thread for key, thread in self._adding.items() if thread.is_alive()}
        for row in rows:
            server = self._servers.get(row.id)
            if server is None and row.state == "up" and row.url is not None:
                if row.id not in self._adding:  # a slow server delays nothing else
                    about = row, self._scales[row.scale], row.url
                    thread = threading.Thread(target=self._add_answering, args=about, daemon=True)
                    start_thread(thread)
                    self._adding[row.id] = thread
            elif server is not None and row.state == "stopping":
                server.retire()
        for server_id in self._servers.keys() - {row.id for row in rows}:
            server = self._servers.pop(server_id)
            log.info("ComfyUI at %s is stopped.", server.url)
            self._pool.remove(server)
            server.client.close()

    def _add_answering(self, row: ServerRow, scale: Scale, url: str) -> None:
        """Add a server once its nodes are known, so that it gets only runs that it can do."""
        server = self._server(row, scale, url)
        try:
            server.fetch_nodes()
            self._learn_nodes()
            if self._closing.is_set():
                server.client.close()
                return
            self._pool.add(server, scale.limit)
        except ComfyError as problem:
            log.info("ComfyUI at %s can't be added yet: %s", url, problem)
            server.client.close()
            return
        log.info("ComfyUI at %s is added.", url)
        self._servers[row.id] = server

    def _learn_nodes(self) -> None:
        """Learn what the other servers can do: with a single server, nothing has asked for that."""
        for server in self._pool.servers:
            if server.nodes is None and server.up:
                try:
                    server.fetch_nodes()
                except ComfyError as problem:
                    log.info("Can't read the nodes of ComfyUI at %s yet: %s", server.url, problem)

    def _add(self, row: ServerRow, scale: Scale, url: str) -> None:
        server = self._server(row, scale, url)
        if row.state == "stopping":
            server.retire()
        self._pool.add(server, scale.limit)
        self._servers[row.id] = server

    def _server(self, row: ServerRow, scale: Scale, url: str) -> ComfyServer:
        address = replace(scale.address(url), shown=self._shown)
        return ComfyServer(Client(address), _FIRST_NUMBER + row.number, spot=scale.spot)

    def _decide(self, rows: Sequence[ServerRow]) -> None:
        unfinished = [run for run in self._runs.known() if not run.state.phase.finished]
        waiting = [] if self._pool.paused else [run.id for run in unfinished if run.waits_here]
        active = Counter(run.record.server for run in unfinished if not run.waits_here)
        servers = [self._view(row, active) for row in rows]
        now, scales = time.monotonic(), tuple(self._scales.values())
        self._memory = remembered(self._memory, scales, servers, waiting, self._pace, now)
        problems = self._store.problems()
        failing = self._failing(problems, "up")
        decision = decide(self._memory, scales, servers, failing, self._pace, now)
        for name, number in decision.starts.items():
            is_trial = (name, "up") in problems  # after a failure, one server at a time
            self._start(self._scales[name], 1 if is_trial else number, rows)
        for server_id in decision.stops:
            self._store.change(server_id, "up", "stopping")
        for row in rows:
            self._continue(row, active[row.url or ""], self._failing(problems, "down"))

    def _view(self, row: ServerRow, active: Counter[str]) -> ScaledServer:
        server = self._servers.get(row.id)
        return ScaledServer(
            row.id,
            row.scale,
            coming=row.state == "starting",
            answers=server is None or server.up,
            runs=active[row.url or ""],
            taking=row.state != "stopping" and (server is None or server.takes_runs),
        )

    def _failing(
        self, problems: Mapping[tuple[str, CommandName], CommandProblem], command: CommandName
    ) -> frozenset[str]:
        """Return the scales whose command has failed and isn't due again."""
        now = time.time()
        return frozenset(
            scale
            for (scale, name), problem in problems.items()
            if name == command and now < problem.at + self._pace.after_failures(problem.failures)
        )

    def _start(self, scale: Scale, number: int, rows: Sequence[ServerRow]) -> None:
        used = {row.slot for row in rows if row.scale == scale.name}
        free = (slot for slot in count(1) if slot not in used)
        for slot in islice(free, number):
            server_id = self._store.begin(scale.name, slot)
            if server_id is not None:
                self._work.start(scale, server_id)

    def _continue(self, row: ServerRow, runs: int, failing: Collection[str]) -> None:
        """Stop a server that has no more runs, or whose start was interrupted. `failing`: scales
        whose `down` isn't due."""
        now, pace = time.time(), self._pace
        if row.state == "starting" and now - row.seen > pace.lease:
            log.warning("The start of server %s was interrupted.", row.id)
            self._store.change(row.id, "starting", "stopping")
        is_due = row.state == "stopping" and not runs and now - row.since > pace.settle
        if not is_due or row.scale in failing:
            return
        if self._store.lease(row.id, "stopping", pace.lease):
            self._work.stop(self._scales[row.scale], row)
