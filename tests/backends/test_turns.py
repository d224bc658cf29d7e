"""A server may replace Python's locks, as gevent does, after it has loaded the application."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from backends.filesystem import FileSystemStore
from backends.probe import Probe
from backends.redis_access.lookup import wait_for_name
from backends.redis_access.pool import DeadlinePool
from backends.session import Session
from backends.sqlite import SqliteStore
from backends.timing.turns import Turns
from tests.support.services import PATIENCE

KEY = "ab" * 32


def begin_in_files(folder: Path) -> Callable[[], Any]:
    store = FileSystemStore(folder)
    return lambda: store.create(KEY, {}, 60)


def begin_in_sqlite(folder: Path) -> Callable[[], Any]:
    store = SqliteStore(folder)
    return lambda: store.create(KEY, {}, 60)


def check(folder: Path) -> Callable[[], Any]:
    return Probe(SqliteStore(folder)).check


def fork_with_redis(_: Path) -> Callable[[], Any]:
    """What redis-py does at the first use in a child."""
    return DeadlinePool().reset


def look_up_a_name(_: Path) -> Callable[[], Any]:
    return lambda: wait_for_name("localhost", PATIENCE)


def open_a_session(_: Path) -> Callable[[], Any]:
    opens: Any = None  # it is not asked
    return lambda: Session(opens, Flask("lab"), Flask.request_class({}))


@pytest.mark.parametrize(
    ("load", "kind"),
    [
        (begin_in_files, "Lock"),
        (begin_in_sqlite, "Lock"),
        (check, "Lock"),
        (fork_with_redis, "Condition"),
        (look_up_a_name, "Thread"),
        (open_a_session, "RLock"),
    ],
)
def test_each_is_made_when_it_is_first_used(
    load: Callable[[Path], Callable[[], Any]],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    use, old = load(tmp_path), getattr(threading, kind)

    def replaced(**options: Any) -> Any:
        made.append(kind)
        return old(**options)

    monkeypatch.setattr(threading, kind, replaced)
    use()
    assert made


def test_a_turn_stays_the_same_lock() -> None:
    turns = Turns()
    assert turns[os.getpid(), "a"] is turns[os.getpid(), "a"]
    assert turns[os.getpid(), "a"] is not turns[os.getpid(), "b"]
