"""Exception hierarchy of this package.

`str(error)` is a whole sentence about what happened, and `error.hint` suggests what to do next.
Both are translatable messages if users see them in the browser, and plain English if only workflow
authors, scripts, shell users or administrators do. Exceptions of other libraries are converted
where they occur.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass

from comfy.base.messages import KeptText, message, sentences

# Our own `type` of a `NodeError`: a file for this input was refused before the prompt was sent.
FILE_REFUSED = "file_refused"
DISK_FULL = message("The disk is full.")
NO_KEY = message("This workflow uses paid credits, and there is no comfy.org API key.")


@dataclass(frozen=True, slots=True)
class NodeError:
    """Error of the server about one node of a prompt, from `node_errors` of `POST /prompt`.

    An error of the whole node has no `input`. `type`, `message` and `details` are the server's own
    words (`value_not_in_list`, …). For `FILE_REFUSED` they are ours: a message and a hint.
    """

    node: str
    input: str | None
    class_type: str
    type: str
    message: KeptText
    details: KeptText


class ComfyError(Exception):
    """Base class of all errors. `str()` is a sentence for the user, and `hint` suggests what to do
    next ('' for no hint)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ManyProblems(ComfyError):
    """Base class of errors that report all problems at once; `problems` has a message for each."""

    def __init__(self, problems: Iterable[str], hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__(sentences(*self.problems), hint)


class DatabaseAway(ComfyError):
    """No answer from the database server, which may be back soon."""


class ShuttingDown(ComfyError):
    """The app ends before it can do this."""

    def __init__(self) -> None:
        super().__init__(message("ComfyForms is shutting down."), message("Try again in a moment."))


class ServerUnreachable(ComfyError):
    """No answer: connection refused, timeout, unknown host, connection cut. `passing`: a retry may
    succeed. It is False if the server's certificate or our settings must change first."""

    def __init__(self, message: str, hint: str = "", *, passing: bool = True) -> None:
        super().__init__(message, hint)
        self.passing = passing


class ServerError(ComfyError):
    """Unexpected HTTP answer; `status` is its code."""

    def __init__(self, message: str, hint: str = "", *, status: int) -> None:
        super().__init__(message, hint)
        self.status = status

    @property
    def passing(self) -> bool:
        """Tell if the same request may succeed a moment later; the server may have processed it
        already."""
        return self.status >= 500 or self.status < 300 or self.status in (408, 429)


class PromptRejected(ComfyError):
    """`POST /prompt` was refused. `node_errors` has the nodes and inputs that the server named."""

    def __init__(
        self, message: str, hint: str = "", *, node_errors: Iterable[NodeError] = ()
    ) -> None:
        super().__init__(message, hint)
        self.node_errors = tuple(node_errors)


class NotWritten(ComfyError):
    """A file can't be written here."""


class DiskFull(NotWritten):
    """No disk space is left, here or in this account's quota; `problem` says whose disk is
    full."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, message("Tell the administrator, then try again."))


class WorkflowError(ComfyError):
    """A file or document is not a readable workflow."""


class WorkflowNotFound(WorkflowError):
    """The workflow doesn't exist or belongs to another user, like `RunNotFound`."""


class UploadRejected(ComfyError):
    """The server refused an uploaded file."""


class RunNotFound(ComfyError):
    """The run doesn't exist or belongs to another user; callers can't tell which."""

    def __init__(self, problem: str = message("This result no longer exists.")) -> None:
        super().__init__(problem)


class RunGoesOn(ComfyError):
    """The run with this id is still active and can't start again or be repeated yet."""


class BatchNotFound(ComfyError):
    """The batch doesn't exist or belongs to another user, like `RunNotFound`."""


class ChainNotFound(ComfyError):
    """The chain doesn't exist or belongs to another user, like `RunNotFound`."""


class NoApiKey(ComfyError):
    """A paid run has no comfy.org API key to pay with. `has_account`: its user can add one."""

    def __init__(self, *, has_account: bool) -> None:
        hint = (
            message("Add your key under “Your account”, or ask the administrator.")
            if has_account
            else message("Ask the administrator to add one.")
        )
        super().__init__(NO_KEY, hint)


class PaymentNotConfirmed(ComfyError):
    """The user hasn't confirmed that runs of a workflow cost credits."""


class Overloaded(ComfyError):
    """Base class of temporary refusals. Retry after this many `seconds`."""

    def __init__(self, message: str, hint: str, seconds: float = 60.0) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class TooManyRuns(Overloaded):
    """A user, or all users together, requested too many runs."""


class LimitReached(TooManyRuns):
    """A user reached the limit of runs per hour or day. `seconds`: until the next run may start."""


class TooManyPaidRuns(TooManyRuns):
    """A limit of paid runs per day was reached."""


class TooManyThreads(Overloaded):
    """The system lets the app start no more threads."""


def not_written(error: OSError, problem: str, hint: str, *, full: str = "") -> NotWritten:
    """Return the error for a failed write: `problem` names the file and the reason, `full` the same
    for a full disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(full or DISK_FULL)
    return NotWritten(problem, hint)


def words_of(error: OSError) -> str:
    """Return the system's own words for the error, such as "Permission denied"."""
    return error.strerror or str(error)
