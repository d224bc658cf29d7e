"""Redis fails in every way it can: a readable 503 before it is back, nobody in, nobody out.

How many seconds that takes on a quiet machine is measured by `make soak`; the timeouts are looked
at in `tests/backends/test_redis_client.py`.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from backends.redis_access.circuit_breaker import RETRY_AFTER_SECONDS
from tests.support.covers import HAS_STORE, covers
from tests.support.services import DURABLE, PATIENCE, RedisServer, set_to
from tests.system.chaos.site import Answer, Site

PASSWORD = "right"

FLOOD, THREADS = 200, 8
"""Requests at once, and the threads that serve them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that keeps what it acknowledged, and takes the password of `site` or none."""
    folder = tmp_path_factory.mktemp("redis")
    with RedisServer(folder, *DURABLE) as running:
        yield running


@pytest.fixture(scope="module")
def site(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    url = server.url.replace("//", f"//default:{PASSWORD}@")
    with Site(tmp_path_factory.mktemp("site"), SESSION_BACKEND="redis", REDIS_URL=url) as running:
        yield running


def interrupted(begin: str, end: str) -> "Outage":
    """An outage between two methods of the server."""

    @contextmanager
    def outage(server: RedisServer) -> Iterator[None]:
        getattr(server, begin)()
        try:
            yield
        finally:
            getattr(server, end)()

    return outage


stopped = interrupted("stop", "start")
frozen = interrupted("freeze", "thaw")


@contextmanager
def refusing_the_password(server: RedisServer) -> Iterator[None]:
    with set_to(server, "requirepass", "another", "") as admin:
        admin.client_kill_filter(_type="normal", skipme=True)
        yield


Outage = Callable[[RedisServer], AbstractContextManager[None]]
OUTAGES = {
    "stopped": stopped,
    "killed": interrupted("kill", "start"),
    "frozen": frozen,
    "refusing the password": refusing_the_password,
}


def refused(answer: Answer) -> bool:
    if answer.status != 503:
        return False
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Set-Cookie" not in answer.headers
    assert "try again" in answer.text
    return True


def returns(site: Site, cookie: str, to: int = 200) -> bool:
    """Whether this cookie gets this status again, without a restart, and until then only 503."""
    gives_up = time.monotonic() + PATIENCE
    all_ask_again = 0.0
    while time.monotonic() < (all_ask_again or gives_up):
        status = site.get("/who", cookie).status
        if status == 503:  # this worker asks Redis again no later than then
            all_ask_again = 0.0
        elif status != to:
            return False
        elif not all_ask_again:
            all_ask_again = time.monotonic() + RETRY_AFTER_SECONDS
        time.sleep(0.01)  # what else runs here gets its turn
    return bool(all_ask_again)


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
@covers("16.5.2", "16.5.3", applies=HAS_STORE)
def test_an_outage_is_a_503_in_time_lets_nobody_in_and_loses_nothing(
    site: Site, server: RedisServer, outage: Outage
) -> None:
    cookie = site.log_in()
    with outage(server):
        assert site.get("/public", cookie).status == 200
        assert site.get("/who").status == 401
        assert site.get("/who", "session=made.up").status == 401
        assert refused(site.post("/login"))
        assert refused(site.get("/who", cookie))
        for path in ("/set/lost", "/login", "/rotate", "/logout"):
            assert refused(site.post(path, cookie))
        for path in ("/public", "/static/site.py") * 4:
            assert site.get(path, cookie).status == 200
    assert returns(site, cookie)
    assert '"lost"' not in site.get("/keys", cookie).text
    assert site.post("/logout", cookie).status == 200
    assert site.get("/who", cookie).status == 401


def test_a_redis_that_returns_empty_takes_new_logins(site: Site, server: RedisServer) -> None:
    cookie = site.log_in()
    server.stop()
    assert refused(site.get("/who", cookie))
    shutil.rmtree(server.folder / "appendonlydir")
    server.start()
    assert returns(site, cookie, to=401)
    assert site.get("/who", site.log_in()).status == 200


def test_a_redis_killed_between_view_and_save_is_a_503(
    site: Site, server: RedisServer, tmp_path: Path
) -> None:
    cookie = site.log_in()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(site.post, f"/hold{gate}", cookie)
        with gate.open("w"):  # opens when the view does
            server.kill()
        assert refused(answer.result())
    server.start()
    assert returns(site, cookie)
    assert '"held"' not in site.get("/keys", cookie).text


def waits(server: RedisServer) -> int:
    """How many commands and connections a server got since `config_resetstat`, asked on a new one.

    What a client wrote to a frozen server and gave up is read when it thaws.
    """
    with server.client() as client:
        loads = client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]
        return int(client.info("stats")["total_connections_received"]) - 1 + int(loads)


def test_200_requests_to_a_frozen_redis_starve_no_public_page(
    server: RedisServer, tmp_path: Path
) -> None:
    where = {"SESSION_BACKEND": "redis", "REDIS_URL": server.url}
    with Site(tmp_path, workers=1, threads=THREADS, **where) as site:
        cookie = site.log_in()
        with server.client() as client:
            client.config_resetstat()
        begun = time.monotonic()
        with frozen(server), site.flooded(FLOOD, "/who", cookie) as refusals:
            public = [site.get("/public", cookie) for _ in range(30)]
        seconds = time.monotonic() - begun
        assert {answer.status for answer in public} == {200}
        assert {answer.status for answer in refusals} == {503}
        # Each thread may find out for itself; after that one request waits at a time. It asks on a
        # connection of the pool, and once more on a new one.
        assert 1 <= waits(server) <= 2 * (THREADS + seconds / RETRY_AFTER_SECONDS)
        assert returns(site, cookie)
        assert 1 <= len(site.logged_errors()) <= 1 + time.monotonic() - begun
        assert "session store unavailable: Redis" in site.logged_errors()[0][2]
