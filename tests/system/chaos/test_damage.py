"""Damaged and planted records: anonymous or the right data, never an error, never run.

A file that cannot be trusted or read says nothing of its session: a 503, and nobody is logged out.
"""

import logging
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, session

from backends import interface_of
from backends.filesystem import FileSystemStore
from backends.store import SessionGone, StoreUnavailable, key_of
from backends.timing import throttle
from tests.support.bare import add_views, make_bare
from tests.support.clock import SetClock
from tests.support.covers import HAS_STORE, covers
from tests.support.failures import become_folder
from tests.support.services import RedisServer

DATA = {"user": "alice", "cart": {"apple": 2}, "seen": ["a", "b"]}


class Site:
    """A bare application with one session stored, and the place where that session rests."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        add_views(app, {"fill": lambda: session.update(DATA)})
        self.client = app.test_client()
        self.client.post("/do/fill")
        self.store: Any = interface_of(app).store
        self.key = key_of(self.client.get("/sid").text)

    def look(self) -> Any:
        response = self.client.get("/")
        assert response.status_code == 200
        return response.get_json()

    def fail(self) -> None:
        """Look while the session cannot be loaded: the browser is told no reason."""
        response = self.client.get("/")
        assert response.status_code == 503
        assert "Set-Cookie" not in response.headers
        with pytest.raises(StoreUnavailable) as failed:
            self.store.load(self.key)
        assert failed.value.reason not in response.text

    def read(self) -> bytes:
        """The session's record, as it rests."""
        if isinstance(self.store, FileSystemStore):
            return self.store._path(self.key).read_bytes()
        return bytes(self.store.client.get(self.store.prefix + self.key))

    def write(self, data: bytes) -> None:
        """Put these bytes in the place of the record."""
        if isinstance(self.store, FileSystemStore):
            self.store._path(self.key).write_bytes(data)
        else:
            self.store.client.set(self.store.prefix + self.key, data)


@pytest.fixture(params=["filesystem", "redis"])
def site(request: pytest.FixtureRequest, clock: SetClock, tmp_path: Path) -> Site:
    where: dict[str, Any] = {"SESSION_FILE_DIR": tmp_path / "sessions"}
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client().flushall()
        where = {"REDIS_URL": server.url}
    return Site(make_bare(request.param, clock, **where))


on_files = pytest.mark.parametrize("site", ["filesystem"], indirect=True)
on_redis = pytest.mark.parametrize("site", ["redis"], indirect=True)


def damages_of(whole: bytes) -> Iterator[bytes]:
    """The record cut off, with a byte flipped and with a byte before it, at each place."""
    for place, byte in enumerate(whole):
        yield whole[:place]
        yield b"\xff" + whole[place:]
        for bit in (0x01, 0x80):
            yield whole[:place] + bytes([byte ^ bit]) + whole[place + 1 :]


def test_a_record_cut_off_or_with_a_byte_flipped_is_fresh_or_right(site: Site) -> None:
    whole = site.read()
    for damaged in damages_of(whole):
        site.write(damaged)
        assert site.look() in ({}, DATA), damaged
    site.write(whole)
    assert site.look() == DATA


@covers("1.5.2", applies=HAS_STORE)
def test_a_planted_pickle_is_not_executed(site: Site, tmp_path: Path) -> None:
    proof = tmp_path / "executed"
    site.write(bomb(proof))
    assert site.look() == {}
    assert not proof.exists()


@on_files
def test_such_a_failure_is_one_error_a_second(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.store._path(site.key)
    become_folder(path)
    later = time.monotonic() + 60
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: later))
    for _ in range(5):
        site.fail()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert f"{path} is no regular file. Remove it" in caplog.text


def test_damage_is_logged_once_a_request_and_names_no_token(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.write(b"damaged")
    with caplog.at_level(logging.WARNING):
        site.look()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert site.key[:12] in caplog.text
    assert site.client.get_cookie("session").value not in caplog.text  # type: ignore[union-attr]


@on_redis
def test_an_update_of_a_record_damaged_meanwhile_ends_it(site: Site) -> None:
    loaded = site.store.load(site.key)
    site.write(b"2damaged")
    with pytest.raises(SessionGone):
        site.store.update_loaded(site.key, loaded, {"a": "1"}, (), 100)
    assert site.read() == b"2damaged"


@on_redis
@pytest.mark.parametrize("plant", ["set", "rpush", "sadd", "hset"])
def test_a_key_of_another_type_is_a_fresh_session(site: Site, plant: str) -> None:
    client, name = site.store.client, site.store.prefix + site.key
    client.delete(name)
    getattr(client, plant)(name, *(["name"] if plant == "hset" else []), "something")
    assert (site.look(), site.client.post("/do/fill").status_code) == ({}, 200)
    assert site.look() == DATA


def bomb(proof: Path) -> bytes:
    """A pickle that makes a file where it is loaded."""

    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (proof,))

    return pickle.dumps(Bomb())
