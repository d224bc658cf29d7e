"""Subjects with a known defect, on which an experiment must come to FAILS."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SessionInterface

from app import create_app
from app.lab.claim import Claim
from app.lab.reports.report import Result
from app.lab.runs.runner import try_claim
from app.lab.subject.application import CreateApp
from app.lab.subject.source import BackendSource, RunOptions
from backends import BACKENDS, Backend
from backends.filesystem import FileSystemStore
from backends.server_side import StoreInterface
from backends.store import Clock, Fields, Store

_overwrite_lock = Lock()


@dataclass(frozen=True)
class Wrong:
    """A subject that breaks one claim, and the same subject without the defect."""

    breaks: Backend
    keeps: Backend
    create_app: CreateApp = create_app
    """Makes the application of the subject that breaks the claim."""
    breaks_too: frozenset[str] = frozenset()
    """The other claims that the same defect breaks."""


def in_backend(
    name: str, install: Callable[[Flask, Clock], SessionInterface], breaks_too: Iterable[str] = ()
) -> Wrong:
    """The backend of that name, installed in another way."""
    keeps = BACKENDS[name]
    return Wrong(break_backend(keeps, install), keeps, breaks_too=frozenset(breaks_too))


def on_files(
    interface: type[StoreInterface] = StoreInterface,
    store: type[FileSystemStore] = FileSystemStore,
    breaks_too: Iterable[str] = (),
) -> Wrong:
    """Sessions in files, with the defect in the interface or in the store."""

    def install(app: Flask, clock: Clock) -> StoreInterface:
        return interface(app, store(app.config["SESSION_FILE_DIR"], clock), clock)

    return in_backend("filesystem", install, breaks_too)


def in_application(change: Callable[[Flask], object]) -> Wrong:
    """Sessions in files, with the defect in the application, which `change` changes."""
    sound = BACKENDS["filesystem"]

    def create_changed_app(config: Mapping[str, Any]) -> Flask:
        app = create_app(config)
        change(app)
        return app

    return Wrong(sound, sound, create_changed_app)


def break_backend(sound: Backend, install: Callable[[Flask, Clock], SessionInterface]) -> Backend:
    """The backend, installed in another way."""
    return replace(sound, install=install)


def overwrite(store: Store, key: str, fields: Fields, ttl: float) -> None:
    """Replace the fields of a record, also those that others have written meanwhile."""
    with _overwrite_lock:  # otherwise two calls at once could keep fields of each other
        record = store.load(key)
        there = record.fields if record else {}
        removed = {name for name in there if name not in fields and not name.startswith("@")}
        store.update(key, fields, removed, ttl)


def try_breaking(wrong: Wrong, claim: Claim, *, real_redis: bool) -> Result:
    """Try the claim on the subject with the defect."""
    return _try(claim, wrong.breaks, RunOptions(wrong.create_app, real_redis))


def try_keeping(wrong: Wrong, claim: Claim, *, real_redis: bool) -> Result:
    """Try the claim on the subject without the defect."""
    return _try(claim, wrong.keeps, RunOptions(create_app, real_redis))


def _try(claim: Claim, backend: Backend, options: RunOptions) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        # The application finds this backend under its name.
        patch.setitem(BACKENDS, backend.name, backend)
        return try_claim(claim, BackendSource(backend.name, options))
