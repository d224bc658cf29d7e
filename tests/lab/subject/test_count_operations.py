"""Operations of a store are counted if they can be watched, and else are no figure."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from backends import BACKENDS, Clock, Store, StoreInterface
from backends.sqlite import SqliteStore
from tests.lab.known_wrongs.stores import LoadsAtOnce, LooksFirst
from tests.lab.known_wrongs.wrong import Wrong, try_breaking
from tests.system.plugins.packages import install_the_example

FORGED, UNTOUCHED = "forged_ids_never_reach_store", "untouched_costs_nothing"
FROM_OUTSIDE, STAYS_OPEN = "seen from outside", "its file stays open"
"""How a store can be watched."""


@pytest.fixture
def tiny_store(tmp_path: Path) -> Any:
    """The store of docs/own-store.md, which keeps all sessions in one file."""
    install_the_example(tmp_path)
    return runpy.run_path(str(tmp_path / "tiny_store.py"))["TinyStore"]


def try_with(
    claim: str,
    store: Callable[[Path, Clock], Store],
    interface: type[StoreInterface] = StoreInterface,
    **abilities: Any,
) -> Result:
    def install(app: Flask, clock: Clock) -> StoreInterface:
        folder = Path(app.config["SESSION_FILE_DIR"])
        folder.mkdir(parents=True, exist_ok=True)
        return interface(app, store(folder, clock), clock)

    backend = replace(BACKENDS["sqlite"], install=install, **abilities)
    return try_breaking(Wrong(breaks=backend, keeps=backend), CLAIMS[claim], real_redis=False)


@pytest.fixture
def store(request: pytest.FixtureRequest, tiny_store: Any) -> Callable[[Path, Clock], Store]:
    if request.param == STAYS_OPEN:
        return SqliteStore
    return lambda folder, clock: tiny_store(folder / "tiny", clock)


@pytest.mark.parametrize(
    ("claim", "store"), [(FORGED, FROM_OUTSIDE), (UNTOUCHED, STAYS_OPEN)], indirect=["store"]
)
def test_a_store_that_is_not_asked_costs_nothing(claim: str, store: Any) -> None:
    assert try_with(claim, store).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("claim", "interface", "store", "asked", "figure"),
    [
        (FORGED, LooksFirst, STAYS_OPEN, 100, "operations for 100 tokens"),
        (UNTOUCHED, LoadsAtOnce, FROM_OUTSIDE, 5, "operations for 5 requests"),
    ],
    indirect=["store"],
)
def test_each_operation_of_a_store_is_counted(
    claim: str, interface: type[StoreInterface], asked: int, figure: str, store: Any
) -> None:
    result = try_with(claim, store, interface)
    number, _, what = result.figure.replace(",", "").partition(" ")
    assert (result.verdict, what) == (Verdict.FAILS, figure)
    # Each opens several files where each can be seen from outside.
    assert int(number) == asked if store is SqliteStore else int(number) > asked


@pytest.mark.parametrize(
    ("claim", "interface"), [(FORGED, LooksFirst), (UNTOUCHED, StoreInterface)]
)
def test_a_store_that_cannot_be_watched_is_skipped(
    claim: str, interface: type[StoreInterface]
) -> None:
    result = try_with(claim, SqliteStore, interface, watch=None)
    assert result.verdict is Verdict.SKIPPED
    assert result.because == "The laboratory cannot see what this store is asked."
