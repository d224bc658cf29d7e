"""Requests of one session at the same time, on two processes with eight threads each."""

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

from app.lab.together import together
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from tests.chaos.site import Site, ground
from tests.chaos.trials import keys_lost, survives_a_logout


@pytest.fixture(scope="module", params=["filesystem", "redis"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ground(request.param, folder, SESSION_OWNER="user") as (running, _, _):
        yield running


def test_fifty_parallel_requests_that_each_set_their_own_key_lose_none(site: Site) -> None:
    assert [keys_lost(site) for _ in range(2)] == [0, 0]


def test_nothing_logs_in_after_a_logout_that_came_among_page_loads(site: Site) -> None:
    chance = random.Random(1)
    assert sum(survives_a_logout(site, chance) for _ in range(60)) == 0


def test_a_read_never_erases_a_write(site: Site) -> None:
    cookie = site.log_in()
    reads = [partial(site.get, "/who", cookie)] * 20
    write = partial(site.post, "/set/written", cookie)
    assert {answer.status for answer in together(*reads, write, *reads)} == {200}
    assert '"written"' in site.get("/keys", cookie).text


def test_of_parallel_rotations_one_wins_and_the_rest_leave_nothing(site: Site) -> None:
    cookie = site.log_in()
    answers = together(*[partial(site.post, "/rotate", cookie)] * 8)
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

    assert {status for one in together(*[come_and_go] * 8) for status in one} == {200}


def test_a_list_that_is_read_during_a_login_still_shows_its_session(
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


def test_logins_logouts_and_lists_of_one_user_never_find_the_folder_missing(tmp_path: Path) -> None:
    store = FileSystemStore(tmp_path / "sessions")

    def come_and_go() -> None:
        for _ in range(100):
            key = secrets.token_hex(32)
            store.create(key, {}, 100, "alice")
            store.sessions_of("alice")
            store.delete(key)

    together(*[come_and_go] * 4)
    assert store.sessions_of("alice") == {}


def test_a_sweep_removes_the_probe_that_a_crashed_start_left(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    FileSystemStore(folder)
    (folder / "probe.12345678.tmp").touch()
    later = FileSystemStore(folder, lambda: time.time() + WRITE_TIMEOUT_SECONDS + 1)
    assert sum(later.sweep()) == 1
    assert not list(folder.rglob("*.tmp"))
