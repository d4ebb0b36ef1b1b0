"""What strangers may push at most. The defaults suit some twenty people and a machine with 4 GB to spare."""

from __future__ import annotations

from dataclasses import dataclass, field

from comfy.media_kinds import MIB, FileLimits

ENVELOPE = MIB  # bytes that a file's request may have beside the file


@dataclass(frozen=True)
class WebLimits:
    """One value for all of the web side; sizes in bytes, times in seconds. Runs have their own: `comfy.runs.RunLimits`.

    `file`: one file. `body`: any other request; `body_seconds`: how long one may take to come; `arriving`: all that are
    on their way. `uploading`: uploads at once. `uploads`, `upload_age`: what people gave for their forms, of which the
    oldest goes first. `run_files`: all files of one run. `values`, `depth`: of one call's JSON. `connections`: open at
    once; `sockets`, `person_sockets`: WebSockets among them, of all and of one person. `pages`: open pages whose forms
    are kept; the one used longest ago goes first. `calls`: scripts' calls that wait.
    """

    file: FileLimits = field(default_factory=FileLimits)
    body: int = 48 * MIB
    arriving: int = 512 * MIB
    body_seconds: float = 900.0
    uploading: int = 32
    uploads: int = 4096 * MIB
    upload_age: float = 24 * 3600.0
    run_files: int = 512 * MIB
    values: int = 20_000
    depth: int = 50
    connections: int = 900  # most systems give a process 1024 open files
    sockets: int = 600
    person_sockets: int = 100
    pages: int = 1000
    calls: int = 300
