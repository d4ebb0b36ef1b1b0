"""Queue of downloads: a few at a time, each in its own thread. It survives restarts."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from .hosts import AllowedHosts
from .journal import DownloadOrder, Entry, OrderJournal
from .problems import DownloadProblem, DownloadRefused, HostUnreachable, WrongContent
from .targets import ModelFolder, Target, target_of
from .transfer import (
    FileFacts,
    FileSource,
    TransferProgress,
    TransferStopped,
    discard,
    download_address,
    facts_of,
    fetch,
)

log = logging.getLogger(__name__)

Change = Literal["pause", "resume", "remove"]  # of a download

DOWNLOAD_ID = re.compile(r"[0-9a-f]{32}")

_AT_ONCE = 2
_MOST = 200  # entries
_ENDED = 50  # of them that are done
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, *[60.0] * 60)  # seconds between attempts without progress
_SPEED_SECONDS = 5.0
_ASK_AT_ONCE = 8
_FACTS_SECONDS = 600.0  # for which a file's properties are kept


class UnknownDownload(DownloadProblem):
    """Error for a download that isn't in the queue."""


@dataclass(frozen=True, slots=True)
class DownloadStatus:
    """State of a download: waiting, running, checking, retrying, paused, failed or done. `speed`:
    bytes per second; `problem`: why it failed or is retried."""

    id: str
    folder: str
    name: str
    url: str
    state: str
    received: int
    size: int | None
    speed: float
    problem: str


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """Properties of a remote file, or the reason why it can't be downloaded."""

    url: str
    size: int | None = None
    problem: str = ""


class _Work:
    """Entry of the queue with its progress and, while it runs, its thread."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.progress = TransferProgress(lambda _: None)
        self.thread: threading.Thread | None = None
        self.disk: int | None = None  # while it has room reserved there
        self.retries = ""
        self.points: deque[tuple[float, int]] = deque(maxlen=64)

    @property
    def state(self) -> str:
        if self.entry.state != "active":
            return self.entry.state
        if self.thread is None:
            return "waiting"
        if self.retries:
            return "retrying"
        return "checking" if self.progress.checking else "running"

    def speed(self) -> float:
        """Return the bytes per second since the calls of the last few seconds."""
        now, received = time.monotonic(), self.progress.received
        self.points.append((now, received))
        while len(self.points) > 2 and now - self.points[0][0] > _SPEED_SECONDS:
            self.points.popleft()
        then, before = self.points[0]
        return max(received - before, 0) / (now - then) if now - then > 0.2 else 0.0


class Downloads:
    """Queue of downloads into ComfyUI's model folders. Thread-safe.

    Paused and unfinished downloads of an earlier process continue after `restore`. All methods
    raise DownloadProblem.
    """

    def __init__(
        self,
        state: Path,
        folders: Callable[[], Mapping[str, ModelFolder]],
        token: Callable[[], str] = lambda: "",
        *,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        """`state`: folder for the orders. `folders`: returns ComfyUI's model folders. `token`:
        returns this machine's token for Hugging Face, or ""; it precedes an order's token."""
        self._journal = OrderJournal(state)
        self._folders = folders
        self._token = token
        self._pauses = pauses
        self._lock = threading.RLock()
        self._works: dict[str, _Work] = {}
        self._facts: dict[str, tuple[float, FileFacts]] = {}
        self._closed = False

    def restore(self) -> None:
        """Continue the downloads of an earlier process."""
        with self._lock:
            for entry in self._journal.entries():
                work = self._works.setdefault(entry.id, _Work(entry))
                with contextlib.suppress(DownloadProblem, OSError):
                    work.progress.received = self._target(work).partial.stat().st_size
            self._start_waiting()

    def close(self) -> None:
        """Stop all downloads; the next process continues them."""
        with self._lock:
            self._closed = True
            threads = [work.thread for work in self._works.values() if work.thread]
            for work in self._works.values():
                work.progress.stop()
        for thread in threads:
            thread.join()

    def start(self, order: DownloadOrder) -> DownloadStatus:
        """Add a download, or continue the one of the same file."""
        order = replace(order, url=download_address(order.url))
        _allowed(order.hosts).check(order.url)
        target_of(self._folders(), order.folder, order.name, "")
        with self._lock:
            same = self._same(order)
            if same is None:
                self._drop_ended()
                same = _Work(Entry(uuid.uuid4().hex, order, time.time()))
                self._works[same.entry.id] = same
            self._activate(same, order)
            return _status(same)

    def statuses(self) -> tuple[DownloadStatus, ...]:
        """Return the state of all downloads, oldest first."""
        with self._lock:
            self._start_waiting()
            return tuple(map(_status, self._works.values()))

    def change(self, key: str, change: Change, token: str = "") -> None:
        """Pause, resume or remove a download."""
        match change:
            case "pause":
                self.pause(key)
            case "resume":
                self.resume(key, token)
            case "remove":
                self.remove(key)

    def pause(self, key: str) -> DownloadStatus:
        """Pause a download; its content is kept."""
        with self._lock:
            work = self._work(key)
            if work.entry.state == "active":
                self._change(work, state="paused")
                work.progress.stop()
            return _status(work)

    def resume(self, key: str, token: str = "") -> DownloadStatus:
        """Continue a paused download, or retry a failed one. `token`: see DownloadOrder."""
        with self._lock:
            work = self._work(key)
            if work.entry.state in ("paused", "failed"):
                order = work.entry.order
                self._activate(work, replace(order, token=token or order.token))
            return _status(work)

    def remove(self, key: str) -> None:
        """Cancel a download and delete its partial content, or remove an ended one from the
        list."""
        with self._lock:
            work = self._work(key)
            thread = work.thread
            del self._works[key]
            self._journal.remove(key)
            work.progress.stop()
        if thread:
            thread.join()
        if work.entry.state != "done":
            with contextlib.suppress(DownloadProblem, OSError):
                discard(self._target(work))

    def facts(self, urls: Sequence[str], hosts: Sequence[str], token: str) -> list[FileAnswer]:
        """Ask the hosts for the sizes of files."""
        allowed = _allowed(hosts)
        with ThreadPoolExecutor(_ASK_AT_ONCE) as threads:
            return list(threads.map(lambda url: self._answer(url, allowed, token), urls))

    def _answer(self, url: str, hosts: AllowedHosts, token: str) -> FileAnswer:
        asked_at, known = self._facts.get(url, (0.0, FileFacts(None)))
        if time.monotonic() - asked_at > _FACTS_SECONDS or known.size is None:
            try:
                address = download_address(url)
                known = facts_of(FileSource(address, hosts, token=self._token() or token))
            except DownloadProblem as problem:
                return FileAnswer(url, problem=str(problem))
            with self._lock:
                self._facts = {**dict(list(self._facts.items())[-_MOST:])}
                self._facts[url] = time.monotonic(), known
        return FileAnswer(url, known.size)

    # All calls below hold the lock, except `_run` and what it calls.

    def _same(self, order: DownloadOrder) -> _Work | None:
        place = order.folder, order.name
        works = (work for work in self._works.values() if work.entry.state != "done")
        return next((w for w in works if (w.entry.order.folder, w.entry.order.name) == place), None)

    def _work(self, key: str) -> _Work:
        try:
            return self._works[key]
        except KeyError:
            raise UnknownDownload("This download doesn't exist anymore.") from None

    def _drop_ended(self) -> None:
        ended = [key for key, work in self._works.items() if work.entry.state == "done"]
        for key in ended[:-_ENDED]:
            del self._works[key]
            self._journal.remove(key)
        if len(self._works) >= _MOST:
            raise DownloadRefused("There are too many downloads. Remove some first.")

    def _activate(self, work: _Work, order: DownloadOrder) -> None:
        # Another address may have other content.
        etag = work.entry.etag if order.url == work.entry.order.url else ""
        self._change(work, state="active", problem="", order=order, etag=etag)
        self._start_next()

    def _change(self, work: _Work, **changes: object) -> None:
        work.entry = replace(work.entry, **changes)  # type: ignore[arg-type]
        if work.entry.id in self._works:
            try:
                self._journal.write(work.entry)
            except OSError as error:
                raise DownloadProblem(f"The order can't be stored: {error.strerror}.") from error

    def _start_waiting(self) -> None:
        """Start waiting downloads. If the machine can't, a later call does."""
        with contextlib.suppress(DownloadProblem):
            self._start_next()

    def _start_next(self) -> None:
        works = self._works.values()
        free = _AT_ONCE - sum(work.thread is not None for work in works)
        due = [work for work in works if work.entry.state == "active" and work.thread is None]
        for work in due[: max(free, 0)] if not self._closed else ():
            received = work.progress.received  # shown until the host answers
            work.progress = TransferProgress(
                partial(self._begin, work), partial(self._reserve, work)
            )
            work.progress.received = received
            work.points.clear()
            thread = threading.Thread(
                target=self._run, args=(work, work.progress), name="download", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:  # at the limit of threads
                raise DownloadProblem(
                    "The machine can't start anything more at the moment. The download waits."
                ) from error
            work.thread = thread

    def _begin(self, work: _Work, etag: str) -> None:
        with self._lock:
            self._change(work, etag=etag, size=work.progress.size)

    def _reserve(self, work: _Work, disk: int) -> int:
        """Reserve room on a disk, and return what earlier downloads have reserved there."""
        with self._lock:
            others = [one for one in self._works.values() if one.disk == disk and one is not work]
            work.disk = disk
            return sum(max((one.progress.size or 0) - one.progress.received, 0) for one in others)

    def _run(self, work: _Work, progress: TransferProgress) -> None:
        """Download in the work's thread until the file is there, it fails, or it is stopped."""
        state, problem = "", ""
        try:
            self._attempts(work, progress)
            state = "done"
            log.info("Downloaded %s to %s.", work.entry.order.name, work.entry.order.folder)
        except TransferStopped:
            pass
        except DownloadProblem as error:
            state, problem = "failed", str(error)
            log.warning("%s: %s", work.entry.order.name, error)
        except Exception:
            state, problem = "failed", "Internal error. The log of this process has the details."
            log.exception("A download failed with an internal error")
        with self._lock:
            work.thread, work.disk, work.retries = None, None, ""
            if state and work.entry.state == "active":
                with contextlib.suppress(DownloadProblem):
                    self._change(work, state=state, problem=problem)
            self._start_waiting()

    def _attempts(self, work: _Work, progress: TransferProgress) -> None:
        pauses = iter(self._pauses)
        reached = -1
        while True:
            try:
                self._attempt(work, progress)
            except HostUnreachable as problem:
                progress.check()
                if progress.received > reached:
                    reached, pauses = progress.received, iter(self._pauses)
                pause = next(pauses, None)
                if pause is None:
                    raise
                work.retries = str(problem)
                progress.wait(max(pause, problem.pause))
                work.retries = ""
            else:
                return

    def _attempt(self, work: _Work, progress: TransferProgress) -> None:
        target = self._target(work)
        if target.file.exists():
            return
        entry = work.entry
        order = entry.order
        hosts, token = _allowed(order.hosts), self._token() or order.token
        source = FileSource(order.url, hosts, order.sha256.lower(), entry.etag, token)
        try:
            fetch(source, target, progress)
        except WrongContent:
            discard(target)
            raise

    def _target(self, work: _Work) -> Target:
        order = work.entry.order
        return target_of(self._folders(), order.folder, order.name, work.entry.id)


def _allowed(hosts: Sequence[str]) -> AllowedHosts:
    """Raises DownloadRefused if one of them can't be a host."""
    try:
        return AllowedHosts(hosts)
    except ValueError as error:
        raise DownloadRefused(f"A host of the order can't be used: {error}") from error


def _status(work: _Work) -> DownloadStatus:
    entry, order, progress = work.entry, work.entry.order, work.progress
    size = progress.size if progress.size is not None else entry.size
    received = (size or 0) if entry.state == "done" else progress.received
    running = work.state == "running"
    return DownloadStatus(
        entry.id,
        order.folder,
        order.name,
        order.url,
        work.state,
        received,
        size,
        work.speed() if running else 0.0,
        entry.problem or work.retries,
    )
