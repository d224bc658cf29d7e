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
from flask.testing import FlaskClient
from flask_session import Session

from backends import ConfigurationError, init_app
from tests.backends.places import A_STORE, CLASSES, only_on, placed_on
from tests.support.bare import SECRET, add_views, make_bare
from tests.support.services import RedisServer

MakeApp = Callable[..., Flask]

placed = placed_on(CLASSES)


def with_views(app: Flask) -> FlaskClient:
    """A browser at the application."""
    return add_views(app).test_client()


def foreign_app(**config: Any) -> Flask:
    """An application that knows nothing of this project, without a backend."""
    app = Flask("foreign")
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **config})
    return app


@only_on(A_STORE)
class TestOnAServer:
    def test_the_id_has_as_many_random_bytes_as_asked_for(self, make_app: MakeApp) -> None:
        for given, length in ((None, 43), (16, 22), (64, 86)):
            config = {} if given is None else {"SESSION_ID_LENGTH": given}
            client = with_views(make_app(**config))
            client.post("/set/a/1")
            assert len(client.get("/sid").text) == length

    def test_an_id_that_repeats_or_fits_into_no_cookie_is_refused(self, make_app: MakeApp) -> None:
        lengths: tuple[Any, ...] = ("", "long", 0, 1, 15, -1, True, 4096, [], float("inf"))
        for length in lengths:
            with pytest.raises(
                ConfigurationError, match=r"^SESSION_ID_LENGTH=.* from 16 to 256\.$"
            ):
                make_app(SESSION_ID_LENGTH=length)

    @pytest.mark.parametrize(("other", "seen"), [("both:", {"a": "1"}), ("two:", {})])
    def test_applications_with_one_prefix_share_their_sessions(
        self, make_app: MakeApp, other: str, seen: dict[str, str]
    ) -> None:
        one, two = (with_views(make_app(SESSION_KEY_PREFIX=prefix)) for prefix in ("both:", other))
        one.post("/set/a/1")
        cookie = one.get_cookie("session")
        assert cookie is not None
        two.set_cookie("session", cookie.value)
        assert (one.get("/").json, two.get("/").json) == ({"a": "1"}, seen)


class TestPermanent:
    @pytest.mark.parametrize("permanent", [True, False])
    def test_a_session_is_permanent_if_set_so(self, make_app: MakeApp, permanent: bool) -> None:
        client = with_views(make_app(SESSION_PERMANENT=permanent))
        assert ("Expires=" in client.post("/set/a/1").headers["Set-Cookie"]) is permanent
        assert client.get("/").json == {"a": "1"} | ({"_permanent": True} if permanent else {})
        with client.session_transaction() as opened:
            opened.clear()
            opened.update(a=2)
            opened.permanent = False  # a view may say otherwise
        cookie = client.get_cookie("session")
        assert cookie is not None
        assert cookie.expires is None

    def test_neither_a_visitor_nor_an_emptied_session_has_a_cookie(self, make_app: MakeApp) -> None:
        client = with_views(make_app(SESSION_PERMANENT=True))
        assert "Set-Cookie" not in client.get("/").headers
        client.post("/set/a/1")
        assert "Max-Age=0" in client.post("/logout").headers["Set-Cookie"]
        assert client.get_cookie("session") is None


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
            app = make_bare("redis", SESSION_REDIS=ready, REDIS_URL="redis://127.0.0.1:1/0")
            client = with_views(app)
            client.post("/set/a/1")
            client.post("/set/grüße/€")
            with client.session_transaction() as opened:
                opened["\ud800"] = "lone"
            client.post("/rotate")
            client.post("/set/a/2")
            assert client.get("/").json == {"a": "2", "grüße": "€", "\ud800": "lone"}
            assert other.dbsize() == 1
            client.post("/logout")
            assert other.dbsize() == 0

    def test_every_key_begins_with_the_prefix(self, connect: Callable[..., "redis.Redis"]) -> None:
        shop: dict[str, Any] = {"SESSION_KEY_PREFIX": "shop:"}
        for prefix, config in (("session:", {}), ("shop:", shop)):
            with connect() as ready:
                ready.flushall()
                with_views(make_bare("redis", SESSION_REDIS=ready, **config)).post("/set/a/1")
                keys: Any = ready.keys()
                assert [key.startswith(prefix.encode()) for key in keys] == [True]

    def test_one_line_replaces_flask_session(self, connect: Callable[..., "redis.Redis"]) -> None:
        with connect() as ready:
            config = {"SESSION_TYPE": "redis", "SESSION_REDIS": ready, "SESSION_PERMANENT": False}
            config["SESSION_SERIALIZATION_FORMAT"] = "json"
            answers = []
            for install in (Session, lambda app: init_app(app, "redis")):
                app = foreign_app(**config)
                install(app)
                client = with_views(app)
                client.post("/set/a/1")
                client.post("/rotate")
                client.post("/set/b/2")
                answers.append(client.get("/").json)
            assert answers == [{"a": "1", "b": "2"}] * 2

    def test_without_a_client_and_a_url_it_is_refused(self) -> None:
        configs: tuple[dict[str, Any], ...] = ({}, {"SESSION_REDIS": None}, {"REDIS_URL": ""})
        for config in configs:
            refused(foreign_app(**config), "redis", "REDIS_URL is not set")

    def test_a_client_of_another_kind_is_refused_and_not_replaced(self) -> None:
        for client in ("redis://127.0.0.1:6379/0", redis.ConnectionPool()):
            kind = type(client).__name__
            why = rf"SESSION_REDIS is an? .*{kind}.*: give a redis\.Redis"
            refused(foreign_app(SESSION_REDIS=client), "redis", why)


class TestFilesystem:
    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_relative_folder_stays_where_the_application_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[str] | type[Path]
    ) -> None:
        """And all sessions lie in it."""
        monkeypatch.chdir(tmp_path)
        client = with_views(make_bare("filesystem", SESSION_FILE_DIR=kind("not/made yet")))
        monkeypatch.chdir("/")
        client.post("/set/a/1")
        assert client.get("/").json == {"a": "1"}
        [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert tmp_path / "not" / "made yet" in file.parents

    def test_without_a_usable_folder_it_is_refused(self) -> None:
        for folder in (None, ""):
            refused(foreign_app(SESSION_FILE_DIR=folder), "filesystem", "SESSION_FILE_DIR is not")
        why = "SESSION_FILE_DIR: sessions cannot be written to"
        refused(foreign_app(SESSION_FILE_DIR=Path(__file__) / "sessions"), "filesystem", why)


def refused(app: Flask, backend: str, why: str) -> None:
    """Assert that the backend is not installed, and that one line says why."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        init_app(app, backend)
    assert "\n" not in str(caught.value)
    assert type(app.session_interface) is SecureCookieSessionInterface
