"""Parts that several routes share."""

from __future__ import annotations

from dataclasses import dataclass

from ui.api.batches.routes import BatchStart
from ui.api.chains import ChainStart
from ui.api.runs import Runs
from ui.api.start import RunStart
from ui.api.values import Bodies, ValueReader
from ui.documents.run_doc import RunJson
from ui.files.deleting import RunDeletion
from ui.files.presenter import Presenter, RunEnds
from ui.files.result_files import ResultFiles
from ui.services import Services


@dataclass(frozen=True, slots=True)
class Parts:
    """Factory for parts of the app, for the modules that assemble the routes."""

    services: Services

    @property
    def presenter(self) -> Presenter:
        """Return the presenter, which describes runs for the stage."""
        ends = RunEnds(self.services.forms, self.services.copies, self.services.health)
        return Presenter(
            ends,
            self.services.runs,
            self.services.batches,
            self.services.chains,
            self.services.chain_forms,
        )

    @property
    def results(self) -> ResultFiles:
        return ResultFiles(
            self.services.runs, self.services.copies.blobs, self.services.server_files
        )

    @property
    def reader(self) -> ValueReader:
        return ValueReader(self.services.library, self.services.copies)

    @property
    def run_start(self) -> RunStart:
        return RunStart(
            self.reader, self.services.starter, self.services.runs, self.services.webhooks
        )

    @property
    def batch_start(self) -> BatchStart:
        return BatchStart(
            self.reader, self.services.starter, self.services.batches, self.services.webhooks
        )

    @property
    def chain_start(self) -> ChainStart:
        return ChainStart(
            self.reader, self.services.chain_forms, self.services.chains, self.services.webhooks
        )

    @property
    def deletion(self) -> RunDeletion:
        """Return the object that deletes runs with their files."""
        return RunDeletion(self.services.runs, self.services.copies, self.services.clean_up)

    def run_docs(self, root: str) -> Runs:
        """Return the builder of the API's run documents. `root`: the app's path below its host."""
        return Runs(self.presenter, self.services.library, RunJson(root))

    @property
    def bodies(self) -> Bodies:
        return Bodies(
            self.services.copies.uploads, self.services.rooms.uploads, self.services.limits
        )
