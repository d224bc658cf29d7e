"""One defect each, in how sessions begin, change and end."""

import re
import secrets
from collections.abc import Collection, Mapping
from copy import copy
from threading import Lock
from typing import Any

from flask import Flask
from itsdangerous import BadData

from app import create_app
from backends import BACKENDS
from backends.filesystem import FileSystemStore
from backends.loaded_session import NO_CHANGES, Changes, LoadedSession, Succession
from backends.record import CREATED
from backends.redis import install as install_redis
from backends.server_side import StoreInterface
from backends.session import Session
from backends.settings import absolute_seconds
from backends.store import Clock, Fields, SessionGone, key_of
from backends.tokens.signing import TokenSigner
from tests.lab.known_wrongs.wrong import Wrong, break_backend, in_backend, on_files, overwrite


class ForgetsToDelete(StoreInterface):
    """Takes the cookie away at logout, and leaves the record."""

    def _delete(self, app: Flask, loaded: LoadedSession) -> None:
        pass


class BringsBackByRotation(StoreInterface):
    """Rotates a loaded session without checking that it still exists."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        try:
            return super()._create(app, session, fields, created)
        except SessionGone:
            create_record(self, app, session._loaded, session._id, fields)
            return self._token(app, session._id)


class LeavesTheOldOne(StoreInterface):
    """Rotates, and keeps the old session, as PHP's `session_regenerate_id()` does."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        token = super()._create(app, session, fields, created)
        if session._loaded is not None and session._succession is Succession.NEW_ID:
            create_record(self, app, session._loaded, session._loaded.id, session._loaded.fields)
        return token


class KeepsVersions(StoreInterface):
    """Writes each change into a copy with a new token, so that it can be undone."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        self.store.touch(key_of(loaded.id), self.remaining(app, loaded.created))
        version = secrets.token_urlsafe(self.id_bytes)
        create_record(self, app, loaded, version, session._fields())
        return self._token(app, version)


class KeepsTheIdOfAGuest(StoreInterface):
    """Lets somebody log in under the id that he had before, as Flask-Session 0.8 does."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        if session._loaded is None or "user" in session._loaded.fields:
            return super()._create(app, session, fields, created)
        return become(self, app, session._loaded, fields)


class KeepsTheIdOfAUser(StoreInterface):
    """Takes a new id for a guest who logs in, and none for somebody who logs in again."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        rotates = session._succession is Succession.NEW_ID
        if session._loaded is None or "user" not in session._loaded.fields or rotates:
            return super()._create(app, session, fields, created)
        return become(self, app, session._loaded, fields)


class AdoptsEndedIds(StoreInterface):
    """Begins a session under any signed id, as Flask-Session 0.5 did."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        cookies = self._tokens(app, session._request)
        if session._loaded is None and cookies:
            try:
                session._next_id = self._signer(app).unsign(cookies[0].encode()).decode()
                self.store.delete(key_of(session._id))
            except (BadData, UnicodeError):
                session._next_id = None
        return super()._create(app, session, fields, created)


class CountsFromTheToken(StoreInterface):
    """Counts a session's age from its last token, so that rotation prolongs it."""

    def _create(self, app: Flask, session: Session, fields: Fields, created: float) -> str:
        return super()._create(app, session, fields, self.clock())


class KnowsNoIdleness(StoreInterface):
    """Keeps a session for the whole day, used or not."""

    def remaining(self, app: Flask, created: float, *_: Any) -> float:
        return min(24 * 3600, created + absolute_seconds(app) - self.clock())


class ForgetsTheOldKeys(StoreInterface):
    """Verifies with the newest key alone, as Flask did before 3.1."""

    def _signer(self, app: Flask) -> TokenSigner:
        signer = copy(super()._signer(app))
        signer._keys = signer._keys[:1]
        return signer


class OnlySaysThatItEnded(StoreInterface):
    """Reports that another session was revoked, and leaves its record."""

    def revoke(self, owner: Any, handles: Collection[str]) -> int:
        return len(handles)


class SeesOnlyAssignments(StoreInterface):
    """Writes only if `modified` is set, which a change in a list does not do."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        if not session.modified:
            changes = NO_CHANGES
        return super()._update(app, session, loaded, changes)


class WritesItWhole(StoreInterface):
    """Writes back everything that it has loaded, as Flask-Session 0.8 does."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        ttl = self.remaining(app, loaded.created)
        overwrite(self.store, key_of(loaded.id), session._fields(), ttl)
        return loaded.token


class AddsNumbers(StoreInterface):
    """Takes a number that was changed for a sum, and adds what was added to the stored one."""

    adding = Lock()

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        with self.adding:
            record = self.store.load(key_of(loaded.id))
            stored = record.fields if record else {}
            sums = {
                name: str(int(text) - int(loaded.fields.get(name, "0")) + int(stored[name]))
                for name, text in changes.changed.items()
                if text.isdigit() and stored.get(name, "").isdigit()
            }
            changed = Changes({**changes.changed, **sums}, changes.removed)
            return super()._update(app, session, loaded, changed)


class ProlongsByWriting(StoreInterface):
    """Prolongs a session by writing back what it has read, instead of by `touch`."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        if any(changes):
            return super()._update(app, session, loaded, changes)
        ttl = self.remaining(app, loaded.created)
        overwrite(self.store, key_of(loaded.id), loaded.fields, ttl)
        return loaded.token


class KeepsWholeSeconds(StoreInterface):
    """Cuts a time to its second, as a column of MySQL's type DATETIME does."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        cut = {
            name: re.sub(r"(:\d\d)\.\d{6}", r"\1", text) for name, text in changes.changed.items()
        }
        return super()._update(app, session, loaded, Changes(cut, changes.removed))


def create_record(
    interface: StoreInterface,
    app: Flask,
    loaded: LoadedSession | None,
    session_id: str,
    fields: Fields,
) -> None:
    """File a session of the same age under this id."""
    assert loaded is not None
    marked = {CREATED: repr(loaded.created), **fields}
    interface.store.create(key_of(session_id), marked, interface.remaining(app, loaded.created))


def become(interface: StoreInterface, app: Flask, loaded: LoadedSession, fields: Fields) -> str:
    """Let the session hold these fields, under the token that it has."""
    ttl = interface.remaining(app, loaded.created)
    overwrite(interface.store, key_of(loaded.id), fields, ttl)
    return loaded.token


def create_app_with_a_new_key(settings: Mapping[str, Any]) -> Flask:
    """Make a new key at each start, as tutorials do: `secret_key = os.urandom(24)`."""
    return create_app({**settings, "SECRET_KEY": secrets.token_hex(32)})


def install_for_one_machine(app: Flask, clock: Clock) -> StoreInterface:
    """Put the machine's name, here its folder, into the prefix of the keys in Redis."""
    prefix = app.config.get("SESSION_KEY_PREFIX", "")
    app.config["SESSION_KEY_PREFIX"] = f"{prefix}{app.config.get('SESSION_FILE_DIR')}:"
    return install_redis(app, clock)


def install_adding(app: Flask, clock: Clock) -> StoreInterface:
    return AddsNumbers(app, FileSystemStore(app.config["SESSION_FILE_DIR"], clock), clock)


FILES = BACKENDS["filesystem"]

WRONGS = {
    "absolute_timeout": on_files(CountsFromTheToken),
    "counter_counts_both": Wrong(FILES, keeps=break_backend(FILES, install_adding)),
    "fixation": on_files(KeepsTheIdOfAGuest),
    "idle_timeout": on_files(KnowsNoIdleness),
    "key_rotation": on_files(ForgetsTheOldKeys),
    # Nobody is logged out, while another request is slow and while the disk is full as little.
    "logout_is_final": on_files(
        ForgetsToDelete, breaks_too={"logout_survives_slow_request", "disk_full"}
    ),
    "logout_survives_slow_request": on_files(BringsBackByRotation),
    "nested_change_is_seen": on_files(SeesOnlyAssignments),
    # Each of several writers makes a version that has nothing of the others.
    "no_rollback": on_files(KeepsVersions, breaks_too={"parallel_writes_survive"}),
    "parallel_writes_survive": on_files(WritesItWhole),
    "read_keeps_write": on_files(ProlongsByWriting),
    "regenerate_survives_slow_request": on_files(LeavesTheOldOne),
    "regenerated_at_login": on_files(KeepsTheIdOfAUser),
    "revoke_other_devices": on_files(OnlySaysThatItEnded),
    "second_server": in_backend("redis", install_for_one_machine),
    "survives_restart": Wrong(breaks=FILES, keeps=FILES, create_app=create_app_with_a_new_key),
    "types_survive": on_files(KeepsWholeSeconds),
    "unknown_id_not_adopted": on_files(AdoptsEndedIds),
}
