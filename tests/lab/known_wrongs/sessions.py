"""Defects in the beginning, the changes and the end of sessions."""

import re
import secrets
from collections.abc import Mapping
from copy import copy
from typing import Any

from flask import Flask
from itsdangerous import BadData, Signer

from app import create_app
from backends import BACKENDS
from backends.configuration import absolute_seconds
from backends.interface import CREATED, StoreInterface
from backends.redis import install as install_redis
from backends.session import Saved, Session
from backends.store import Clock, Fields, SessionGone, key_of
from tests.lab.known_wrongs.wrong import Wrong, in_backend, on_files, overwrite


class ForgetsToDelete(StoreInterface):
    """Deletes the cookie at logout, but not the record."""

    def _delete(self, app: Flask, saved: Saved) -> None:
        pass


class BringsBackByRotation(StoreInterface):
    """Rotates a loaded session without checking that it still exists."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        try:
            return super()._create(app, session, fields, created)
        except SessionGone:
            create_record(self, app, session.saved, session.sid, fields)
            return self._token(app, session.sid)


class LeavesTheOldOne(StoreInterface):
    """Rotates, and keeps the old session, as PHP's `session_regenerate_id()` does."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        token = super()._create(app, session, fields, created)
        if session.saved is not None and session.rotated and not session.cleared:
            create_record(self, app, session.saved, session.saved.id, session.saved.fields)
        return token


class KeepsVersions(StoreInterface):
    """Writes each change into a copy with a new token, so that it can be undone."""

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        self.store.touch(key_of(saved.id), self.remaining(app, saved.created))
        version = secrets.token_urlsafe(self.sid_length)
        create_record(self, app, saved, version, session.fields())
        return self._token(app, version)


class KeepsTheIdOfAGuest(StoreInterface):
    """Keeps the id of a guest at login, as Flask-Session 0.8 does."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        if session.saved is None or "user" in session.saved.fields:
            return super()._create(app, session, fields, created)
        return store_fields(self, app, session.saved, fields)


class KeepsTheIdOfAUser(StoreInterface):
    """Makes a new id when a guest logs in, but not when a user logs in again."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        if session.saved is None or "user" not in session.saved.fields or session.rotated:
            return super()._create(app, session, fields, created)
        return store_fields(self, app, session.saved, fields)


class AdoptsEndedIds(StoreInterface):
    """Begins a session under any signed id, as Flask-Session 0.5 did."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        if session.saved is None and session.cookie is not None:
            try:
                session._next_id = self._signer(app).unsign(session.cookie).decode()
                self.store.delete(key_of(session.sid))
            except (BadData, UnicodeError):
                session._next_id = None
        return super()._create(app, session, fields, created)


class CountsFromTheToken(StoreInterface):
    """Counts a session's age from its last token, so that rotation prolongs it."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        return super()._create(app, session, fields, self.clock())


class HasNoIdleLimit(StoreInterface):
    """Keeps a session for a day, used or not."""

    def remaining(self, app: Flask, created: float) -> float:
        return min(24 * 3600, created + absolute_seconds(app) - self.clock())


class ForgetsTheOldKeys(StoreInterface):
    """Verifies with the newest key only, as Flask did before 3.1."""

    def _signer(self, app: Flask) -> Signer:
        signer = copy(super()._signer(app))
        signer.secret_keys = signer.secret_keys[-1:]
        return signer


class PretendsToRevoke(StoreInterface):
    """Reports that another session was revoked, but keeps its record."""

    def _revoke(self, owner: str, key: str) -> bool:
        return True


class SeesOnlyAssignments(StoreInterface):
    """Writes only if `modified` is set, which a change in a list does not do."""

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        if not session.modified:
            return self._touch(app, saved)
        return super()._update(app, session, saved, changed, removed)


class WritesItWhole(StoreInterface):
    """Writes back everything that it has loaded, as Flask-Session 0.8 does."""

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        ttl = self.remaining(app, saved.created)
        overwrite(self.store, key_of(saved.id), session.fields(), ttl)
        return saved.token


class ProlongsByWriting(StoreInterface):
    """Prolongs a session by writing back what it has read, instead of by `touch`."""

    def _touch(self, app: Flask, saved: Saved) -> str:
        ttl = self.remaining(app, saved.created)
        overwrite(self.store, key_of(saved.id), saved.fields, ttl)
        return saved.token


class KeepsWholeSeconds(StoreInterface):
    """Truncates times to seconds, as MySQL's DATETIME does."""

    def _update(
        self, app: Flask, session: Session, saved: Saved, changed: Fields, removed: set[str]
    ) -> str:
        cut = {name: re.sub(r"(:\d\d)\.\d{6}", r"\1", text) for name, text in changed.items()}
        return super()._update(app, session, saved, cut, removed)


def create_record(
    interface: StoreInterface, app: Flask, saved: Saved | None, session_id: str, fields: Fields
) -> None:
    """Create the record of a session of the same age under this id."""
    assert saved is not None
    marked = {CREATED: repr(saved.created), **fields}
    interface.store.create(key_of(session_id), marked, interface.remaining(app, saved.created))


def store_fields(interface: StoreInterface, app: Flask, saved: Saved, fields: Fields) -> str:
    """Store these fields in the session, and keep its token."""
    ttl = interface.remaining(app, saved.created)
    overwrite(interface.store, key_of(saved.id), fields, ttl)
    return saved.token


def create_app_with_a_new_key(settings: Mapping[str, Any]) -> Flask:
    """Make a new key at each start, as tutorials do: `secret_key = os.urandom(24)`."""
    return create_app({**settings, "SECRET_KEY": secrets.token_hex(32)})


def install_for_one_machine(app: Flask, clock: Clock) -> StoreInterface:
    """Put the machine's name, here its folder, into the prefix of the keys in Redis."""
    prefix = app.config.get("SESSION_KEY_PREFIX", "")
    app.config["SESSION_KEY_PREFIX"] = f"{prefix}{app.config['SESSION_FILE_DIR']}:"
    return install_redis(app, clock)


FILES = BACKENDS["filesystem"]

WRONGS = {
    "absolute_timeout": on_files(CountsFromTheToken),
    "fixation": on_files(KeepsTheIdOfAGuest),
    "idle_timeout": on_files(HasNoIdleLimit),
    "key_rotation": on_files(ForgetsTheOldKeys),
    # Without deletion, no other logout works either.
    "logout_is_final": on_files(
        ForgetsToDelete, breaks_too={"logout_survives_slow_request", "disk_full"}
    ),
    "logout_survives_slow_request": on_files(BringsBackByRotation),
    "nested_change_is_seen": on_files(SeesOnlyAssignments),
    # Each of several writers makes its own version.
    "no_rollback": on_files(KeepsVersions, breaks_too={"parallel_writes_survive"}),
    "parallel_writes_survive": on_files(WritesItWhole),
    "read_keeps_write": on_files(ProlongsByWriting),
    "regenerate_survives_slow_request": on_files(LeavesTheOldOne),
    "regenerated_at_login": on_files(KeepsTheIdOfAUser),
    "revoke_other_devices": on_files(PretendsToRevoke),
    "second_server": in_backend("redis", install_for_one_machine),
    "survives_restart": Wrong(breaks=FILES, keeps=FILES, create_app=create_app_with_a_new_key),
    "types_survive": on_files(KeepsWholeSeconds),
    "unknown_id_not_adopted": on_files(AdoptsEndedIds),
}
