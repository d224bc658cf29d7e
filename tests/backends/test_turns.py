"""A server may replace Python's locks, as gevent does, after it has loaded the application."""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

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


opens: Any = None  # it is not asked

USES: list[tuple[str, Callable[[Path], Callable[[], Any]]]] = [
    ("Lock", lambda folder: partial(FileSystemStore(folder).create, KEY, {}, 60)),
    ("Lock", lambda folder: partial(SqliteStore(folder).create, KEY, {}, 60)),
    ("Lock", lambda folder: Probe(SqliteStore(folder)).check),
    ("Condition", lambda _: DeadlinePool().reset),  # as redis-py does at the first use in a child
    ("Thread", lambda _: partial(wait_for_name, "localhost", PATIENCE)),
    ("RLock", lambda _: partial(Session, opens, Flask("lab"), Flask.request_class({}))),
]


@pytest.mark.parametrize(("kind", "load"), USES)
def test_each_is_made_when_it_is_first_used(
    kind: str, load: Callable[[Path], Callable[[], Any]], tmp_path: Path
) -> None:
    use = load(tmp_path)
    with patch.object(threading, kind, wraps=getattr(threading, kind)) as replaced:
        use()
    assert replaced.called


def test_a_turn_stays_the_same_lock() -> None:
    turns = Turns()
    assert turns[os.getpid(), "a"] is turns[os.getpid(), "a"]
    assert turns[os.getpid(), "a"] is not turns[os.getpid(), "b"]
