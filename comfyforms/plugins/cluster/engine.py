"""DBOS, the engine that starts runs and recovers them after a process has died. The only module
that imports it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Container
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from dbos import DBOS, DBOSConfig, SetWorkflowID, _serialization
from dbos._core import WorkflowHandlePolling
from dbos._error import DBOSException
from dbos._migration import should_migrate
from dbos._serialization import DBOSPortableJSON
from sqlalchemy import URL
from sqlalchemy.engine import Engine as Database
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from comfy.base.errors import ComfyError

log = logging.getLogger(__name__)

# The number of our workflows' contract: processes with other numbers don't execute each other's
# runs.
_CONTRACT = "1"
_QUEUE = "runs"
_SCHEMA = "dbos"
_CONNECTIONS = 6
_UNFINISHED = ["PENDING", "ENQUEUED"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_DELETED_AT_ONCE = 500


class _NoPickle(_serialization.Serializer):
    """Refuses values that DBOS would unpickle with any serializer."""

    def serialize(self, data: object) -> NoReturn:
        raise ComfyError("The cluster's database holds no pickled values.")

    def deserialize(self, serialized_data: str) -> NoReturn:
        raise ComfyError("The cluster's database has a pickled value, which was refused.")

    def name(self) -> str:
        return "py_pickle"


class Engine:
    """DBOS in this process."""

    def __init__(
        self, database: URL, life: str, execute: Callable[[str, int], None] | None
    ) -> None:
        """`database`: of Postgres. `life`: unique for each start of the process. `execute`
        executes an attempt of a run in the calling thread; None if this process only serves
        pages."""
        _serialization.DBOSDefaultSerializer = _NoPickle()
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "comfyforms",
            "system_database_url": database.render_as_string(hide_password=False),
            "sys_db_pool_size": _CONNECTIONS,
            "executor_id": life,
            "application_version": _CONTRACT,
            "serializer": DBOSPortableJSON,
            "enable_otlp": False,
            "log_level": "ERROR",
        }
        DBOS(config=config)

        @DBOS.workflow(name="run")
        def run(run_id: str, attempt: int) -> None:
            assert execute is not None
            execute(run_id, attempt)

        self._run = run
        self._executes = execute is not None

    def launch(self) -> None:
        """Create the engine's tables and begin to execute recovered runs. Raises ComfyError."""
        DBOS.listen_queues([_QUEUE] if self._executes else [])
        try:
            DBOS.launch()
            DBOS.register_queue(_QUEUE)
        except (DBOSException, SQLAlchemyError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            why = str(reason).strip().partition("\n")[0]
            raise ComfyError(
                f"The cluster's engine can't start: {why}.", "Run comfyforms cluster check."
            ) from error

    def close(self) -> None:
        """Stop the engine's threads without waiting for runs."""
        logging.getLogger("dbos").setLevel(
            logging.CRITICAL
        )  # the ends of runs that were handed over
        DBOS.destroy(destroy_registry=True)

    def start(self, run_id: str, attempt: int) -> None:
        """Execute an attempt in a thread of this process, unless any process has begun it."""
        workflow_id = _workflow(run_id, attempt)
        begun = self._start(workflow_id, run_id, attempt)
        if isinstance(begun, WorkflowHandlePolling) and begun.get_status().status in _ENDED:
            DBOS.delete_workflows([workflow_id])  # of an earlier run with the same id
            self._start(workflow_id, run_id, attempt)

    def _start(self, workflow_id: str, run_id: str, attempt: int) -> object:
        with SetWorkflowID(workflow_id):
            return DBOS.start_workflow(self._run, run_id, attempt)

    def resume_others(self, living: Container[str]) -> bool:
        """Put the runs of all processes but the living ones into the queue. Any process takes
        them. Return whether there were any."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        left = [one.workflow_id for one in pending if one.executor_id not in living]
        for workflow_id in left:
            DBOS.resume_workflow(workflow_id, queue_name=_QUEUE)
        return bool(left)

    def sweep(self) -> None:
        """Delete the workflows that ended more than an hour ago."""
        moment = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        while found := DBOS.list_workflows(
            status=_ENDED,
            completed_before=moment,
            limit=_DELETED_AT_ONCE,
            load_input=False,
            load_output=False,
        ):
            DBOS.delete_workflows([one.workflow_id for one in found])

    def unknown(self, attempts: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Return the attempts that the engine neither executes nor is about to execute."""
        by_id = {_workflow(*one): one for one in attempts}
        if not by_id:
            return set()
        found = DBOS.list_workflows(
            workflow_ids=list(by_id), status=_UNFINISHED, load_input=False, load_output=False
        )
        return set(by_id.values()) - {by_id[one.workflow_id] for one in found}


def is_current(database: Database) -> bool:
    """Return whether the engine's tables exist in their newest version."""
    return not should_migrate(database, _SCHEMA, use_listen_notify=True)


def _workflow(run_id: str, attempt: int) -> str:
    return f"{run_id}:{attempt}"
