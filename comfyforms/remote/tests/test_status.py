"""The client's status classes match the app's documents."""

from __future__ import annotations

from dataclasses import fields

import pytest

from comfyforms.remote.runs import BatchStatus, ChainStatus, StepStatus
from comfyforms.remote.status import ResultFile, RunStatus, WorkflowInfo
from ui.documents.group_docs import BatchDoc, ChainDoc, StepDoc
from ui.documents.run_doc import RunDoc, RunFile
from ui.documents.workflow_doc import ListedWorkflow


@pytest.mark.parametrize(
    ("status", "document", "own"),
    [
        (RunStatus, RunDoc, {"hint"}),  # of the document's error
        (ResultFile, RunFile, {"run", "calls"}),
        (BatchStatus, BatchDoc, set()),
        (ChainStatus, ChainDoc, set()),
        (StepStatus, StepDoc, set()),
        (WorkflowInfo, ListedWorkflow, set()),
    ],
)
def test_the_client_reads_properties_that_the_app_sends(
    status: type, document: type, own: set[str]
) -> None:
    """The client doesn't import the app, so it can't use the classes of the app's documents."""
    sent = {field.name for field in fields(document)}
    assert {field.name for field in fields(status)} - sent == own
