"""Where Flask meets a backend: it opens a session, saves it, and sends its cookie."""

from abc import abstractmethod
from copy import copy
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from itsdangerous import BadData
from werkzeug.local import LocalProxy

from backends.audit_log import log_event
from backends.http.cookies import (
    PERMANENT,
    cookie_attributes,
    cookies_named,
    has_permanent,
    set_cookie,
    vary_by_cookie,
)
from backends.http.refusal import SessionTooLarge, is_current, refuse
from backends.loaded_session import (
    NO_CHANGES,
    PERMANENT_KEY,
    Changes,
    LoadedSession,
    Succession,
)
from backends.migration.migration import Adopted, Migration, migration_of
from backends.record import pair_fields
from backends.serializer import FieldSerializer
from backends.session import Session
from backends.settings import current_settings, is_on
from backends.signals import (
    changes_dropped,
    note_failure,
    report_failure,
    send,
    session_begun,
    session_rotated,
    token_refused,
)
from backends.store import RENEW_BELOW, Clock, Fields, SessionGone, StoreUnavailable, wall_clock
from backends.timing.clock_watch import ClockWatch
from backends.timing.deadline import within_deadline
from backends.timing.throttle import Throttle


class BackendInterface(SessionInterface):
    """What all backends do: load lazily, write only changes, apply the limits."""

    id_bytes = 16
    """Random bytes of an id: 128 bits (OWASP ASVS 5.0, 7.2.3)."""
    make_fields = staticmethod(pair_fields)

    def __init__(self, app: Flask, clock: Clock = wall_clock) -> None:
        self._app = ref(app)  # a reference of its own would keep the application alive
        self._others = WeakKeyDictionary[Flask, Self]()
        self.clock = clock
        self.permanent = is_on(app, "SESSION_PERMANENT", default=False)
        self.serializer = FieldSerializer(getattr(app.session_interface, "serializer", None))
        self.serializer.use(app.json)
        self.migration = migration_of(app, clock)
        self._clock_watch = ClockWatch()
        self._forgeries = Throttle()
        self._settings = current_settings(app, None)
        """Those of the last request that used its session: it looks once whether one changed."""

    def open_session(self, app: Flask, request: Request) -> Session | None:
        """A session that loads itself at its first use; `None` without a secret key."""
        if not app.secret_key:
            return None
        own = self if self._app() is app else self._of(app)  # every page comes here
        return Session(own, app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the changes; where that fails, turn the response into a 503 or 413.

        Outside of the session's own request, as in a test client's `session_transaction()`, there
        is no response to turn: the error is raised.
        """
        if type(session) is not Session:  # an abstract base class is slow to ask
            session = _without_proxy(session)
        if session._interface is not self:  # its application shares this interface with another
            own: Any = session._interface
            BackendInterface.save_session(own, app, session, response)
            return
        if session.accessed:
            vary_by_cookie(response)
        if session._values is None and not (
            session._modified or self._must_send_unused(app, session._request)
        ):
            return
        if session._is_unread:
            self._look_at_settings(app)
        if session._is_untouched and not self._is_due(app, session._loaded_session):
            return
        begun = monotonic()
        try:
            self._save_used(app, session, response)
        except SessionGone:
            # A logout, a rotation or the expiry ended it meanwhile. No cookie is sent or deleted:
            # the browser may already hold the token of the next session.
            log_event(app, "changes dropped", session._id, reason="the session ended meanwhile")
            send(changes_dropped, app)
        except (StoreUnavailable, SessionTooLarge) as error:
            if isinstance(error, StoreUnavailable):
                note_failure(app, "save", error, begun)
            if not is_current(session):
                raise
            refuse(app, response, error)

    def regenerate(self, session: Session) -> None:
        """Rotate a session that has a token: same data, new token (Flask-Session's name for it)."""
        if session:
            session._rotate()

    def remaining(
        self, app: Flask, created: float, permanent: bool = False, seen: float | None = None
    ) -> float:
        """The seconds that a session last used at `seen`, or else now, may live by both limits."""
        now, settings = self.clock(), self._settings
        used = now if seen is None else seen
        return min(used + settings.idle[permanent], created + settings.absolute[permanent]) - now

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """When the browser drops a permanent session's cookie; `None` for its end."""
        if not session.permanent:
            return None
        return datetime.now(UTC) + timedelta(seconds=self._settings.idle[True])

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Whether a session with values is saved: an application's own class may say no."""
        return True

    @abstractmethod
    def _load(self, app: Flask, token: str) -> LoadedSession | None:
        """The living session of a token; `None` for that of an ended one.

        Raises `BadData` or `UnicodeError` for a token that was not made here.
        """

    @abstractmethod
    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        """Create a session and end the one it follows. Returns the new token."""

    @abstractmethod
    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        """Write what changed, and prolong it. Returns the token. Raises `SessionGone`."""

    @abstractmethod
    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        """End the session, as far as the backend can."""

    @abstractmethod
    def join_moved(self, app: Flask, mark: str, session_ids: list[str]) -> LoadedSession | None:
        """As `backends.migration.migration.Adopter` says."""

    @abstractmethod
    def adopt(
        self, app: Flask, request: Request, mark: str, session_id: str, fields: Fields
    ) -> Adopted:
        """As `backends.migration.migration.Adopter` says."""

    def _note_sent(self, app: Flask, mark: str) -> None:
        """The browser gets the new token of a moved session with this answer."""

    def _of(self, app: Flask) -> Self:
        """This interface; for another application that was given it too, one with its settings."""
        if self._app() == app:
            return self
        if app not in self._others:
            other = copy(self)
            other._app, other._settings = ref(app), current_settings(app, None)
            other.serializer = copy(self.serializer)
            other.serializer.use(app.json)
            self._others[app] = other
        return self._others[app]

    def _look_at_settings(self, app: Flask) -> None:
        settings = current_settings(app, self._settings)
        if settings is not self._settings:
            self._settings = settings
            self.serializer.use(app.json)

    def _salt(self, app: Flask) -> str:
        """The salt of a token's signature: a token of another cookie is not accepted."""
        return f"session {self._settings.name} {self.get_cookie_name(app)}"

    def _load_first(self, app: Flask, request: Request) -> LoadedSession | None:
        """The first living session among the cookies of its name."""
        self._look_at_settings(app)
        tokens = self._tokens(app, request)
        if not tokens and self.migration is None:
            return None
        begun = monotonic()
        try:
            return self._load_any(app, request, tokens)
        except StoreUnavailable as error:
            note_failure(app, "load", error, begun)
            raise

    def _load_any(self, app: Flask, request: Request, tokens: list[str]) -> LoadedSession | None:
        unknown: list[str] = []
        for token in tokens:
            try:
                loaded = self._load(app, token.removesuffix(PERMANENT))
            except (BadData, UnicodeError):
                unknown.append(token)
                continue
            if loaded is not None:
                return loaded
        if self.migration is not None:
            loaded = self._move_first(app, request, self.migration, unknown)
            if loaded is not None:
                return loaded
        for _ in unknown:
            self._log_forgery(app, request)
        return None

    @within_deadline
    def _move_first(
        self, app: Flask, request: Request, migration: Migration, unknown: list[str]
    ) -> LoadedSession | None:
        name = migration.old.cookie_name(app)
        salt, key = self._salt(app), self._settings.keys[-1]
        tokens = unknown if name == self.get_cookie_name(app) else cookies_named(name, request)
        return migration.move_first(self, app, request, tokens, salt, key)

    def _tokens(self, app: Flask, request: Request) -> list[str]:
        """The session's cookies as the browser sent them, not verified yet."""
        return cookies_named(self.get_cookie_name(app), request)

    def _save_used(self, app: Flask, session: Session, response: Response) -> None:
        loaded = session._loaded
        if session._held_back:
            if loaded is not None and loaded.mark:
                self._renew(app, session, loaded, response)
        elif session._is_unread and session._succession < Succession.CLEARED:
            # Nothing was changed, and its reading has been reported; or else the answer is refused.
            if session._is_refused and session._used():
                assert session._failure is not None
                raise session._failure
        elif self._is_empty(session):
            self._save_empty(app, session, response)
        elif not self.should_set_cookie(app, session):
            return
        elif loaded is None or session._succession is not Succession.SAME:
            self._send(app, session, self._begin(app, session), response)
        else:
            self._save_known(app, session, loaded, response)

    def _must_send_unused(self, app: Flask, request: Request) -> bool:
        """Whether an unused session's cookie is sent again, as for permanent ones in Flask."""
        may_be = PERMANENT in request.environ.get("HTTP_COOKIE", "")  # of most pages it is not
        refreshes = may_be and app.config["SESSION_REFRESH_EACH_REQUEST"]
        return refreshes and has_permanent(self.get_cookie_name(app), request)

    def _is_empty(self, session: Session) -> bool:
        """Whether there is nothing to keep."""
        return not session._used() and not session._all()

    def _save_known(
        self, app: Flask, session: Session, loaded: LoadedSession, response: Response
    ) -> None:
        changes, owner = session._changes(), self._settings.owner_field
        if owner in changes.changed or owner in changes.removed:
            self._send(app, session, self._begin(app, session), response)
        elif any(changes):
            if session.permanent != loaded.permanent:
                loaded = loaded._replace(permanent=session.permanent)
            token = self._update(app, session, loaded, changes)
            if token != loaded.token:
                loaded = loaded._replace(token=token)
            session._become(loaded, changes)
            session._modified = True  # also for a nested change: another save sends its cookie too
            self._send(app, session, token, response)
        else:
            self._renew(app, session, loaded, response)

    def _is_due(self, app: Flask, loaded: LoadedSession | None) -> bool:
        """Whether an unchanged session must be prolonged, or its cookie may have to be sent."""
        if loaded is None or loaded.permanent or loaded.mark:
            return loaded is not None
        may_age = loaded.ttl < RENEW_BELOW * self._settings.idle[False]
        return may_age and self._is_aging(app, loaded, permanent=False)

    def _is_aging(self, app: Flask, loaded: LoadedSession, permanent: bool) -> bool:
        """Whether a tenth of the idle limit has passed, or a use prolongs the session by a tenth.

        Near its absolute limit none does: each page would write in vain.
        """
        idle, now = self._settings.idle[permanent], self.clock()
        longest = self.remaining(app, loaded.created, permanent)
        return loaded.ttl < RENEW_BELOW * longest or now - loaded.seen > (1 - RENEW_BELOW) * idle

    def _renew(
        self, app: Flask, session: Session, loaded: LoadedSession, response: Response
    ) -> None:
        """Prolong a session that nobody changed, and send its cookie where Flask promises it.

        If the store fails, or the session ended meanwhile, the answer goes out as it is: it changed
        nothing, and no cookie is sent.
        """
        permanent = session.permanent
        is_aging = self._is_aging(app, loaded, permanent)
        refreshes = permanent and (is_aging or app.config["SESSION_REFRESH_EACH_REQUEST"])
        refreshes = refreshes or session.modified or bool(loaded.mark)
        if not (is_aging or refreshes):
            return
        try:
            with report_failure(app, "save"):
                token = self._update(app, session, loaded, NO_CHANGES)
        except (StoreUnavailable, SessionTooLarge, SessionGone):
            return
        if token != loaded.token or refreshes:
            self._send(app, session, token, response)

    def _save_empty(self, app: Flask, session: Session, response: Response) -> None:
        if not session.modified:
            return
        for loaded in self._followed(app, session):
            self._delete(app, loaded)
        session._become(None)
        # Browsers obey a deletion only with the attributes that the cookie was set with
        # (RFC 6265bis 5.7: a __Host- cookie without Secure is ignored).
        response.delete_cookie(self.get_cookie_name(app), **cookie_attributes(self, app))
        vary_by_cookie(response)

    def _followed(self, app: Flask, session: Session) -> list[LoadedSession]:
        """The sessions that end when this one is saved empty or begins."""
        unread, request = session._is_unread, session._request
        loaded = self._load_first(app, request) if unread else session._loaded_session
        return [loaded] if loaded else []

    def _begin(self, app: Flask, session: Session) -> str:
        if self.permanent and PERMANENT_KEY not in session:
            session.permanent = True
        loaded, fields = session._loaded_session, session._fields()
        owner = self._settings.owner_field
        if owner and fields.get(owner) != (loaded and loaded.fields.get(owner)):
            # Another user gets another session, with a token and an age of its own
            # (OWASP ASVS 5.0, 7.2.4), and it belongs in another list.
            session._raise_succession(Succession.NEW_OWNER)
        keeps_age = session._succession < Succession.NEW_OWNER
        # Not 0, which would be no beginning: tests set their clocks to the epoch.
        created = loaded.created if loaded and keeps_age else max(self.clock(), 1.0)
        rotated = loaded is not None and session._succession is Succession.NEW_ID
        token = self._create(app, session, fields, created)
        permanent, seen = session.permanent, self.clock()
        ttl = self.remaining(app, created, permanent)
        session._become(LoadedSession(session._id, token, created, seen, ttl, fields, permanent))
        # Where a receiver raises, Flask saves once more, and goes on from there.
        event = "session rotated" if rotated else "session begun"
        log_event(app, event, session._id, follows=loaded and loaded.id)
        send(session_rotated if rotated else session_begun, app)
        return token

    def _send(self, app: Flask, session: Session, token: str, response: Response) -> None:
        loaded = session._loaded_session
        assert loaded is not None
        if loaded.mark:
            self._note_sent(app, loaded.mark)
        name = self.get_cookie_name(app)
        value = f"{token}{PERMANENT}" if loaded.permanent else token
        expires = self.get_expiration_time(app, session)
        set_cookie(response, name, value, expires, cookie_attributes(self, app))
        if not session.accessed:  # or it was said before
            vary_by_cookie(response)

    def _unless_ended(self, app: Flask, loaded: LoadedSession) -> LoadedSession | None:
        """The session; `None`, and an event in the log, if one of its limits has ended it."""
        ahead = max(loaded.created, loaded.seen) - self.clock()
        if loaded.ttl > 0 and not (ahead > 0 and self._clock_watch.is_wrong(ahead)):
            return loaded
        self._log_ended_token(app, loaded.id)
        return None

    def _log_ended_token(self, app: Flask, session_id: str) -> None:
        log_event(app, "token of an ended session", session_id)
        send(token_refused, app, reason="ended")

    def _log_forgery(self, app: Flask, request: Request) -> None:
        send(token_refused, app, reason="forged")
        refused = self._forgeries.admit()
        if refused is not None:
            log_event(app, "forged token", address=request.remote_addr, more=refused)


def _without_proxy(session: SessionMixin) -> Session:
    if isinstance(session, LocalProxy):
        session = session._get_current_object()
    if not isinstance(session, Session):
        kind = type(session).__name__
        raise TypeError(f"The session was replaced by a {kind}: change its values instead.")
    return session
