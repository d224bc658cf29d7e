"""What happens to sessions, as signals for whoever counts it.

They are blinker's, as Flask's own signals are: the sender is the application, and a receiver takes
the values that a signal names. A signal that nobody has connected to costs nothing.

An error that a receiver raises ends the request, as with Flask's own. What is sent while a session
is loaded (`token_refused`, `store_failed`, `session_moved`) finds it empty.
"""

from time import monotonic
from typing import Any

from blinker import NamedSignal, Namespace
from flask import Flask

from backends.store import StoreUnavailable

_signals = Namespace()

session_begun = _signals.signal("session-begun", doc="A session begins: a login, a first value.")

session_rotated = _signals.signal(
    "session-rotated", doc="A session goes on with its data and a new token."
)

session_moved = _signals.signal(
    "session-moved", doc="`source`: a session of that interface goes on as one of this backend."
)

session_ended = _signals.signal(
    "session-ended",
    doc="`reason`: `logout` (it was emptied), `login` (another one follows it), `revoked` (its "
    "owner or an administrator ended it), `limit` (its owner has too many). A session that expires "
    "is ended by nobody, and sends nothing until its token comes back.",
)

token_refused = _signals.signal(
    "token-refused",
    doc="`reason`: `forged` (no key of this application signed it), `ended` (its session has ended "
    "or expired), `moved` (it is an old token, and its session was moved).",
)

changes_dropped = _signals.signal(
    "changes-dropped", doc="A request changed a session that had ended meanwhile."
)

store_failed = _signals.signal(
    "store-failed",
    doc="`step`: `load`, `save`, `list` or `revoke`; `seconds`: how long it took to fail.",
)

SIGNALS = (
    *(session_begun, session_rotated, session_moved, session_ended),
    *(token_refused, changes_dropped, store_failed),
)


def send(signal: NamedSignal, app: Flask, **values: Any) -> None:
    """Send a signal if anybody has connected to it."""
    if signal.receivers:
        signal.send(app, **values)


def note_failure(app: Flask, step: str, error: StoreUnavailable, begun: float) -> None:
    """Send `store_failed`, once for each error. `begun`: by `time.monotonic`."""
    if not error.is_reported:
        error.is_reported = True
        send(store_failed, app, step=step, seconds=monotonic() - begun)


class report_failure:  # noqa: N801 - used as a function; a generator would cost four times as much
    """Send `store_failed` for a `StoreUnavailable` that is raised inside."""

    def __init__(self, app: Flask, step: str) -> None:
        self._app = app
        self._step = step

    def __enter__(self) -> None:
        self._begun = monotonic()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StoreUnavailable):
            note_failure(self._app, self._step, error, self._begun)
