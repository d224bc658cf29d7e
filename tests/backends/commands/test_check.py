"""`flask sessions check`."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from flask import Flask
from redis.cluster import RedisCluster

from backends import interface_of
from backends.redis_access.client import connect, describe_address
from tests.backends.commands.conftest import Shop, on_each_store, run
from tests.support.bare import make_bare
from tests.support.clock import SetClock
from tests.support.redis_topologies import RedisClusterTrio
from tests.support.services import RedisServer, set_to

NOTE = (
    "SESSION_COOKIE_SECURE is off: browsers send the session over HTTP too. Turn it on where HTTPS "
    "is served."
)


def make(backend: str, tmp_path: Path, clock: SetClock | None = None, **more: Any) -> Flask:
    given = {"SESSION_OWNER": "user", "SESSION_COOKIE_SECURE": True, **more}
    where = tmp_path / "sessions"
    return make_bare(backend, clock or SetClock(), SESSION_FILE_DIR=where, **given)


def found_in(app: Flask) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(app, "check", "--format", "json").stdout)
    return result


@on_each_store
def test_what_works_is_said_for_people_and_programs(shop: Shop) -> None:
    location = interface_of(shop.app).store.location()  # type: ignore[attr-defined]
    result = shop.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    _, *lines = result.stdout.splitlines()
    assert lines == [
        *(f"Sessions: {location}", "Logins:   work", "Lists:    by session['user']"),
        *("Move:     none", f"Note: {NOTE}"),
    ]
    nothing = dict.fromkeys(("failure", "moves_from", "moves_until", "moves_until_seconds"))
    said = {"location": location, "works": True, "owner_key": "user", "notes": [NOTE]}
    expected = {"backend": "", **nothing, **said, "warnings": []}
    assert {**found_in(shop.app), "backend": ""} == expected


@pytest.mark.parametrize("backend", ["redis", "flask-session-redis"])
def test_a_store_that_is_down_is_named_without_its_password(backend: str, tmp_path: Path) -> None:
    app = make(backend, tmp_path, REDIS_URL="redis://:swordfish@127.0.0.1:1/2")
    result = run(app, "check")
    assert result.exit_code == 1
    assert "Logins:   do not work\n" in result.stdout
    assert result.stderr.startswith("Error: session store unavailable: ")
    assert result.stderr.count("\n") == 1
    assert "swordfish" not in result.output
    again = run(app, "check", "--format", "json")
    assert (again.exit_code, json.loads(again.stdout)["works"]) == (1, False)


def test_a_stock_store_that_can_only_be_read_is_named(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    client = redis_server.client()
    app = make("flask-session-redis", tmp_path, REDIS_URL=redis_server.url)
    assert run(app, "check").exit_code == 0
    assert not [*client.scan_iter("*readyz*")]
    client.config_set("min-replicas-to-write", 1)
    try:
        result = run(app, "check")
    finally:
        client.config_set("min-replicas-to-write", 0)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "Start its replicas" in result.stderr

    app = make("flask-session-filesystem", tmp_path)
    shutil.rmtree(app.config["SESSION_FILE_DIR"])
    assert run(app, "check").exit_code == 1


def test_it_says_once_why_logins_do_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing else would print what is logged of it."""
    monkeypatch.setattr(logging.getLogger("backends"), "propagate", False)
    result = run(make("redis", tmp_path, REDIS_URL="redis://127.0.0.1:1/0"), "check")
    assert result.stderr.count("Connection refused") == 1


@pytest.mark.parametrize("backend", ["cookie", "filesystem", "flask-cookie"])
def test_without_a_secret_key_logins_do_not_work(backend: str, tmp_path: Path) -> None:
    result = run(make(backend, tmp_path, SECRET_KEY=None), "check")
    said = "Error: SECRET_KEY is not set: no session can begin. Set one.\n"
    assert (result.exit_code, result.stderr) == (1, said)
    assert run(make("flask-session-filesystem", tmp_path, SECRET_KEY=None), "check").exit_code == 0


def test_without_session_owner_it_warns(tmp_path: Path) -> None:
    app = make("filesystem", tmp_path, SESSION_OWNER=None)
    before = sorted(tmp_path.rglob("*"))
    found = found_in(app)
    assert sorted(tmp_path.rglob("*")) == before  # a check leaves nothing in the store
    assert (found["works"], found["owner_key"], found["notes"]) == (True, None, [])
    [warning] = found["warnings"]
    assert warning.startswith("SESSION_OWNER is not set:")


def test_a_backend_without_lists_says_so(tmp_path: Path) -> None:
    found = found_in(make("cookie", tmp_path))
    assert (found["works"], found["location"]) == (True, "in the browsers' cookies")
    assert (found["owner_key"], found["warnings"]) == (None, [])
    assert found["notes"] == ["SESSION_BACKEND=cookie can neither list sessions nor end them."]


def test_a_move_is_named_with_its_end(tmp_path: Path, clock: SetClock) -> None:
    move = {"SESSION_MIGRATE_FROM": "flask", "SESSION_MIGRATE_UNTIL": "2027-01-31"}
    app = make("filesystem", tmp_path, clock, **move)
    assert "Move:     from flask until 2027-02-01T00:00:00Z\n" in run(app, "check").stdout
    found = found_in(app)
    clock.now = found["moves_until_seconds"]
    assert (found["moves_from"], found["moves_until"]) == ("flask", "2027-02-01T00:00:00Z")
    for over in (app, make("filesystem", tmp_path, clock, **move)):
        found = found_in(over)
        assert (found["moves_from"], found["moves_until"]) == (None, None)
        assert found["warnings"][0].startswith("SESSION_MIGRATE_UNTIL is over")


def test_a_redis_that_may_evict_sessions_is_a_warning(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    app = make("redis", tmp_path, REDIS_URL=redis_server.url)
    with set_to(redis_server, "maxmemory-policy", "allkeys-lru", "noeviction"):
        result = run(app, "check")
    assert result.exit_code == 0
    assert "Warning: Redis: maxmemory-policy is allkeys-lru" in result.stdout


def test_a_redis_inside_the_process_is_no_ones_to_list(tmp_path: Path) -> None:
    embedded = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    app = make("redis", tmp_path, SESSION_REDIS=embedded)
    assert found_in(app)["location"] == "inside this process, and gone when it ends"
    result = run(app, "list", "ada")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The embedded Redis lives in the process that serves" in result.stderr


ADDRESSES = {
    "redis://ada:swordfish@db.example/3": "Redis at db.example:6379, database 3",
    "rediss://:swordfish@[::1]:7000": "Redis at ::1:7000, database 0",
    "unix://:swordfish@/run/redis.sock?db=2": "Redis at /run/redis.sock, database 2",
    "redis+sentinel://:sword@one:1,two:2/main/4": "the service main of Redis Sentinel, database 4",
}


def test_an_address_is_told_without_its_password() -> None:
    assert {url: describe_address(connect(url)) for url in ADDRESSES} == ADDRESSES


def test_a_cluster_is_told_by_its_nodes(redis_cluster: RedisClusterTrio) -> None:
    client = connect(redis_cluster.url)
    assert isinstance(client, RedisCluster)
    told = describe_address(client) or ""
    assert told.startswith("the Redis cluster of 127.0.0.1:")
    assert told.count(", ") == 2
