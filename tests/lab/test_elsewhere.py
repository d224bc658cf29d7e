"""Subjects on a service that the laboratory does not know: all of them share it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.lab import runner
from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.runner import Laboratory
from backends import BACKENDS, Backend, Clock, StoreInterface
from backends.filesystem import FileSystemStore
from tests.lab.known_wrongs.wrong import Wrong, try_breaking


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """One whose service is the same whatever the application is told: here a folder."""

    def install(app: Flask, clock: Clock) -> StoreInterface:
        return StoreInterface(app, FileSystemStore(tmp_path / "service", clock), clock)

    files = BACKENDS["filesystem"]
    return replace(files, install=install, needs="Memcached", file_per_session=False)


@pytest.mark.parametrize("claim", ["leaked_key_forges_login", "other_app_same_key"])
def test_nobody_else_is_taken_for_having_a_store_of_his_own(claim: str, backend: Backend) -> None:
    result = try_breaking(Wrong(breaks=backend, keeps=backend), CLAIMS[claim], None)
    assert result.verdict is Verdict.SKIPPED, result.because
    assert result.because == "The laboratory has no second Memcached, for another application."


def test_one_is_tried_after_the_other(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = replace(backend, name="memcached")
    calls: list[tuple[set[str], int]] = []

    def note(
        _do: Callable[[Any], Any], tasks: Sequence[Any], processes: int, _timeout: float
    ) -> Iterator[Any]:
        calls.append(({task.backend for task in tasks}, processes))
        return iter(())

    monkeypatch.setattr(runner, "run_in_processes", note)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    laboratory = Laboratory(create_app)
    backends = [BACKENDS["cookie"], shared, BACKENDS["redis"]]
    assert not list(runner.run(laboratory, list(CLAIMS.values()), backends))
    assert calls == [({"cookie", "redis"}, 4), ({"memcached"}, 1)]
