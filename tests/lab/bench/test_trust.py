"""The bench tells what was made slow on purpose, by the figure it belongs to and by no other."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.lab.bench.candidate import BARE, SHAPES, Candidate, Shape, list_candidates, make_app
from app.lab.bench.results import Bench, Count, Timing
from app.lab.bench.run import TURNS, Options, Step, run_bench
from app.lab.bench.timing import IN_A_ROW
from backends import interface_of
from tests.support.services import require

SLOWNESS = 1_000
"""Microseconds that a load is made slower by."""

Spoil = Callable[[Any], None]


def spoiled(name: str, spoil: Spoil) -> Candidate:
    """A backend whose store was spoiled."""

    def make(shape: Shape, folder: str, redis_url: str | None) -> Flask:
        app = make_app(name, shape, folder, redis_url)
        spoil(interface_of(app).store)
        return app

    return replace(list_candidates()[name], name="spoiled", make=make, ships=name)


def measure(folder: Path, name: str, spoil: Spoil, rounds: int = 0) -> Bench:
    """A short bench of a backend, and of the same spoiled; in no round, only what is counted."""
    names = [BARE, name] if rounds else [name]
    candidates = {each: list_candidates()[each] for each in names}
    candidates["spoiled"] = spoiled(name, spoil)
    options = Options(folder, 100, rounds=rounds, shapes=SHAPES[:1])
    return run_bench(candidates, options, _times_and_counts)


def _times_and_counts(planned: Sequence[Step]) -> Iterator[Step]:
    return (step for step in planned if step.kind in ("left_out", "costs", "counts"))


def timings_of(bench: Bench, candidate: str) -> dict[str, Timing]:
    return {each.operation: each for each in bench.timings if each.candidate == candidate}


def counts_of(bench: Bench, candidate: str) -> dict[str, Count]:
    return {each.operation: each for each in bench.counts if each.candidate == candidate}


def more_file_calls(bench: Bench) -> dict[str, int]:
    """How many operations on files the spoiled backend adds to each request but a login.

    What a login sweeps differs from one to the next, so that its count is right to within one.
    """
    sound, spoiled = counts_of(bench, "filesystem"), counts_of(bench, "spoiled")
    more = {each: spoiled[each].file_calls - sound[each].file_calls for each in sound}
    assert abs(more.pop("login")) <= 1
    return more


def before_each_load(act: Spoil) -> Spoil:
    """What a store does before each load from now on."""

    def spoil(store: Any) -> None:
        load = store.load

        def act_and_load(key: str) -> Any:
            act(store)
            return load(key)

        store.load = act_and_load

    return spoil


@before_each_load
def wait_in_load(_store: Any) -> None:
    end = time.thread_time() + SLOWNESS / 1e6
    while time.thread_time() < end:
        pass


@before_each_load
def ask_twice(store: Any) -> None:
    store.client.ping()


@before_each_load
def write_at_each_load(store: Any) -> None:
    (store.folder / "touched").write_text("now")


def test_a_slow_load_is_in_the_time_of_what_loads(tmp_path: Path) -> None:
    bench = measure(tmp_path, "filesystem", wait_in_load, rounds=3)
    sound, slow = timings_of(bench, "filesystem"), timings_of(bench, "spoiled")
    slower = {each: slow[each].cpu.least - sound[each].cpu.least for each in sound}
    assert min(slower[each] for each in ("read", "write")) > SLOWNESS / 2
    assert max(slower[each] for each in ("untouched", "login", "logout")) < SLOWNESS / 2
    assert slow["read"].ratio is not None
    assert slow["read"].ratio > 1.5
    assert more_file_calls(bench) == {"untouched": 0, "read": 0, "write": 0, "logout": 0}


def test_a_second_command_is_counted_and_nothing_else_is(tmp_path: Path) -> None:
    require("redis-server", "redis-server")
    bench = measure(tmp_path, "redis", ask_twice)
    sound, spoiled = counts_of(bench, "redis"), counts_of(bench, "spoiled")
    more = {each: spoiled[each].redis_commands - sound[each].redis_commands for each in sound}
    assert more == {"untouched": 0, "read": 1, "write": 1, "login": 0, "logout": 0}
    assert spoiled["read"].round_trips == sound["read"].round_trips + 1
    assert spoiled["read"].bytes_to_redis - sound["read"].bytes_to_redis == len(
        "*1\r\n$4\r\nPING\r\n"
    )
    assert {each.file_calls for each in (*sound.values(), *spoiled.values())} == {0}
    assert spoiled["read"].set_cookie_bytes == sound["read"].set_cookie_bytes == 0


def test_a_write_at_each_read_is_an_operation_on_files(tmp_path: Path) -> None:
    bench = measure(tmp_path, "filesystem", write_at_each_load)
    sound, spoiled = counts_of(bench, "filesystem"), counts_of(bench, "spoiled")
    assert more_file_calls(bench) == {"untouched": 0, "read": 2, "write": 2, "logout": 0}
    assert {each.redis_commands for each in spoiled.values()} == {0}
    assert spoiled["read"].set_cookie_bytes == sound["read"].set_cookie_bytes == 0


def forget(store: Any) -> None:
    store.load = lambda key: None


def test_what_forgets_its_sessions_is_not_compared(tmp_path: Path) -> None:
    bench = measure(tmp_path, "filesystem", forget, rounds=1)
    assert [(each.candidate, each.because) for each in bench.left_out] == [
        ("spoiled", "its write was answered '1', not '2'")
    ]
    assert timings_of(bench, "spoiled") == {}
    assert timings_of(bench, "filesystem").keys() == counts_of(bench, "filesystem").keys()


@pytest.mark.parametrize("steps", [0, 3])
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, steps: int) -> None:
    def stop(planned: Sequence[Step]) -> Iterator[Step]:
        yield from planned[:steps]
        raise KeyboardInterrupt

    options = Options(tmp_path, rounds=5, shapes=SHAPES[:1])
    bench = run_bench({BARE: list_candidates()[BARE]}, options, stop)
    assert not bench.is_complete
    assert {each.requests for each in bench.timings} == (
        {TURNS * IN_A_ROW * steps} if steps else set()
    )
    assert list(tmp_path.iterdir()) == []
