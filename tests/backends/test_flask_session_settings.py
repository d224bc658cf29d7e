"""Flask-Session's settings on the backends that take its place: one line of an application changes.

The signed cookie has what they mean for it: `SESSION_PERMANENT` and `regenerate()`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis
import redis.asyncio
from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from flask_session import Session

from backends import BACKENDS, ConfigurationError, init_app
from tests.bare import add_views
from tests.conftest import SECRET
from tests.services import RedisServer

MakeApp = Callable[..., Flask]

on_a_server = pytest.mark.parametrize(
    "placed",
    [
        (BACKENDS["filesystem"], "real"),
        (BACKENDS["redis"], "real"),
        (BACKENDS["redis"], "embedded"),
    ],
    indirect=True,
    ids=["filesystem", "redis-real", "redis-embedded"],
)


def with_views(app: Flask) -> FlaskClient:
    """A browser at the application."""
    return add_views(app).test_client()


def foreign_app(**config: Any) -> Flask:
    """An application that knows nothing of this project, before any backend is installed."""
    app = Flask("foreign")
    app.config.update({"SECRET_KEY": SECRET, "TESTING": True, **config})
    return app


@on_a_server
class TestOnAServer:
    @pytest.mark.parametrize(
        ("config", "length"),
        [({}, 43), ({"SESSION_ID_LENGTH": 16}, 22), ({"SESSION_ID_LENGTH": 64}, 86)],
        ids=["default-32", "16", "64"],
    )
    def test_the_id_has_as_many_random_bytes_as_asked_for(
        self, make_app: MakeApp, config: dict[str, Any], length: int
    ) -> None:
        client = with_views(make_app(**config))
        client.post("/set/a/1")
        assert len(client.get("/sid").text) == length

    def test_two_applications_with_two_prefixes_do_not_see_each_others_sessions(
        self, make_app: MakeApp
    ) -> None:
        one = with_views(make_app(SESSION_KEY_PREFIX="one:"))
        two = with_views(make_app(SESSION_KEY_PREFIX="two:"))
        one.post("/set/a/1")
        cookie = one.get_cookie("session")
        assert cookie is not None
        two.set_cookie("session", cookie.value)
        assert one.get("/").json == {"a": "1"}
        assert two.get("/").json == {}

    def test_two_applications_with_one_prefix_share_their_sessions(self, make_app: MakeApp) -> None:
        one, two = (with_views(make_app(SESSION_KEY_PREFIX="both:")) for _ in range(2))
        one.post("/set/a/1")
        cookie = one.get_cookie("session")
        assert cookie is not None
        two.set_cookie("session", cookie.value)
        assert two.get("/").json == {"a": "1"}


class TestPermanent:
    def test_a_session_is_permanent_where_the_setting_says_so(self, make_app: MakeApp) -> None:
        client = with_views(make_app(SESSION_PERMANENT=True))
        assert "Expires=" in client.post("/set/a/1").headers["Set-Cookie"]
        assert client.get("/").json == {"_permanent": True, "a": "1"}

    def test_a_session_is_not_permanent_where_the_setting_says_so(self, make_app: MakeApp) -> None:
        client = with_views(make_app(SESSION_PERMANENT=False))
        assert "Expires=" not in client.post("/set/a/1").headers["Set-Cookie"]
        assert client.get("/").json == {"a": "1"}

    def test_a_view_may_say_otherwise(self, make_app: MakeApp) -> None:
        app = make_app(SESSION_PERMANENT=True)

        @app.post("/")
        def begin() -> str:
            session["a"] = 1
            session.permanent = False
            return "begun"

        assert "Expires=" not in with_views(app).post("/").headers["Set-Cookie"]

    def test_a_visitor_without_a_session_gets_none(self, make_app: MakeApp) -> None:
        response = with_views(make_app(SESSION_PERMANENT=True)).get("/")
        assert "Set-Cookie" not in response.headers

    def test_a_session_emptied_is_gone_all_the_same(self, make_app: MakeApp) -> None:
        client = with_views(make_app(SESSION_PERMANENT=True))
        client.post("/set/a/1")
        assert "Max-Age=0" in client.post("/logout").headers["Set-Cookie"]
        assert client.get_cookie("session") is None


def test_regenerate_gives_another_token_and_keeps_the_data(bare_app: Flask) -> None:
    client = with_views(bare_app)
    client.post("/set/a/1")
    tokens = [client.get_cookie("session")]
    client.post("/rotate")
    tokens.append(client.get_cookie("session"))
    assert tokens[0] != tokens[1]
    assert client.get("/").json == {"a": "1"}


class TestRedis:
    @pytest.fixture(params=["real", "embedded"])
    def connect(self, request: pytest.FixtureRequest) -> Callable[..., "redis.Redis"]:
        """Makes clients of one empty Redis."""
        if request.param == "embedded":
            server = fakeredis.FakeServer()
            return lambda **options: fakeredis.FakeRedis(server=server, **options)
        service: RedisServer = request.getfixturevalue("redis_server")
        service.client().flushall()
        return lambda **options: redis.Redis.from_url(service.url, **options)

    @pytest.mark.parametrize("decode", [True, False], ids=["decodes", "bytes"])
    def test_a_ready_client_is_used_as_it_is(
        self, connect: Callable[..., "redis.Redis"], decode: bool
    ) -> None:
        with connect(decode_responses=decode) as ready, connect() as other:
            app = foreign_app(SESSION_REDIS=ready, REDIS_URL="redis://127.0.0.1:1/0")
            init_app(app, "redis")
            client = with_views(app)
            client.post("/set/a/1")
            client.post("/set/grüße/€")
            client.post("/rotate")
            client.post("/set/a/2")
            assert client.get("/").json == {"a": "2", "grüße": "€"}
            assert other.dbsize() == 1
            client.post("/logout")
            assert other.dbsize() == 0

    @pytest.mark.parametrize(
        ("config", "prefix"),
        [({}, b"session:"), ({"SESSION_KEY_PREFIX": "shop:"}, b"shop:")],
        ids=["default", "given"],
    )
    def test_every_key_begins_with_the_prefix(
        self, connect: Callable[..., "redis.Redis"], config: dict[str, Any], prefix: bytes
    ) -> None:
        with connect() as ready:
            app = foreign_app(SESSION_REDIS=ready, **config)
            init_app(app, "redis")
            with_views(app).post("/set/a/1")
            keys: Any = ready.keys()
            assert len(keys) == 1
            assert keys[0].startswith(prefix)

    def test_an_application_configured_for_flask_session_changes_one_line(
        self, connect: Callable[..., "redis.Redis"]
    ) -> None:
        with connect() as ready:
            config = {
                "SESSION_TYPE": "redis",
                "SESSION_REDIS": ready,
                "SESSION_PERMANENT": False,
                "SESSION_SERIALIZATION_FORMAT": "json",
            }
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

    @pytest.mark.parametrize(
        "config", [{}, {"SESSION_REDIS": None}, {"REDIS_URL": ""}], ids=["unset", "none", "empty"]
    )
    def test_without_a_client_and_a_url_it_is_refused(self, config: dict[str, Any]) -> None:
        refused(foreign_app(**config), "redis", "REDIS_URL is not set")

    @pytest.mark.parametrize(
        "client",
        [
            redis.asyncio.Redis(),
            fakeredis.FakeAsyncRedis(),
            "redis://127.0.0.1:6379/0",
            redis.ConnectionPool(),
        ],
        ids=lambda client: type(client).__name__,
    )
    def test_a_client_of_another_kind_is_refused_and_not_replaced(self, client: object) -> None:
        kind = type(client).__name__
        refused(foreign_app(SESSION_REDIS=client), "redis", f"SESSION_REDIS is a {kind}: give")


class TestFilesystem:
    @pytest.mark.parametrize("kind", [str, Path])
    def test_sessions_lie_in_the_folder_and_nowhere_else(
        self, tmp_path: Path, kind: type[str] | type[Path]
    ) -> None:
        folder = tmp_path / "not" / "made yet"
        app = foreign_app(SESSION_FILE_DIR=kind(folder))
        init_app(app, "filesystem")
        client = with_views(app)
        client.post("/set/a/1")
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) == 1
        assert folder in files[0].parents

    def test_a_relative_folder_is_one_of_where_the_application_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        app = foreign_app(SESSION_FILE_DIR="sessions")
        init_app(app, "filesystem")
        client = with_views(app)
        monkeypatch.chdir("/")
        client.post("/set/a/1")
        assert client.get("/").json == {"a": "1"}
        assert any(path.is_file() for path in (tmp_path / "sessions").rglob("*"))

    @pytest.mark.parametrize("folder", [None, ""], ids=["unset", "empty"])
    def test_without_a_folder_it_is_refused(self, folder: str | None) -> None:
        refused(foreign_app(SESSION_FILE_DIR=folder), "filesystem", "SESSION_FILE_DIR is not set")

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        app = foreign_app(SESSION_FILE_DIR=tmp_path / "file" / "sessions")
        refused(app, "filesystem", "SESSION_FILE_DIR: sessions cannot be written to")


def refused(app: Flask, backend: str, why: str) -> None:
    """Assert that the backend is not installed, and that one line says why."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        init_app(app, backend)
    assert "\n" not in str(caught.value)
    assert type(app.session_interface) is SecureCookieSessionInterface
