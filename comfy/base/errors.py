"""The exceptions of this package, in one tree.

Every one of them is written for the person at the screen: `str(error)` is a whole sentence about
what happened, `error.hint` says what to do next; both are messages, but for what a shell alone is
told at the start. Exceptions of other libraries are translated where they occur and never leave.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass

from comfy.base.messages import KeptText, message, sentences

# The `type` of a `NodeError` of our own: a file for this input was refused before the prompt was
# sent.
FILE_REFUSED = "file_refused"


@dataclass(frozen=True, slots=True)
class NodeError:
    """One objection of the server to one node of a prompt, as in `node_errors` of `POST /prompt`.

    `input` is None when the objection is about the node as a whole. `type`, `message` and `details`
    are the server's own words (`value_not_in_list`, …), or ours for `FILE_REFUSED`: a sentence, and
    what to do.
    """

    node: str
    input: str | None
    class_type: str
    type: str
    message: KeptText
    details: KeptText


class ComfyError(Exception):
    """Base of all: `str()` is a sentence for the person, `hint` what to do next ('' where there is
    nothing)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ManyProblems(ComfyError):
    """Base of those that tell all that is wrong at once; `problems` holds a sentence for each."""

    def __init__(self, problems: Iterable[str], hint: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__(sentences(*self.problems), hint)


class ServerUnreachable(ComfyError):
    """No answer: connection refused, timeout, unknown host, connection cut. `passing`: it may be
    there in a moment; not so where its certificate or our settings would have to change first."""

    def __init__(self, message: str, hint: str = "", *, passing: bool = True) -> None:
        super().__init__(message, hint)
        self.passing = passing


class ServerError(ComfyError):
    """An HTTP answer that was not expected; `status` is its code."""

    def __init__(self, message: str, hint: str = "", *, status: int) -> None:
        super().__init__(message, hint)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same question may be answered well a moment later; what was asked for may
        have been done."""
        return self.status >= 500 or self.status < 300 or self.status in (408, 429)


class PromptRejected(ComfyError):
    """`POST /prompt` was refused; `node_errors` says on which nodes and inputs, as far as the
    server told."""

    def __init__(
        self, message: str, hint: str = "", *, node_errors: Iterable[NodeError] = ()
    ) -> None:
        super().__init__(message, hint)
        self.node_errors = tuple(node_errors)


class DiskFull(ComfyError):
    """There is no room left here, or none for this account; `problem` says so, and for what."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, message("Tell the administrator, then try again."))


class WorkflowError(ComfyError):
    """A file or document is not a workflow that can be read."""


class WorkflowNotFound(WorkflowError):
    """There is no such workflow, or it belongs to somebody else, as with `RunNotFound`."""


class UploadRejected(ComfyError):
    """The server did not take an uploaded file."""


class RunNotFound(ComfyError):
    """There is no such run, or it belongs to another user; callers can't tell which."""

    def __init__(self) -> None:
        super().__init__(message("This result no longer exists."))


class RunGoesOn(ComfyError):
    """What is to be begun under the id of a run that is not at its end, or is to be done once more
    before it is over."""


class BatchNotFound(ComfyError):
    """There is no such batch, or it belongs to somebody else, as with `RunNotFound`."""


class ChainNotFound(ComfyError):
    """There is no such chain, or it belongs to somebody else, as with `RunNotFound`."""


class Overloaded(ComfyError):
    """Base of those that ask for too much at the moment. It is worth another try after so many
    `seconds`."""

    def __init__(self, message: str, hint: str, seconds: float = 60.0) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class TooManyRuns(Overloaded):
    """A person, or all together, ask for too many runs."""


class TooManyThreads(Overloaded):
    """The system lets this program start no more threads."""


def not_written(error: OSError, problem: str, hint: str, *, full: str) -> ComfyError:
    """What to say where something could not be written here: `problem` names it and why, `full`
    the same for a disk that is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(full)
    return ComfyError(problem, hint)


def words_of(error: OSError) -> str:
    """The system's own words for it, "Permission denied"."""
    return error.strerror or str(error)
