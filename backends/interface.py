"""The one place where Flask and Flask-Session meet a backend."""

import time
from abc import abstractmethod
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import dump_cookie

from backends.audit_log import name_of_session, report
from backends.session import Saved, Session, Succession
from backends.settings import (
    absolute_seconds,
    idle_seconds,
    owner_key,
)
from backends.store import (
    Clock,
    Fields,
    SessionGone,
    StoreUnavailable,
)
from backends.throttle import Throttle

PERMANENT = "~"
"""Ends the cookie of a permanent session, so that it tells where nobody has asked the store.

It is not signed: who adds or removes it changes how often his own cookie is renewed, no more.
"""

WORN = 0.9
"""A session that was read is written again, to live longer, below this part of its idle limit.

An answer that changed nothing thereby costs a write at most once per tenth of the limit.
"""

ENTITY_HEADERS = (
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Range",
    "ETag",
    "Last-Modified",
    "Location",
    "Set-Cookie",
)
"""What a refused answer takes back: its body's headers, where it led, and what it told the browser
to store (a guest's cart must not be deleted for a login that did not happen)."""


class SessionTooLarge(RequestEntityTooLarge):
    """The session does not fit where it is kept. Nothing was changed: a 413."""


class BackendInterface(SessionInterface):
    """What every backend does alike: open lazily, write what changed, keep the limits."""

    id_bytes = 16
    """Random bytes of an id: 128 bits (OWASP ASVS 5.0, 7.2.3)."""

    def __init__(self, app: Flask, clock: Clock = time.time) -> None:
        self.clock = clock
        self.permanent = bool(app.config.get("SESSION_PERMANENT", False))
        self._forgeries = Throttle()

    def open_session(self, app: Flask, request: Request) -> Session | None:
        """A session that loads itself when somebody looks; `None` without a secret key."""
        if not app.secret_key:
            return None
        token = request.cookies.get(self.get_cookie_name(app))
        if not token:
            return Session(_nothing, self.id_bytes)
        load = partial(self._load, app, token.removesuffix(PERMANENT))
        return Session(load, self.id_bytes, token)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed, or answer 503 or 413 in the response's place."""
        assert isinstance(session, Session)
        if session.accessed:
            response.vary.add("Cookie")
        if not session.loaded and not self._refreshes_untouched(app, session):
            return
        try:
            self._save(app, session, response)
        except SessionGone:
            # Ended meanwhile by a logout, a rotation or an expiry. No cookie is sent or deleted:
            # the browser may already hold the token of the next session.
            report(app, "changes dropped", session.sid, reason="the session ended meanwhile")
        except (StoreUnavailable, SessionTooLarge) as error:
            _refuse(app, response, error)

    def regenerate(self, session: Session) -> None:
        """Rotate: keep the data, take a new token (Flask-Session's name for it).

        An empty session has no token, and one without a secret key never gets any.
        """
        if session:
            session.rotate()

    def remaining(self, app: Flask, created: float) -> float:
        """Seconds that a session used now may live: the idle limit, cut by the absolute one."""
        return min(idle_seconds(app), created + absolute_seconds(app) - self.clock())

    @abstractmethod
    def _load(self, app: Flask, token: str) -> Saved | None:
        """The session of a token; `None` for any token that is not one of a living session."""

    @abstractmethod
    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        """Begin a session with these fields and end the one it follows. The new token."""

    @abstractmethod
    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        """Write the changes. The token: the same or another. Raises `SessionGone`."""

    @abstractmethod
    def _touch(self, app: Flask, saved: Saved) -> str:
        """Let the session live longer. The token: the same or another. Raises `SessionGone`."""

    @abstractmethod
    def _delete(self, app: Flask, saved: Saved) -> None:
        """End the session, as far as this backend can."""

    def _refreshes_untouched(self, app: Flask, session: Session) -> bool:
        """Whether this cookie is sent again though nobody looked at the session.

        Flask promises that for permanent sessions unless `SESSION_REFRESH_EACH_REQUEST` is off.
        """
        return bool(
            session.cookie
            and session.cookie.endswith(PERMANENT)
            and app.config["SESSION_REFRESH_EACH_REQUEST"]
        )

    def _save(self, app: Flask, session: Session, response: Response) -> None:
        if not session:
            self._save_empty(app, session, response)
            return
        saved = session.saved
        if saved is None or session.begins:
            self._send(app, session, self._begin(app, session), response)
        else:
            self._save_known(app, session, saved, response)

    def _save_known(self, app: Flask, session: Session, saved: Saved, response: Response) -> None:
        changed, removed = session.changes()
        if owner_key(app) in {*changed, *removed}:
            # Another owner is another session, with a token and an age of its own
            # (OWASP ASVS 5.0, 7.2.4), and it belongs in another list.
            session.follow_as(Succession.NEW_OWNER)
            self._send(app, session, self._begin(app, session), response)
            return
        worn = saved.ttl < WORN * idle_seconds(app)
        refresh = session.permanent and (worn or app.config["SESSION_REFRESH_EACH_REQUEST"])
        token = saved.token
        if changed or removed or session.modified:
            token = self._update(app, session, saved, changed, removed)
        elif worn or refresh:
            # Raises where the session ended meanwhile: its token must not be sent again then.
            token = self._touch(app, saved)
        if token != saved.token or session.modified or refresh:
            self._send(app, session, token, response)

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if not session.modified:
            return
        if session.saved is not None:
            self._delete(app, session.saved)
        # A browser obeys a deletion only with the attributes that the cookie was set with
        # (RFC 6265bis 5.7: a __Host- cookie without Secure is ignored).
        response.delete_cookie(self.get_cookie_name(app), **self._attributes(app))
        response.vary.add("Cookie")

    def _begin(self, app: Flask, session: Session) -> str:
        if self.permanent and "_permanent" not in session:
            session.permanent = True
        saved = session.saved
        keeps_age = session.succession < Succession.NEW_OWNER
        created = saved.created if saved and keeps_age else self.clock()
        return self._create(app, session, session.fields(), created)

    def _send(self, app: Flask, session: Session, token: str, response: Response) -> None:
        set_cookie = dump_cookie(
            self.get_cookie_name(app),
            f"{token}{PERMANENT}" if session.permanent else token,
            expires=self.get_expiration_time(app, session),
            max_size=0,  # its warning counts the attributes too, which browsers do not
            **self._attributes(app),
        )
        response.headers.add("Set-Cookie", set_cookie)
        response.vary.add("Cookie")

    def _report_begun(self, app: Flask, session: Session, session_id: str) -> None:
        if session.saved is None:
            report(app, "session begun", session_id)
        else:
            follows = {"follows": name_of_session(app, session.saved.id)}
            rotated = session.succession is Succession.NEW_ID
            report(app, "session rotated" if rotated else "session begun", session_id, **follows)

    def _living(self, app: Flask, saved: Saved) -> Saved | None:
        """The session, unless one of its limits has ended it."""
        if saved.ttl > 0:
            return saved
        self._report_ended(app, saved.id)
        return None

    def _report_ended(self, app: Flask, session_id: str) -> None:
        report(app, "token of an ended session", session_id)

    def _report_forgery(self, app: Flask) -> None:
        held_back = self._forgeries.due()
        if held_back is not None:
            report(app, "forged token", address=request.remote_addr, more=held_back)

    def _attributes(self, app: Flask) -> dict[str, Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }


def _nothing() -> None:
    return None


def _refuse(app: Flask, response: Response, error: HTTPException) -> None:
    """Put the application's own page for `error` in the place of an answer that cannot be kept.

    Flask saves the session after the view has answered, where a raised error is always a 500.
    """
    page = app.make_response(app.handle_user_exception(error))
    for name in ENTITY_HEADERS:
        response.headers.pop(name, None)
    response.close()
    response.direct_passthrough = False
    response.status = page.status
    response.set_data(page.get_data())
    for name, value in page.headers:
        response.headers[name] = value
