"""What the application keeps for as long as its process runs, beside Flask's own."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Flask

from app.inspector.traffic import TrafficRecorder
from backends.store import Clock
from backends.timing.throttle import Throttle

if TYPE_CHECKING:
    from app.accounts.guesses import Guesses


@dataclass
class KeptToken:
    """A token from before a logout."""

    token: str
    answer: str = ""
    """What the dashboard answered to it, in short; empty before that."""


@dataclass
class SessionLab:
    """The state of one application, in its `extensions`."""

    clock: Clock
    mounted: dict[str, Flask] = field(default_factory=dict)
    """The application of each backend, by its name, where all are side by side."""
    kept_tokens: OrderedDict[str, KeptToken] = field(default_factory=OrderedDict)
    """Tokens from before a logout, by the handle that the browser has."""
    guesses: "Guesses" = field(init=False)
    """Of passwords. Applications side by side share one count."""
    accounts_file: tuple[int, int] | None = None
    """Device and inode of the file that keeps the changes of accounts; `None` if none can be kept.

    It must not disappear, nor be another one.
    """
    accounts_begin_anew: bool = False
    """Whether that file was made at this start."""
    accounts_changes: int = 0
    """The changes that this process knows of: a file with fewer is an older copy."""
    refusals: Throttle = field(default_factory=Throttle)
    """Limits how often refused logins are logged."""
    traffic: TrafficRecorder = field(init=False)


def state_of(app: Flask) -> SessionLab:
    """The state of the application."""
    state: SessionLab = app.extensions["session_lab"]
    return state


def with_mounted(app: Flask) -> list[Flask]:
    """The application, and that of each backend where all are side by side."""
    return [app, *state_of(app).mounted.values()]
