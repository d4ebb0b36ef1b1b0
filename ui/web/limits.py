"""How much may be sent to the app. The defaults suit some twenty people and a machine with 4 GB to
spare."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from comfy.media.checks import MIB, FileLimits

ENVELOPE = MIB  # bytes that a file's request may have beside the file
LOGIN_FORM = 4096  # bytes


@dataclass(frozen=True, slots=True)
class WebLimits:
    """One value for all of the web side; sizes in bytes, times in seconds. Runs have their own:
    `comfy.runs.limits.RunLimits`.

    `file`: one file. `body`: a script's call, which may carry files, and a workflow that is opened;
    `page_body`: any other request. What the page sends has about 1 kB; this is for a dozen texts as
    long as a field takes, of three bytes a character. `patience`: silence that a body may begin
    with; each `least_speed` bytes bring another second of it, up to `pause`. `arriving`: all bodies
    that are on their way. `uploading`: uploads at once. `uploads`, `upload_age`: what people gave
    for their forms, of which the oldest goes first. `run_files`: all files of one run. `values`,
    `depth`: of one call's JSON. `connections`: open at once; `sockets`: WebSockets among them;
    `requests`: unfinished requests among them. `pages`: open pages whose forms are kept; the one
    used longest ago by whoever has most goes first. `calls`: scripts' calls that wait or run.
    `…_reading`: see `TurnMiddleware`. `…_working`: calls of pages that are looked at at once, and
    as many batches; more of them wait, as each takes processor time from all.

    What begins with `person_` and `address_` is the most of one person and from one address. A
    person's is far more than anybody uses with many tabs. An address has half of all or less, so
    that another one finds room whatever the first does, and ten times what a person needs: the
    twenty people of an office that share one are not hindered.
    """

    file: FileLimits = field(default_factory=FileLimits)
    body: int = 24 * MIB
    page_body: int = 4 * MIB
    patience: float = 10.0
    least_speed: float = 10_000.0
    pause: float = 30.0
    arriving: int = 1024 * MIB
    person_arriving: int = 272 * MIB  # the largest file and something beside it
    address_arriving: int = 512 * MIB
    uploading: int = 32
    person_uploading: int = 8
    address_uploading: int = 16
    uploads: int = 4096 * MIB
    upload_age: float = 24 * 3600.0
    run_files: int = 512 * MIB
    values: int = 20_000
    depth: int = 50
    connections: int = 900  # most systems give a process 1024 open files
    address_connections: int = 450
    # Counted while a body or an answer is unfinished, by forwarded address behind a proxy. An
    # office of 50 behind one address has some three streams of events each, and a page asks for a
    # hundred files at once over HTTP/2: 300 is room for both. With `address_sockets` these are 600
    # of the 900 connections, so another address always finds some free.
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

    @classmethod
    def with_files_of(cls, size: int) -> WebLimits:
        """The defaults where one file may have so many bytes: what holds files grows with it."""
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
