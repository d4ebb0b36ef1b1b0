"""State outside of runs that all processes on one database share."""

from __future__ import annotations

from sqlalchemy import Engine

from comfy.records.opened import OpenedStore
from comfy.records.paid import PaidConsents, PaidRunStore
from comfy.records.starts import StartStore
from comfy.records.used_files import HeldFiles


class SharedState:
    """Stores of the state that processes share besides runs."""

    def __init__(self, engine: Engine) -> None:
        self.held_files = HeldFiles(engine)
        self.starts = StartStore(engine)
        self.paid_runs = PaidRunStore(engine)
        self.paid_consents = PaidConsents(engine)
        self.opened = OpenedStore(engine)

    def sweep(self) -> None:
        """Delete old rows. Raises ComfyError if the database can't be used."""
        self.held_files.sweep()
        self.starts.sweep()
