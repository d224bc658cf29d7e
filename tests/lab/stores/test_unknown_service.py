"""Subjects on a service that the laboratory does not know share it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.runs import runner
from app.lab.subject.source import BackendSource, RunOptions
from backends import BACKENDS, Backend, Clock, StoreInterface
from backends.filesystem import FileSystemStore
from tests.lab.known_wrongs.wrong import Wrong, try_breaking


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A backend with one service, here a folder, for all applications."""

    def install(app: Flask, clock: Clock) -> StoreInterface:
        return StoreInterface(app, FileSystemStore(tmp_path / "service", clock), clock)

    files = BACKENDS["filesystem"]
    return replace(files, install=install, needs="Memcached", file_per_session=False)


@pytest.mark.parametrize("claim", ["leaked_key_logs_nobody_in", "other_app_same_key"])
def test_a_claim_that_needs_a_second_store_is_skipped(claim: str, backend: Backend) -> None:
    result = try_breaking(Wrong(breaks=backend, keeps=backend), CLAIMS[claim], real_redis=False)
    assert result.verdict is Verdict.SKIPPED, result.because
    assert result.because == "The laboratory has no second Memcached, for another application."


def test_claims_on_it_are_tried_one_by_one(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[tuple[set[str], int]] = []

    def note(
        _do: Callable[[Any], Any], tasks: Sequence[Any], processes: int, _timeout: float
    ) -> Iterator[Any]:
        groups.append(({source.name for _, source in tasks}, processes))
        return iter(())

    monkeypatch.setattr(runner, "run_in_processes", note)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setitem(BACKENDS.data, "memcached", replace(backend, name="memcached"))
    options = RunOptions(create_app)
    sources = [BackendSource(name, options) for name in ("cookie", "memcached", "redis")]
    assert not list(runner.run_claims(list(CLAIMS.values()), sources))
    assert groups == [({"memcached"}, 1), ({"cookie", "redis"}, 4)]
