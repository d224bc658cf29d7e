"""An invalid setting is one line at the start; no secret key, and one that changes."""

from datetime import timedelta
from typing import Any

import pytest
from flask import flash, get_flashed_messages, session

from backends import Backend, ConfigurationError, StoreInterface
from tests.backends.contract.stage import Act, MakeApp, Stage
from tests.backends.places import A_STORE, CLASSES, only_on
from tests.conftest import SECRET
from tests.support.cases import case
from tests.support.covers import covers

NO_COUNTS: tuple[Any, ...] = ("", "many", 0, "0", -1, True, [])

NO_TIMES: tuple[Any, ...] = (
    *("", "soon", "nan", "1e400", 0, "0", -1, True, [], float("inf"), float("nan"), 10**400),
    *(timedelta(0), timedelta(days=-1), timedelta.max),
)

LIFETIMES = (
    "PERMANENT_SESSION_LIFETIME",
    "SESSION_ABSOLUTE_LIFETIME",
    "SESSION_REMEMBERED_LIFETIME",
)

REFUSED: list[tuple[str, Any]] = [
    *((name, value) for name in LIFETIMES for value in NO_TIMES),
    ("PERMANENT_SESSION_LIFETIME", None),
    *(("SESSION_MAX_PER_OWNER", value) for value in NO_COUNTS),
    *(("SESSION_MAX_BYTES", value) for value in (None, "", 0, -1, True, float("inf"), 2**25)),
    *(("SESSION_OWNER", value) for value in (5, True, ["user"], b"user")),
    *(("SESSION_KEEP_VISITOR", value) for value in ("", "false", "True")),
    *(("SESSION_PERMANENT", value) for value in ("", "false", "1")),
    *((f"SESSION_COOKIE_{name}", "False") for name in ("SECURE", "HTTPONLY", "PARTITIONED")),
    ("SESSION_REFRESH_EACH_REQUEST", "False"),
    *(("SECRET_KEY", value) for value in (5, [SECRET], "\udcff")),
    *(("SECRET_KEY_FALLBACKS", value) for value in ("old-key", b"old-key", 5, True)),
    ("SECRET_KEY_FALLBACKS", map(str, ["old-key"])),
    *(("SECRET_KEY_FALLBACKS", value) for value in ([""], [b""], [None], ["old", 5], ["\udcff"])),
    *(("SESSION_COOKIE_NAME", value) for value in (None, "", 5, b"sid", "a b", "a;b", "a=b")),
    *(("SESSION_APP_NAME", value) for value in ("shop-\udcff", b"shop", 5)),
    *(("SESSION_COOKIE_SAMESITE", value) for value in ("", "strictly", True, 5)),
    *(("SESSION_COOKIE_DOMAIN", value) for value in (5, ["a.com"], "a..com", "\udcff", "a\r\nb")),
    *(("SESSION_COOKIE_PATH", value) for value in (5, ["/shop"], "\udcff", "shop", "http://a/b")),
    *(("SESSION_COOKIE_DOMAIN", value) for value in ("http://a.com", "a.com/b", "a.com, b.com")),
    *(("SESSION_COOKIE_NAME", value) for value in ("sid\n", "sitzüng", "s€", "\udcff")),
]


@only_on(CLASSES)
def test_an_invalid_setting_is_one_line_at_the_start(make_app: MakeApp) -> None:
    for name, value in REFUSED:
        with case(f"{name}={value!a}"):
            with pytest.raises(ConfigurationError) as refused:
                make_app(**{name: value})
            said = str(refused.value)
            assert said.startswith(name)
            assert "\n" not in said
            assert "old-key" not in said


@only_on(CLASSES)
def test_a_name_that_browsers_refuse_without_other_settings_is_one_line(make_app: MakeApp) -> None:
    secure = {"SESSION_COOKIE_SECURE": True}
    open_to_scripts = {**secure, "SESSION_COOKIE_HTTPONLY": False}
    for name, settings, needs in (
        ("__Secure-sid", {}, "SESSION_COOKIE_SECURE=True"),
        ("__host-sid", {}, "SESSION_COOKIE_SECURE=True"),
        ("__Host-sid", {**secure, "APPLICATION_ROOT": "/shop"}, "SESSION_COOKIE_PATH='/'"),
        ("__Host-sid", {**secure, "SESSION_COOKIE_DOMAIN": "a.com"}, "no SESSION_COOKIE_DOMAIN"),
        ("__Http-sid", open_to_scripts, "SESSION_COOKIE_HTTPONLY=True"),
        ("__Host-Http-sid", open_to_scripts, "SESSION_COOKIE_HTTPONLY=True"),
    ):
        with case((name, settings)):
            with pytest.raises(ConfigurationError, match=f"^SESSION_COOKIE_NAME=.* with {needs}."):
                make_app(SESSION_COOKIE_NAME=name, **settings)
            make_app(SESSION_COOKIE_NAME=name, **secure)
    make_app(SESSION_COOKIE_NAME="__Host-sid", SESSION_COOKIE_PARTITIONED=True)


@only_on(CLASSES)
def test_a_domain_may_be_written_as_cookies_of_old_were(make_app: MakeApp) -> None:
    for domain in (".example.com", "example.com:5000", "bücher.example", "127.0.0.1", "", False):
        with case(domain):
            make_app(SESSION_COOKIE_DOMAIN=domain)


OF_A_STORE: list[tuple[str, tuple[Any, ...], str]] = [
    ("SESSION_KEY_PREFIX", ("\udcff", None, b"session:", 5), r"is no text in"),
    ("SESSION_FILE_DIR", (5, 1.5, True, b"sessions", ["sessions"], "a\0b", "\ud800"), "is no path"),
    ("SESSION_ID_LENGTH", (*NO_COUNTS, 1, 15, 4096, float("inf")), r"from 16 to 256\.$"),
]


@only_on(A_STORE)
def test_an_invalid_setting_of_a_store_is_one_line(make_app: MakeApp, backend: Backend) -> None:
    for name, values, says in OF_A_STORE:
        for value in values if backend.on_disk or name != "SESSION_FILE_DIR" else ():
            with case((name, value)), pytest.raises(ConfigurationError, match=f"^{name}=.* {says}"):
                make_app(**{name: value})


@only_on(CLASSES)
def test_a_lifetime_may_be_text_from_the_environment(make_app: MakeApp) -> None:
    for name in LIFETIMES:
        for value in ("3600", 3600.5, timedelta(hours=1), timedelta(days=365_000)):
            with case((name, value)):
                stage = Stage(make_app(**{name: value}))
                stage.put(_permanent=True, user="ada")
                assert stage.held() == {"_permanent": True, "user": "ada"}


@only_on(CLASSES)
def test_no_character_of_a_key_is_a_key(make_app: MakeApp) -> None:
    """`SECRET_KEY_FALLBACKS` is a list: a text would be one of single characters."""
    forger, stage = Stage(make_app(SECRET_KEY="o")), Stage(make_app())
    forger.put(user="admin")
    stage.app.config["SECRET_KEY_FALLBACKS"] = "old-key"
    stage.token = forger.token
    with pytest.raises(ConfigurationError, match=r"^SECRET_KEY_FALLBACKS is no list of keys"):
        stage.held()


READS: dict[str, tuple[Act, object]] = {
    "get": (lambda: session.get("a"), None),
    "in": (lambda: "a" in session, False),
    "dict": (lambda: dict(session), {}),
    "len": (lambda: len(session), 0),
    "permanent": (lambda: session.permanent, False),
    "flashes": (lambda: get_flashed_messages(), []),
}

WRITES: dict[str, Act] = {
    "update": lambda: session.update(a=1),
    "set": lambda: session.__setitem__("a", 1),
    "del": lambda: session.__delitem__("a"),
    "setdefault": lambda: session.setdefault("a", 1),
    "pop": lambda: session.pop("a", None),
    "popitem": lambda: session.popitem(),
    "clear": lambda: session.clear(),
    "permanent": lambda: setattr(session, "permanent", True),
    "flash": lambda: flash("hello"),
}


@only_on(CLASSES)
class TestWithoutASecretKey:
    @pytest.fixture
    def stage(self, make_app: MakeApp) -> Stage:
        return Stage(make_app(SECRET_KEY=None))

    def test_the_session_reads_as_empty(self, stage: Stage) -> None:
        for name, (read, expected) in READS.items():
            with case(name):
                response = stage.visit(read)
                assert (stage.result, response.status_code) == (expected, 200)

    def test_a_write_says_what_is_missing(self, stage: Stage) -> None:
        for name, write in WRITES.items():
            with case(name):
                with pytest.raises(RuntimeError, match="secret key was set") as caught:
                    stage.visit(write)
                assert "Set the secret_key on the application" in str(caught.value)

    def test_rotation_handle_and_record_have_nothing_to_do(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        assert stage.visit(lambda: interface.regenerate(session)).status_code == 200
        if isinstance(interface, StoreInterface):
            stage.visit(lambda: (interface.handle_of(session), interface.at_rest(session)))
            assert stage.result == (None, None)

    def test_a_key_that_comes_later_is_used(self, stage: Stage) -> None:
        stage.app.secret_key = SECRET
        stage.put(a=1)
        assert stage.held() == {"a": 1}


class TestKeyRotation:
    NEW = "fedcba9876543210" * 4

    @covers("13.3.4")
    def test_the_fallback_keys_keep_everybody_in(self, stage: Stage) -> None:
        stage.put(a=1)
        rotations: tuple[tuple[str | bytes, list[str | bytes]], ...] = (
            (self.NEW, [SECRET]),
            (self.NEW, [SECRET, "oldest" * 8]),
            (self.NEW.encode(), [SECRET.encode()]),
        )
        for new, fallbacks in rotations:
            with case((new, fallbacks)):
                stage.app.config.update(SECRET_KEY=new, SECRET_KEY_FALLBACKS=fallbacks)
                assert stage.held() == {"a": 1}

    @covers("7.4.5", "13.3.4")
    def test_without_the_old_key_nobody_is_in(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW)
        assert stage.held() == {}

    def test_a_session_in_use_soon_needs_only_the_new_key(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW, SECRET_KEY_FALLBACKS=[SECRET])
        stage.put(b=2)
        stage.app.config.update(SECRET_KEY_FALLBACKS=[])
        assert stage.held() == {"a": 1, "b": 2}
