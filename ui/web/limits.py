"""Limits of requests to the app. The defaults suit about twenty users and 4 GB of free memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto

from comfy.media.checks import MIB, FileLimits

ENVELOPE = MIB  # bytes of a file's request in addition to the file
LOGIN_FORM = 4096  # bytes


class BodyLimit(Enum):
    """Kinds of request bodies. `WebLimits.most_of` has the maximum bytes of each."""

    PAGE = auto()  # any body for which its route declares nothing else
    FILES = auto()  # may contain an upload
    WORKFLOW = auto()  # a file with a workflow in it
    CALL = auto()  # a script's call, whose JSON may contain files
    LOGIN_FORM = auto()  # read before a sign-in


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Limits of the web side; sizes in bytes, times in seconds. Runs have their own:
    `comfy.runs.limits.RunLimits`.

    `file`: one file. `body`: a script's call, which may contain files, and an opened workflow;
    `page_body`: any other request. The page sends about 1 kB; this allows a dozen texts as long as
    a field takes, at three bytes per character. `patience`: silence at a body's start; each
    `least_speed` bytes add one second, up to `pause`. `arriving`: all bodies in transit.
    `uploading`: simultaneous uploads. `uploads`, `upload_age`: files given for forms; the oldest is
    deleted first. `run_files`: all files of one run. `values`, `depth`: of one call's JSON.
    `connections`: open connections; `sockets`: WebSockets among them; `requests`: unfinished
    requests among them. `pages`: open pages with stored forms; the least recently used page of the
    largest owner goes first. `calls`: scripts' calls that wait or run. `…_reading`: see
    `TurnMiddleware`. `…_working`: page calls processed at a time, and as many batches; others wait,
    because each takes processor time from all.

    Names with `person_` and `address_` are the maximum per user and per address. A user's limit is
    far above the needs of many open tabs. An address has at most half of the total, which leaves
    space for another address. It has ten times a user's needs, enough for an office of twenty that
    shares one address.
    """

    file: FileLimits = field(default_factory=FileLimits)
    body: int = 24 * MIB
    page_body: int = 4 * MIB
    patience: float = 10.0
    least_speed: float = 10_000.0
    pause: float = 30.0
    arriving: int = 1024 * MIB
    person_arriving: int = 272 * MIB  # the largest file plus a margin
    address_arriving: int = 512 * MIB
    uploading: int = 32
    person_uploading: int = 8
    address_uploading: int = 16
    uploads: int = 4096 * MIB
    upload_age: float = 24 * 3600.0
    run_files: int = 512 * MIB
    values: int = 20_000
    depth: int = 50
    connections: int = 900  # most systems allow a process 1024 open files
    address_connections: int = 450
    # Counted while a body or a response is unfinished, by forwarded address behind a proxy. An
    # office of 50 behind one address has about three event streams each, and a page requests a
    # hundred files at once over HTTP/2, so 300 is enough for both. With `address_sockets`, these
    # are 600 of the 900 connections, so another address always finds some free.
    requests: int = 600
    address_requests: int = 300
    sockets: int = 600
    person_sockets: int = 100
    address_sockets: int = 300
    pages: int = 1000
    person_pages: int = 30
    address_pages: int = 300
    calls: int = 300
    person_calls: int = 60
    address_calls: int = 150
    call_bodies: int = 128 * MIB
    person_call_bodies: int = 48 * MIB
    address_call_bodies: int = 64 * MIB
    person_reading: int = 1
    address_reading: int = 2
    person_working: int = 2
    address_working: int = 8

    def most_of(self, body: BodyLimit) -> int:
        """Return the maximum bytes of a request body of this kind."""
        match body:
            case BodyLimit.PAGE:
                return self.page_body
            case BodyLimit.FILES:
                return self.file.size + ENVELOPE
            case BodyLimit.WORKFLOW:
                return 2 * self.body
            case BodyLimit.CALL:
                return self.body
            case BodyLimit.LOGIN_FORM:
                return LOGIN_FORM

    @classmethod
    def with_files_of(cls, size: int) -> WebLimits:
        """Return the defaults for files of this many bytes. Limits of file storage grow with
        them."""
        limits = cls()
        return replace(
            limits,
            file=FileLimits(size),
            arriving=max(limits.arriving, 4 * size),
            person_arriving=max(limits.person_arriving, size + 16 * MIB),
            address_arriving=max(limits.address_arriving, 2 * size),
            uploads=max(limits.uploads, 16 * size),
            run_files=max(limits.run_files, 2 * size),
        )
