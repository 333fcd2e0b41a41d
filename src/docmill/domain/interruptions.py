"""What stops a stage in the middle. No errors, so they are not in the tree of errors.py."""

from __future__ import annotations


class Interruption(BaseException):
    """A stop signal on its way out of a stage. Not an error: no `except Exception` may eat it."""


class LeaseLost(Interruption):
    """Another worker owns the task now; nothing more may be written for it here."""


class PauseRequested(Interruption):
    """Somebody wants the task to rest; everything up to the last step is kept."""


class TurnOver(Interruption):
    """Something more urgent waits; the task goes back to the line with everything up to the last step."""


class StageHeld(Interruption):
    """The stage is held; the task goes back to the queue with everything up to the last step."""


class WorkerStopping(Interruption):
    """This worker was asked to stop; the task goes back to the queue, unharmed."""
