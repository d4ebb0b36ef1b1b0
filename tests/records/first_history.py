"""A history as version 0001 wrote it.

Text and statements of its own: no code of today has a part in it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Engine, text

from tests.support.samples.histories import ANN

FIRST = """
CREATE TABLE about (version INTEGER NOT NULL);
CREATE TABLE runs (
    id VARCHAR(64) NOT NULL,
    owner VARCHAR(64) NOT NULL,
    workflow VARCHAR(64) NOT NULL,
    submitted_at DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION,
    sent BOOLEAN NOT NULL,
    prompt_id TEXT NOT NULL,
    words TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX runs_by_end ON runs (ended_at);
CREATE INDEX runs_of_owner ON runs (owner, ended_at, submitted_at, id);
CREATE INDEX runs_of_workflow ON runs (owner, workflow, ended_at, submitted_at, id);
CREATE TABLE files (
    run VARCHAR(64) NOT NULL,
    digest VARCHAR(64) NOT NULL,
    size DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, digest),
    FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX files_by_digest ON files (digest);
INSERT INTO about (version) VALUES (1)
"""
RUN = text(
    "INSERT INTO runs (id, owner, workflow, submitted_at, ended_at, sent, prompt_id, words, record)"
    " VALUES (:id, :owner, :workflow, :submitted_at, :ended_at, :sent, :prompt_id, :words, :record)"
)
FILE = text("INSERT INTO files (run, digest, size) VALUES (:run, :digest, 5)")

UPLOAD = "comfyforms/00ff00ff/my photo.png"
PROMPT = {
    "4": {"class_type": "LoadImage", "inputs": {"image": UPLOAD}},
    "5": {
        "class_type": "KSampler",
        "inputs": {"seed": 2**64 - 1, "denoise": 0.1, "model": ["6", 0]},
    },
    "6": {
        "class_type": "LoadImageMask",
        "inputs": {"channel": "red", "image": UPLOAD, "other": "photo.png"},
    },
}
ODD = {
    "2.text": "half a pair \ud800, a NUL \0, Grün \U0001f3ee",
    "x": -(2**80),
    "y": 1e300,
    "l": [1, None, {"b": [[]]}],
}
DAMAGED = {"damaged0": "{", "damaged1": "", "damaged2": "[]", "damaged3": "[" * 100_000}
ODDLY_SHAPED = {  # they can be read, as far as it goes
    "shape0": (
        '{"id": "shape0", "owner": "browser:ann", "job": {"inputs": {"4.image": 5}, "prompt": [],'
        ' "values": 1}}'
    ),
    "shape1": '{"id": "shape1", "owner": "browser:ann", "job": {"inputs": ["4.image"]}}',
}
READABLE = ["odd", "photo", "plain", "shape0", "shape1"]


def digest_of(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def record(run_id: str, *, phase: str = "done", inputs: Any = None, **job: Any) -> dict[str, Any]:
    """The row of a run as version 0001 wrote it."""
    finished = phase not in ("waiting", "running")
    told = {
        "id": run_id,
        "owner": ANN,
        "submitted_at": 1000.5,
        "sent": True,
        "keeps_going": False,
        "job": (
            {
                "prompt": PROMPT,
                "workflow": "portrait",
                "title": "Portrait",
                "outputs": ["9"],
                "values": {},
            }
            | {"inputs": inputs or {}}
            | job
        ),
        "state": {
            "prompt_id": run_id,
            "phase": phase,
            "files": [],
            "texts": [{"node": "9", "text": "said"}],
            "error": None,
            "node_errors": [],
            "started_at": 1001.25,
            "finished_at": 1002.0 if finished else None,
        },
    }
    return {
        "id": run_id,
        "owner": digest_of(ANN),
        "workflow": digest_of("portrait"),
        "submitted_at": 1000.5,
        "ended_at": 1002.0 if finished else None,
        "sent": True,
        "prompt_id": run_id,
        "words": "portrait\nsaid",
        "record": json.dumps(told),
    }


def kept(name: str) -> dict[str, str]:
    return {"name": name, "digest": digest_of(name)}


ROWS = [
    record("plain"),
    record("odd", values=ODD, title="\udfff"),
    record(
        "photo",
        values={"4.image": UPLOAD, "5.seed": 2**64 - 1, "7.video": "gone.mp4", "8.audio": ""},
        inputs={
            "4.image": kept("my photo.png"),
            "7.video": kept("gone.mp4"),
            "8.audio": kept("a.flac"),
        },
    ),
    record(
        "going",
        phase="waiting",
        values={"4.image": UPLOAD},
        inputs={"4.image": kept("my photo.png")},
    ),
    *(record(run_id) | {"record": damage} for run_id, damage in (DAMAGED | ODDLY_SHAPED).items()),
]


def write_first(engine: Engine, rows: list[dict[str, Any]]) -> None:
    """The database as version 0001 left it, with these runs."""
    statements = (
        FIRST
        if engine.dialect.name == "postgresql"
        else FIRST.replace("DOUBLE PRECISION", "DOUBLE")
    )
    with engine.begin() as connection:
        for statement in statements.split(";"):
            connection.execute(text(statement))
        connection.execute(RUN, rows)
        for run in ("photo", "going"):
            connection.execute(FILE, {"run": run, "digest": kept("my photo.png")["digest"]})
