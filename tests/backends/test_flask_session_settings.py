"""Flask-Session's settings work on the backends that replace it.

The signed cookie has what they mean for it: `SESSION_PERMANENT` and `regenerate()`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask_session import Session

from backends import ConfigurationError, init_app
from tests.backends.contract.stage import MakeApp
from tests.backends.places import A_STORE, CLASSES, only_on, placed_on
from tests.support.bare import Tab, add_views, make_bare, make_plain
from tests.support.services import RedisServer

placed = placed_on(CLASSES)


def visit(app: Flask) -> Tab:
    return Tab(add_views(app))


@only_on(A_STORE)
class TestOnAServer:
    def test_the_id_has_as_many_random_bytes_as_asked_for(self, make_app: MakeApp) -> None:
        for given, length in (
            ({}, 43),
            ({"SESSION_ID_LENGTH": 16}, 22),
            ({"SESSION_ID_LENGTH": 64}, 86),
        ):
            tab = visit(make_app(**given))
            tab.post("/set/a/1")
            assert len(tab.get("/sid").text) == length

    @pytest.mark.parametrize(("other", "seen"), [("both:", {"a": "1"}), ("two:", {})])
    def test_applications_with_one_prefix_share_their_sessions(
        self, make_app: MakeApp, other: str, seen: dict[str, str]
    ) -> None:
        one, two = (make_app(SESSION_KEY_PREFIX=prefix) for prefix in ("both:", other))
        tab = visit(one)
        tab.post("/set/a/1")
        assert (tab.data(), Tab(add_views(two), tab.token).data()) == ({"a": "1"}, seen)


class TestPermanent:
    @pytest.mark.parametrize("permanent", [True, False])
    def test_a_session_is_permanent_if_set_so(self, make_app: MakeApp, permanent: bool) -> None:
        tab = visit(make_app(SESSION_PERMANENT=permanent))
        assert ("Expires=" in tab.post("/set/a/1").headers["Set-Cookie"]) is permanent
        assert tab.data() == {"a": "1"} | ({"_permanent": True} if permanent else {})
        with tab.client.session_transaction() as opened:
            opened.clear()
            opened.update(a=2)
            opened.permanent = False  # a view may say otherwise
        cookie = tab.client.get_cookie("session")
        assert cookie is not None
        assert cookie.expires is None

    def test_neither_a_visitor_nor_an_emptied_session_has_a_cookie(self, make_app: MakeApp) -> None:
        tab = visit(make_app(SESSION_PERMANENT=True))
        assert "Set-Cookie" not in tab.get("/").headers
        tab.post("/set/a/1")
        assert "Max-Age=0" in tab.post("/logout").headers["Set-Cookie"]
        assert not tab.has_token


class TestRedis:
    @pytest.fixture
    def connect(self, redis_server: RedisServer) -> Callable[..., "redis.Redis"]:
        """Makes clients of one empty Redis."""
        redis_server.client().flushall()
        return lambda **options: redis.Redis.from_url(redis_server.url, **options)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"decode_responses": True},
            {"decode_responses": True, "encoding": "latin-1"},
            {"decode_responses": True, "encoding_errors": "replace"},
            {"encoding": "ascii"},
        ],
        ids=["bytes", "decodes", "latin-1", "replaces", "ascii"],
    )
    def test_a_ready_client_is_used_as_it_is(
        self, connect: Callable[..., "redis.Redis"], options: dict[str, Any]
    ) -> None:
        with connect(**options) as ready, connect() as other:
            url = "redis://127.0.0.1:1/0"
            tab = visit(make_bare("redis", SESSION_REDIS=ready, REDIS_URL=url))
            tab.post("/set/a/1")
            tab.post("/set/grüße/€")
            with tab.client.session_transaction() as opened:
                opened["\ud800"] = "lone"
            tab.post("/rotate")
            tab.post("/set/a/2")
            assert tab.data() == {"a": "2", "grüße": "€", "\ud800": "lone"}
            assert other.dbsize() == 1
            tab.post("/logout")
            assert other.dbsize() == 0

    def test_every_key_begins_with_the_prefix(self, connect: Callable[..., "redis.Redis"]) -> None:
        shop: dict[str, Any] = {"SESSION_KEY_PREFIX": "shop:"}
        for prefix, config in (("session:", {}), ("shop:", shop)):
            with connect() as ready:
                ready.flushall()
                visit(make_bare("redis", SESSION_REDIS=ready, **config)).post("/set/a/1")
                keys: Any = ready.keys()
                assert [key.startswith(prefix.encode()) for key in keys] == [True]

    def test_one_line_replaces_flask_session(self, connect: Callable[..., "redis.Redis"]) -> None:
        with connect() as ready:
            config = {"SESSION_TYPE": "redis", "SESSION_REDIS": ready, "SESSION_PERMANENT": False}
            config["SESSION_SERIALIZATION_FORMAT"] = "json"
            answers = []
            for install in (Session, lambda app: init_app(app, "redis")):
                app = make_plain(**config)
                install(app)
                tab = visit(app)
                tab.post("/set/a/1")
                tab.post("/rotate")
                tab.post("/set/b/2")
                answers.append(tab.data())
            assert answers == [{"a": "1", "b": "2"}] * 2


class TestFilesystem:
    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_relative_folder_stays_where_the_application_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[str] | type[Path]
    ) -> None:
        """And all sessions lie in it."""
        monkeypatch.chdir(tmp_path)
        tab = visit(make_bare("filesystem", SESSION_FILE_DIR=kind("not/made yet")))
        monkeypatch.chdir("/")
        tab.post("/set/a/1")
        assert tab.data() == {"a": "1"}
        [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert tmp_path / "not" / "made yet" in file.parents


UNUSABLE: list[tuple[str, dict[str, Any], str]] = [
    *(
        ("redis", config, "REDIS_URL is not set")
        for config in ({}, {"SESSION_REDIS": None}, {"REDIS_URL": ""})
    ),
    *(
        (
            "redis",
            {"SESSION_REDIS": client},
            rf"SESSION_REDIS is an? .*{kind}.*: give a redis\.Redis",
        )
        for client, kind in (("redis://h/0", "str"), (redis.ConnectionPool(), "ConnectionPool"))
    ),
    *(
        ("filesystem", {"SESSION_FILE_DIR": folder}, "SESSION_FILE_DIR is not")
        for folder in (None, "")
    ),
    (
        *("filesystem", {"SESSION_FILE_DIR": Path(__file__) / "sessions"}),
        "SESSION_FILE_DIR: sessions cannot be written to",
    ),
]


@pytest.mark.parametrize(("backend", "config", "why"), UNUSABLE)
def test_a_place_that_cannot_be_used_is_refused_and_not_replaced(
    backend: str, config: dict[str, Any], why: str
) -> None:
    app = make_plain(**config)
    with pytest.raises(ConfigurationError, match=why) as caught:
        init_app(app, backend)
    assert "\n" not in str(caught.value)
    assert type(app.session_interface) is SecureCookieSessionInterface
