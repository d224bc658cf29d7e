"""Parallel requests of one session on two processes, and processes killed while they write."""

import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from app.lab.measuring import call_in_parallel
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from backends.record import hash_owner
from backends.sqlite import SqliteStore
from backends.store import StoreUnavailable
from tests.conftest import OURS
from tests.system.chaos.racing_logins import (
    AMPLE,
    Login,
    StoreOnDisk,
    log_in_with_others,
    share_gate,
)
from tests.system.chaos.site import ROOT, Ground, Site, ground
from tests.system.chaos.trials import damaged_by, keys_lost, survives_a_logout

KILLS = 2

PROCESSES = 5
"""That log in at once."""

HOLD_SECONDS = 0.3
"""For what must not happen in this time."""

ON_DISK = (FileSystemStore, SqliteStore)


@pytest.fixture(scope="module", params=[each.name for each in OURS if each.state == "server"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("site")
    with ground(request.param, folder, SESSION_OWNER="user", STEP_SECONDS=AMPLE) as running:
        yield running


@pytest.fixture
def site(shared: Ground) -> Site:
    return shared.site


def much_later() -> float:
    """When a temporary file that was not written to its end counts as abandoned."""
    return time.time() + WRITE_TIMEOUT_SECONDS + 1


def test_parallel_writes_of_different_keys_lose_none(site: Site) -> None:
    assert keys_lost(site) == 0


def test_a_logout_among_page_loads_is_final(site: Site) -> None:
    chance = random.Random(1)
    assert sum(survives_a_logout(site, chance) for _ in range(20)) == 0


def test_of_parallel_rotations_one_wins(site: Site) -> None:
    cookie = site.log_in()
    answers = call_in_parallel(*[partial(site.post, "/rotate", cookie)] * 8)
    tokens = {answer.cookie for answer in answers if answer.cookie}
    assert len(tokens) == 1
    assert [site.get("/who", token).status for token in (*tokens, cookie)] == [200, 401]


def test_parallel_logins_and_logouts_of_one_user_all_succeed(site: Site) -> None:
    def come_and_go() -> list[int]:
        statuses = []
        for _ in range(5):
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


@pytest.mark.usefixtures("ample_time")
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


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Processes that log in at once, the same for each store; they load nothing themselves."""
    context = get_context("forkserver")
    context.set_forkserver_preload([log_in_with_others.__module__])
    gate = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, share_gate, (gate,)) as pool:
        yield pool


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("kind", ON_DISK)
def test_of_logins_at_once_in_processes_the_limit_is_left(
    tmp_path: Path, kind: StoreOnDisk, limit: int, processes: ProcessPoolExecutor
) -> None:
    folder, rounds = tmp_path / "sessions", 100
    logins = [
        processes.submit(log_in_with_others, kind, folder, limit, rounds) for _ in range(PROCESSES)
    ]
    made = [login.result(60) for login in logins]
    store = kind(folder)
    left = [set(store.sessions_of(f"user{number}")) for number in range(rounds)]
    for number in range(rounds):
        begun = {one[number][0] for one in made}
        ended = {key for one in made for key in one[number][1]}
        assert (len(begun), len(left[number])) == (PROCESSES, limit)
        assert begun - ended == left[number]
        assert all(store.load(key) is None for key in ended)
    if isinstance(store, FileSystemStore):
        assert {path.name for path in folder.glob("??/*")} == set().union(*left)


STANDS_STILL = """
import os, signal, sys
from pathlib import Path
from backends.filesystem import FileSystemStore

class StandsStill(FileSystemStore):
    def _write(self, *arguments):
        os.kill(os.getpid(), signal.SIGSTOP)
        super()._write(*arguments)

StandsStill(Path(sys.argv[1])).update(sys.argv[2], {"from": '"it"'}, (), 100)
"""


def test_a_process_that_stands_still_with_a_lock_holds_nobody_up(tmp_path: Path) -> None:
    store, key = FileSystemStore(tmp_path / "sessions"), "ab" * 32
    store.create(key, {}, 100)
    command = [sys.executable, "-c", STANDS_STILL, str(store.folder), key]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            begun = time.monotonic()
            writes = [partial(_is_refused, store, key)] * 8
            assert call_in_parallel(*writes) == [True] * 8
            assert time.monotonic() - begun < 1
            assert store.load(key) is not None
        finally:
            process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0
    store.update(key, {"by": '"us"'}, (), 100)
    record = store.load(key)
    assert record is not None
    assert record.fields == {"from": '"it"', "by": '"us"'}


def _is_refused(store: FileSystemStore, key: str) -> bool:
    try:
        store.touch(key, 100)
    except StoreUnavailable:
        return True
    return False


@pytest.mark.usefixtures("ample_time")
def test_a_session_ended_by_a_limit_is_not_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, old = FileSystemStore(tmp_path / "sessions"), secrets.token_hex(32)
    store.create(old, {}, 100, "alice")
    is_renewing, has_logged_in = Event(), Event()

    def find_no_row(*_: str) -> bool:
        is_renewing.set()
        has_logged_in.wait(HOLD_SECONDS)  # it waits for this step, unless something is wrong
        return False

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(store._lists, "has", find_no_row)
        use = pool.submit(store.update, old, {"used": "1"}, (), 10_000)  # one of little life left
        is_renewing.wait(30)
        new, ended = Login(store, "alice", 1).log_in()
        has_logged_in.set()
        use.result(30)
    assert (ended, store._lists.keys(hash_owner("alice"))) == ([old], [new])
