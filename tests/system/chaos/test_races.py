"""Parallel requests of one session on two processes, and processes killed while they write."""

import random
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from app.lab.measuring import call_in_parallel
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from tests.system.chaos.site import Ground, Site, ground
from tests.system.chaos.trials import damaged_by, keys_lost, survives_a_logout

KILLS = 3


@pytest.fixture(scope="module", params=["filesystem", "redis"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("site")
    with ground(request.param, folder, SESSION_OWNER="user") as running:
        yield running


@pytest.fixture
def site(shared: Ground) -> Site:
    return shared.site


def much_later() -> float:
    """When a temporary file that was not written to its end counts as abandoned."""
    return time.time() + WRITE_TIMEOUT_SECONDS + 1


def test_parallel_writes_of_different_keys_lose_none(site: Site) -> None:
    assert [keys_lost(site) for _ in range(2)] == [0, 0]


def test_a_logout_among_page_loads_is_final(site: Site) -> None:
    chance = random.Random(1)
    assert sum(survives_a_logout(site, chance) for _ in range(60)) == 0


def test_of_parallel_rotations_one_wins(site: Site) -> None:
    cookie = site.log_in()
    answers = call_in_parallel(*[partial(site.post, "/rotate", cookie)] * 8)
    tokens = {answer.cookie for answer in answers if answer.cookie}
    assert len(tokens) == 1
    assert [site.get("/who", token).status for token in (*tokens, cookie)] == [200, 401]


def test_parallel_logins_and_logouts_of_one_user_all_succeed(site: Site) -> None:
    def come_and_go() -> list[int]:
        statuses = []
        for _ in range(10):
            answer = site.post("/login")
            statuses += [answer.status, site.post("/logout", answer.cookie).status]
        return statuses

    assert {status for one in call_in_parallel(*[come_and_go] * 8) for status in one} == {200}


def test_a_killed_application_leaves_no_session_torn(shared: Ground) -> None:
    chance, (site, _, sessions) = random.Random(2), shared
    damaged = [damaged_by(site.kill_workers, site, chance.randrange(60)) for _ in range(KILLS)]
    assert damaged == [0] * KILLS
    if records := list(sessions.glob("??/*")):
        # One that is certainly there, whatever the kills struck.
        records[0].with_suffix(".12345678.tmp").write_text('{"half')
        assert sum(FileSystemStore(sessions, much_later).sweep()) >= 1
        assert not list(sessions.rglob("*.tmp"))


@pytest.mark.parametrize("shared", ["redis"], indirect=True)
def test_a_killed_redis_leaves_no_session_torn(shared: Ground) -> None:
    chance, kill = random.Random(4), shared.kill_redis
    damaged = [damaged_by(kill, shared.site, chance.randrange(60)) for _ in range(KILLS)]
    assert damaged == [0] * KILLS


def test_a_list_read_during_a_login_still_shows_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileSystemStore(tmp_path / "sessions")
    write, unlist = store._write, store._unlist_if_ended
    lookers: list[Future[Any]] = []
    found_no_record = Event()

    def look_then_write(*arguments: Any) -> None:
        lookers.append(pool.submit(store.sessions_of, "alice"))
        assert found_no_record.wait(30)
        write(*arguments)

    def tell_then_unlist(owner: str, key: str) -> None:
        found_no_record.set()
        unlist(owner, key)

    monkeypatch.setattr(store, "_write", look_then_write)
    monkeypatch.setattr(store, "_unlist_if_ended", tell_then_unlist)
    with ThreadPoolExecutor(1) as pool:
        store.create("ab" * 32, {}, 100, "alice")
        lookers[0].result()
    assert store.sessions_of("alice").keys() == {"ab" * 32}


def test_parallel_logins_and_lists_find_no_folder_missing(tmp_path: Path) -> None:
    store = FileSystemStore(tmp_path / "sessions")

    def come_and_go() -> None:
        for _ in range(100):
            key = secrets.token_hex(32)
            store.create(key, {}, 100, "alice")
            store.sessions_of("alice")
            store.delete(key)

    call_in_parallel(*[come_and_go] * 4)
    assert store.sessions_of("alice") == {}


def test_a_sweep_removes_the_probe_that_a_crashed_start_left(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    FileSystemStore(folder)
    (folder / "probe.12345678.tmp").touch()
    assert sum(FileSystemStore(folder, much_later).sweep()) == 1
    assert not list(folder.rglob("*.tmp"))
