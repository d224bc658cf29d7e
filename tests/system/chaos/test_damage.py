"""Damaged and planted records: anonymous or the right data, never an error, never run.

A file that cannot be trusted or read says nothing of its session: a 503, and nobody is logged out.
"""

import logging
import os
import pickle
import socket
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
from flask import Flask, session

from backends import interface_of
from backends.filesystem import FileSystemStore
from backends.redis import RedisStore
from backends.store import SessionGone, StoreUnavailable, key_of
from backends.timing import throttle
from tests.support.bare import add_views, make_bare
from tests.support.clock import SetClock
from tests.support.covers import HAS_STORE, covers
from tests.support.failures import become_folder, become_link, become_pipe, give_away
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

    def failure(self) -> str:
        """Why the store says that it cannot load the session; the browser is told no reason."""
        response = self.client.get("/")
        assert response.status_code == 503
        assert "Set-Cookie" not in response.headers
        with pytest.raises(StoreUnavailable) as failed:
            self.store.load(self.key)
        assert failed.value.reason not in response.text
        return failed.value.reason


def become_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as unbound, chdir(path.parent):
        unbound.bind(path.name[:50])
        Path(path.name[:50]).rename(path)


UNTRUSTED = [
    (become_link, "is a symbolic link. Put its target in its place"),
    *((each, "its session is lost.") for each in (become_pipe, become_folder, become_socket)),
    (give_away, "belongs to the user 65534, and not to 0. Give"),
    (lambda path: os.truncate(path, 100 << 20), "has 104857600 bytes, and at most 67108864 are"),
]


@pytest.fixture
def files(clock: SetClock, tmp_path: Path) -> Site:
    return Site(make_bare("filesystem", clock, SESSION_FILE_DIR=tmp_path / "sessions"))


@pytest.fixture
def strings(clock: SetClock, redis_server: RedisServer) -> Site:
    redis_server.client().flushall()
    return Site(make_bare("redis", clock, REDIS_URL=redis_server.url))


def sealed(rest: bytes) -> bytes:
    """What a record of today's version would be if it ended so."""
    return b"2%08x%b" % (crc32(b"2" + rest), rest)


def record_of(site: Site) -> Path:
    store = site.store
    assert isinstance(store, FileSystemStore)
    return store._path(site.key)


class TestFiles:
    def test_a_record_cut_off_or_with_a_byte_flipped_is_fresh_or_right(self, files: Site) -> None:
        path = record_of(files)
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place])
            assert files.look() == {}, place
            for bit in (0x01, 0x80):
                flipped = whole[place] ^ bit
                path.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
                assert files.look() in ({}, DATA), place
        path.write_bytes(whole)
        assert files.look() == DATA

    @pytest.mark.parametrize(
        "data",
        [
            *(b"null", b"{}", b'{"user": "alice"}', b"[" * 100_000),
            pytest.param(sealed(b"T" * 16 + b"\n\x1euser"), id="a name without a text"),
            pytest.param(sealed(b"T" * 15 + b"=\n"), id="no times"),
            pytest.param(sealed(b""), id="nothing"),
        ],
    )
    def test_other_text_is_a_fresh_session(self, files: Site, data: bytes) -> None:
        record_of(files).write_bytes(data)
        assert files.look() == {}

    @covers("1.5.2", applies=HAS_STORE)
    def test_a_planted_pickle_is_not_executed(self, files: Site, tmp_path: Path) -> None:
        proof = tmp_path / "executed"
        record_of(files).write_bytes(bomb(proof))
        assert files.look() == {}
        assert not proof.exists()

    @pytest.mark.parametrize(("spoil", "says"), UNTRUSTED)
    def test_a_file_that_cannot_be_trusted_ends_no_session(
        self, files: Site, spoil: Callable[[Path], None], says: str
    ) -> None:
        path = record_of(files)
        whole = path.read_bytes()
        spoil(path)
        assert says in files.failure()
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(whole)
        assert files.look() == DATA

    def test_such_a_failure_is_one_error_a_second(
        self, files: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = record_of(files)
        become_folder(path)
        later = time.monotonic() + 60
        monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: later))
        for _ in range(5):
            files.failure()
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert f"{path} is no regular file. Remove it" in caplog.text

    def test_damage_is_logged_once_a_request_and_names_no_token(
        self, files: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        record_of(files).write_bytes(b"damaged")
        with caplog.at_level(logging.WARNING):
            files.look()
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert files.key[:12] in caplog.text
        assert files.client.get_cookie("session").value not in caplog.text  # type: ignore[union-attr]


class TestStrings:
    def damaged(self, site: Site) -> Any:
        store = site.store
        assert isinstance(store, RedisStore)
        return store.client, store.prefix + site.key

    def test_a_record_with_any_byte_flipped_is_fresh_or_right(self, strings: Site) -> None:
        client, key = self.damaged(strings)
        whole = client.get(key)
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 0x01
            for damage in (bytes(flipped), whole[:place], b"\xff" + whole[place:]):
                client.set(key, damage)
                assert strings.look() in ({}, DATA), place
        client.set(key, whole)
        assert strings.look() == DATA

    def test_an_update_of_a_record_damaged_meanwhile_ends_it(self, strings: Site) -> None:
        client, key = self.damaged(strings)
        loaded = strings.store.load(strings.key)
        client.set(key, b"2damaged")
        with pytest.raises(SessionGone):
            strings.store.update_loaded(strings.key, loaded, {"a": "1"}, (), 100)
        assert client.get(key) == b"2damaged"

    @pytest.mark.parametrize("plant", ["set", "rpush", "sadd", "hset"])
    def test_a_key_of_another_type_is_a_fresh_session(self, strings: Site, plant: str) -> None:
        client, key = self.damaged(strings)
        client.delete(key)
        getattr(client, plant)(key, *(["name"] if plant == "hset" else []), "something")
        assert (strings.look(), strings.client.post("/do/fill").status_code) == ({}, 200)
        assert strings.look() == DATA


def bomb(proof: Path) -> bytes:
    """A pickle that makes a file where it is loaded."""

    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (proof,))

    return pickle.dumps(Bomb())
