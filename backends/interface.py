"""Where Flask meets a backend: it opens a session, saves it, and sends its cookie."""

import time
from abc import abstractmethod
from functools import partial
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import dump_cookie

from backends.audit_log import log_event, name_of_session
from backends.session import Changes, LoadedSession, Session, Succession
from backends.settings import absolute_seconds, idle_seconds, owner_key
from backends.store import Clock, Fields, SessionGone, StoreUnavailable
from backends.throttle import Throttle

PERMANENT = "~"
"""Ends the cookie of a permanent session: it is sent again without a read.

It is not signed: a user who adds or removes it changes how often their cookie is renewed, no more.
"""

TOUCH_BELOW = 0.9
"""A session that was only read is touched below this part of its idle limit.

Reading thereby costs at most one write per tenth of the limit.
"""

ENTITY_HEADERS = (
    *("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Range", "ETag"),
    *("Last-Modified", "Location", "Set-Cookie"),
)
"""What a refused response loses: headers of its body, its redirect, its cookies
(a guest's cart must not be deleted by a login that did not happen)."""


class SessionTooLarge(RequestEntityTooLarge):
    """The session does not fit into its backend: a 413. Nothing was changed."""


class BackendInterface(SessionInterface):
    """What all backends do: load lazily, write only changes, apply the limits."""

    id_bytes = 16
    """Random bytes of an id: 128 bits (OWASP ASVS 5.0, 7.2.3)."""

    def __init__(self, app: Flask, clock: Clock = time.time) -> None:
        self.clock = clock
        self.permanent = bool(app.config.get("SESSION_PERMANENT", False))
        self._forgeries = Throttle()

    def open_session(self, app: Flask, request: Request) -> Session | None:
        """A session that loads itself at its first use; `None` without a secret key."""
        if not app.secret_key:
            return None
        token = request.cookies.get(self.get_cookie_name(app))
        if not token:
            return Session(lambda: None, self.id_bytes)
        load = partial(self._load, app, token.removesuffix(PERMANENT))
        return Session(load, self.id_bytes, token)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the changes; where that fails, turn the response into a 503 or 413."""
        assert isinstance(session, Session)
        if session.accessed:
            response.vary.add("Cookie")
        if not session.is_loaded and not self._must_send_unused(app, session):
            return
        try:
            self._save(app, session, response)
        except SessionGone:
            # A logout, a rotation or the expiry ended it meanwhile. No cookie is sent or deleted:
            # the browser may already hold the token of the next session.
            log_event(app, "changes dropped", session.sid, reason="the session ended meanwhile")
        except (StoreUnavailable, SessionTooLarge) as error:
            _refuse(app, response, error)

    def regenerate(self, session: Session) -> None:
        """Rotate the session: same data, new token (the method's name is Flask-Session's).

        Does nothing to an empty session, and to one without a secret key: they have no token.
        """
        if session:
            session.rotate()

    def remaining(self, app: Flask, created: float) -> float:
        """The seconds that a session used now may live, by the idle and absolute limits."""
        return min(idle_seconds(app), created + absolute_seconds(app) - self.clock())

    @abstractmethod
    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        """The living session of a token; `None` for any other token."""

    @abstractmethod
    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        """Create a session and end the one it follows. Returns the new token."""

    @abstractmethod
    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        """Write the changes. Returns the token, changed or not. Raises `SessionGone`."""

    @abstractmethod
    def _touch(self, app: Flask, loaded: LoadedSession) -> str:
        """Prolong the session. Returns the token, changed or not. Raises `SessionGone`."""

    @abstractmethod
    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        """End the session, as far as the backend can."""

    def _must_send_unused(self, app: Flask, session: Session) -> bool:
        """Whether an unused session's cookie is sent again, as for permanent ones in Flask."""
        return bool(
            session.cookie
            and session.cookie.endswith(PERMANENT)
            and app.config["SESSION_REFRESH_EACH_REQUEST"]
        )

    def _save(self, app: Flask, session: Session, response: Response) -> None:
        loaded = session.loaded
        if not session:
            self._save_empty(app, session, response)
        elif loaded is None or session.begins:
            self._send(app, session, self._begin(app, session), response)
        else:
            self._save_known(app, session, loaded, response)

    def _save_known(
        self, app: Flask, session: Session, loaded: LoadedSession, response: Response
    ) -> None:
        changes = session.changes()
        if owner_key(app) in {*changes.changed, *changes.removed}:
            # Another user gets another session, with a token and an age of its own
            # (OWASP ASVS 5.0, 7.2.4), and it belongs in another list.
            session.succession = max(session.succession, Succession.NEW_OWNER)
            self._send(app, session, self._begin(app, session), response)
            return
        is_aging = loaded.ttl < TOUCH_BELOW * idle_seconds(app)
        refresh = session.permanent and (is_aging or app.config["SESSION_REFRESH_EACH_REQUEST"])
        token = loaded.token
        if any(changes) or session.modified:
            token = self._update(app, session, loaded, changes)
        elif is_aging or refresh:
            # Raises if the session ended meanwhile: its token must not be sent again then.
            token = self._touch(app, loaded)
        if token != loaded.token or session.modified or refresh:
            self._send(app, session, token, response)

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if not session.modified:
            return
        if session.loaded is not None:
            self._delete(app, session.loaded)
        # Browsers obey a deletion only with the attributes that the cookie was set with
        # (RFC 6265bis 5.7: a __Host- cookie without Secure is ignored).
        response.delete_cookie(self.get_cookie_name(app), **self._attributes(app))
        response.vary.add("Cookie")

    def _begin(self, app: Flask, session: Session) -> str:
        if self.permanent and "_permanent" not in session:
            session.permanent = True
        loaded, keeps_age = session.loaded, session.succession < Succession.NEW_OWNER
        created = loaded.created if loaded and keeps_age else self.clock()
        return self._create(app, session, session.fields(), created)

    def _send(self, app: Flask, session: Session, token: str, response: Response) -> None:
        set_cookie = dump_cookie(
            self.get_cookie_name(app),
            f"{token}{PERMANENT}" if session.permanent else token,
            expires=self.get_expiration_time(app, session),
            max_size=0,  # Werkzeug's warning counts the attributes too, which browsers do not
            **self._attributes(app),
        )
        response.headers.add("Set-Cookie", set_cookie)
        response.vary.add("Cookie")

    def _attributes(self, app: Flask) -> dict[str, Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }

    def _log_begin(self, app: Flask, session: Session, session_id: str) -> None:
        rotated = session.loaded is not None and session.succession is Succession.NEW_ID
        follows = {"follows": name_of_session(app, session.loaded.id)} if session.loaded else {}
        log_event(app, "session rotated" if rotated else "session begun", session_id, **follows)

    def _unless_ended(self, app: Flask, loaded: LoadedSession) -> LoadedSession | None:
        """The session; `None`, and an event in the log, if one of its limits has ended it."""
        if loaded.ttl > 0:
            return loaded
        log_event(app, "token of an ended session", loaded.id)
        return None

    def _log_forgery(self, app: Flask) -> None:
        refused = self._forgeries.admit()
        if refused is not None:
            log_event(app, "forged token", address=request.remote_addr, more=refused)


def _refuse(app: Flask, response: Response, error: HTTPException) -> None:
    """Replace the response by the application's own page for `error`.

    Flask saves the session after the view has returned, where any raised error becomes a 500.
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
