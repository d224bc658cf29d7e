"""Operations of a store are counted if they can be watched, and else are no figure."""

import importlib.util
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from flask import Flask

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from backends import BACKENDS, Backend, Clock, Store, StoreInterface
from tests.lab.known_wrongs.stores import LoadsAtOnce, LooksFirst
from tests.lab.known_wrongs.wrong import Wrong, try_breaking
from tests.system.plugins.packages import install_the_example

FORGED, UNTOUCHED = "forged_ids_never_reach_store", "untouched_costs_nothing"


@pytest.fixture
def tiny_store(tmp_path: Path) -> Any:
    """The store of docs/own-store.md, which keeps all sessions in one file of SQLite's."""
    install_the_example(tmp_path)
    spec = importlib.util.spec_from_file_location("tiny_store", tmp_path / "tiny_store.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TinyStore


@pytest.fixture
def unseen_store(tiny_store: Any) -> Iterator[Any]:
    """The same with a connection that stays open: Python reports no use of it."""
    connections = ExitStack()

    class Unseen(tiny_store):  # type: ignore[misc]
        def __init__(self, path: Path, clock: Clock) -> None:
            super().__init__(path, clock)
            database = closing(sqlite3.connect(path, check_same_thread=False))
            self._database = connections.enter_context(database)
            self._database.execute("CREATE TABLE sessions (key PRIMARY KEY, fields, ends, seen)")
            self._lock = Lock()

        @contextmanager
        def _transaction(self) -> Iterator[sqlite3.Connection]:
            with self._lock, self._database:
                yield self._database

    with connections:
        yield Unseen


def try_with(
    claim: str, store: type[Store], interface: type[StoreInterface] = StoreInterface
) -> Result:
    backend = _in_one_file(store, interface)
    return try_breaking(Wrong(breaks=backend, keeps=backend), CLAIMS[claim], real_redis=False)


def _in_one_file(store: Any, interface: type[StoreInterface]) -> Backend:
    def install(app: Flask, clock: Clock) -> StoreInterface:
        folder = Path(app.config["SESSION_FILE_DIR"])
        folder.mkdir(parents=True, exist_ok=True)
        return interface(app, store(folder / "tiny.sqlite3", clock), clock)

    return replace(BACKENDS["filesystem"], install=install, file_per_session=False)


@pytest.mark.parametrize("claim", [FORGED, UNTOUCHED])
def test_a_store_that_is_not_asked_costs_nothing(claim: str, tiny_store: Any) -> None:
    assert try_with(claim, tiny_store).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("claim", "interface", "figure"),
    [
        (FORGED, LooksFirst, "100 operations for 100 tokens"),
        (UNTOUCHED, LoadsAtOnce, "5 operations for 5 requests"),
    ],
)
def test_each_operation_of_a_store_is_counted(
    claim: str, interface: type[StoreInterface], figure: str, tiny_store: Any
) -> None:
    result = try_with(claim, tiny_store, interface)
    assert (result.verdict, result.figure) == (Verdict.FAILS, figure)


@pytest.mark.parametrize("claim", [FORGED, UNTOUCHED])
@pytest.mark.parametrize("interface", [StoreInterface, LooksFirst])
def test_a_store_that_cannot_be_watched_is_skipped(
    claim: str, interface: type[StoreInterface], unseen_store: Any
) -> None:
    result = try_with(claim, unseen_store, interface)
    assert result.verdict is Verdict.SKIPPED
    assert result.because == "The laboratory cannot see what this store is asked."
