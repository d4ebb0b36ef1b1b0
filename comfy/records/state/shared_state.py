"""State outside of runs, in the history's database."""

from __future__ import annotations

from sqlalchemy import Engine

from comfy.records.paid.consents import PaidConsents
from comfy.records.paid.paid_runs import PaidRunStore
from comfy.records.state.held_files import HeldFiles
from comfy.records.state.opened import OpenedStore
from comfy.records.state.runner_values import RunnerValueStore
from comfy.records.state.starts import StartStore


class SharedState:
    """Stores of the state that processes share besides runs."""

    def __init__(self, engine: Engine) -> None:
        self.held_files = HeldFiles(engine)
        self.starts = StartStore(engine)
        self.paid_runs = PaidRunStore(engine)
        self.paid_consents = PaidConsents(engine)
        self.opened = OpenedStore(engine)
        self.runner_values = RunnerValueStore(engine)

    def sweep(self) -> None:
        """Delete old rows. Raises ComfyError if the database can't be used."""
        self.held_files.sweep()
        self.starts.sweep()
        self.runner_values.sweep()
