"""What the session object of Flask promises, asked of every backend in our own words.

Where two sessions must behave alike, the same is done on Flask's own and the answers are compared.
"""

import copy
import gc
import secrets
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NamedTuple, cast
from uuid import UUID

import pytest
from flask import (
    Flask,
    Response,
    abort,
    flash,
    get_flashed_messages,
    render_template_string,
    request,
    session,
    stream_with_context,
)
from flask.testing import FlaskClient
from markupsafe import Markup

from backends import Session
from tests.conftest import SECRET, SetClock

MakeApp = Callable[..., Flask]
Act = Callable[[], Any]
LIFETIME = timedelta(hours=1)
HOST = "https://shop.example.com"


class Stage:
    """A browser at an application whose one view does what the test says."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.result: Any = None
        """What the last act returned."""
        self._act: Act = lambda: None
        app.add_url_rule("/", view_func=self._view)
        app.add_url_rule("/<path:_>", view_func=self._view)

    def _view(self, _: str = "") -> Any:
        self.result = self._act()
        return self.result if isinstance(self.result, Response | str) else "done"

    def visit(self, act: Act = lambda: None, path: str = "/") -> Any:
        """One request, in whose view `act` is called. The response."""
        self._act = act
        return self.client.get(path, base_url=HOST)

    def put(self, **values: Any) -> Any:
        return self.visit(lambda: session.update(values))

    def held(self) -> dict[str, Any]:
        """The session as the next request finds it."""
        self.visit(lambda: dict(session))
        found: dict[str, Any] = self.result
        return found


@pytest.fixture
def stage(bare_app: Flask) -> Stage:
    return Stage(bare_app)


def set_cookie(response: Any) -> str | None:
    """The one Set-Cookie of a response, or `None` without any."""
    headers = response.headers.getlist("Set-Cookie")
    assert len(headers) <= 1
    return headers[0] if headers else None


def attributes(response: Any) -> dict[str, str]:
    """The attributes of its Set-Cookie; a flag has the value ''."""
    header = set_cookie(response)
    assert header is not None
    return dict(part.partition("=")[::2] for part in header.split("; ")[1:])


class TestWithoutASecretKey:
    @pytest.fixture
    def stage(self, make_app: MakeApp) -> Stage:
        return Stage(make_app(SECRET_KEY=None))

    @pytest.mark.parametrize(
        ("read", "expected"),
        [
            (lambda: session.get("a"), None),
            (lambda: "a" in session, False),
            (lambda: dict(session), {}),
            (lambda: len(session), 0),
            (lambda: session.permanent, False),
            (lambda: get_flashed_messages(), []),
        ],
        ids=["get", "in", "dict", "len", "permanent", "flashes"],
    )
    def test_the_session_can_be_read_and_is_empty(
        self, stage: Stage, read: Act, expected: object
    ) -> None:
        response = stage.visit(read)
        assert stage.result == expected
        assert response.status_code == 200

    @pytest.mark.parametrize(
        "write",
        [
            lambda: session.update(a=1),
            lambda: session.__setitem__("a", 1),
            lambda: session.__delitem__("a"),
            lambda: session.setdefault("a", 1),
            lambda: session.pop("a", None),
            lambda: session.popitem(),
            lambda: session.clear(),
            lambda: setattr(session, "permanent", True),
            lambda: flash("hello"),
        ],
        ids=["update", "set", "del", "setdefault", "pop", "popitem", "clear", "permanent", "flash"],
    )
    def test_a_write_says_what_is_missing(self, stage: Stage, write: Act) -> None:
        with pytest.raises(RuntimeError, match="secret key was set") as caught:
            stage.visit(write)
        assert "Set the secret_key on the application" in str(caught.value)

    def test_rotation_has_nothing_to_do(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        assert stage.visit(lambda: interface.regenerate(session)).status_code == 200

    def test_a_session_transaction_is_refused(self, stage: Stage) -> None:
        with (
            pytest.raises(RuntimeError, match="did not open a session"),
            stage.client.session_transaction() as opened,
        ):
            opened["a"] = 1

    def test_a_key_that_comes_later_is_used(self, stage: Stage) -> None:
        stage.app.secret_key = SECRET
        stage.put(a=1)
        assert stage.held() == {"a": 1}


class TestKeyRotation:
    NEW = "fedcba9876543210" * 4

    @pytest.mark.parametrize("older", [["oldest" * 8], []], ids=["two-fallbacks", "one-fallback"])
    def test_the_fallback_keys_keep_everybody_in(self, stage: Stage, older: list[str]) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW, SECRET_KEY_FALLBACKS=[SECRET, *older])
        assert stage.held() == {"a": 1}

    def test_a_key_of_bytes_is_a_key(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(
            SECRET_KEY=self.NEW.encode(), SECRET_KEY_FALLBACKS=[SECRET.encode()]
        )
        assert stage.held() == {"a": 1}

    def test_without_the_old_key_nobody_is_in(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW)
        assert stage.held() == {}

    def test_a_session_written_under_the_new_key_needs_the_old_one_no_more(
        self, stage: Stage
    ) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW, SECRET_KEY_FALLBACKS=[SECRET])
        stage.put(b=2)
        stage.app.config.update(SECRET_KEY_FALLBACKS=[])
        assert stage.held() == {"a": 1, "b": 2}


class TestTheCookie:
    @pytest.mark.parametrize(
        ("config", "expected"),
        [
            ({}, {"HttpOnly": "", "Path": "/"}),
            (
                {"SESSION_COOKIE_DOMAIN": "example.com"},
                {"Domain": "example.com", "HttpOnly": "", "Path": "/"},
            ),
            ({"SESSION_COOKIE_PATH": "/shop"}, {"HttpOnly": "", "Path": "/shop"}),
            ({"APPLICATION_ROOT": "/shop"}, {"HttpOnly": "", "Path": "/shop"}),
            ({"SESSION_COOKIE_SECURE": True}, {"Secure": "", "HttpOnly": "", "Path": "/"}),
            ({"SESSION_COOKIE_HTTPONLY": False}, {"Path": "/"}),
            *(
                (
                    {"SESSION_COOKIE_SAMESITE": site},
                    {"HttpOnly": "", "Path": "/", "SameSite": site},
                )
                for site in ("Lax", "Strict", "None")
            ),
            (
                {"SESSION_COOKIE_PARTITIONED": True},
                {"Secure": "", "HttpOnly": "", "Path": "/", "Partitioned": ""},
            ),
            (
                {
                    "SESSION_COOKIE_NAME": "__Secure-lab",
                    "SESSION_COOKIE_DOMAIN": "example.com",
                    "SESSION_COOKIE_PATH": "/shop",
                    "SESSION_COOKIE_SECURE": True,
                    "SESSION_COOKIE_SAMESITE": "Strict",
                    "SESSION_COOKIE_PARTITIONED": True,
                },
                {
                    "Domain": "example.com",
                    "Secure": "",
                    "HttpOnly": "",
                    "Path": "/shop",
                    "SameSite": "Strict",
                    "Partitioned": "",
                },
            ),
        ],
        ids=lambda value: "+".join(value) or "defaults",
    )
    def test_it_is_set_and_deleted_with_the_attributes_of_the_settings(
        self, make_app: MakeApp, config: dict[str, Any], expected: dict[str, str]
    ) -> None:
        stage = Stage(make_app(**config))
        created = stage.visit(lambda: session.update(a=1), "/shop/")
        deleted = stage.visit(lambda: session.clear(), "/shop/")

        assert attributes(created) == expected
        ended = attributes(deleted)
        assert ended.pop("Max-Age") == "0"
        assert parsedate_to_datetime(ended.pop("Expires")).year == 1970
        assert ended == expected
        for response in (created, deleted):
            name = stage.app.config["SESSION_COOKIE_NAME"]
            assert (set_cookie(response) or "").startswith(f"{name}=")

    @pytest.mark.parametrize("act", [lambda: session.update(a=1), lambda: session.clear()])
    def test_a_wrong_same_site_is_an_error(self, make_app: MakeApp, act: Act) -> None:
        stage = Stage(make_app(SESSION_COOKIE_SAMESITE="Sometimes"))
        with pytest.raises(ValueError, match="SameSite"):
            stage.visit(act)

    def test_its_name_may_be_chosen_per_request(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        interface.__class__ = type(
            "PerRequest",
            (type(interface),),
            {"get_cookie_name": lambda _self, _app: request.path.strip("/")},
        )
        stage.visit(lambda: session.update(who="alice"), "/one")
        stage.visit(lambda: session.update(who="bob"), "/two")
        for path, who in (("/one", "alice"), ("/two", "bob"), ("/three", None)):
            stage.visit(lambda: session.get("who"), path)
            assert stage.result == who

    def test_a_token_is_good_under_its_own_name_only(self, stage: Stage) -> None:
        stage.put(a=1)
        cookie = stage.client.get_cookie("session", "shop.example.com")
        assert cookie is not None
        stage.app.config["SESSION_COOKIE_NAME"] = "other"
        stage.client.set_cookie("other", cookie.value, domain="shop.example.com")
        assert stage.held() == {}


def be_permanent(**values: Any) -> None:
    session.permanent = True
    session.update(values)


class TestPermanentSessions:
    def test_the_cookie_of_a_permanent_session_says_when_it_ends(
        self, make_app: MakeApp, clock: SetClock
    ) -> None:
        clock.now = time.time()
        stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=LIFETIME))
        before = datetime.now(UTC).replace(microsecond=0)
        response = stage.visit(lambda: be_permanent(a=1))
        expires = parsedate_to_datetime(attributes(response)["Expires"])
        assert before + LIFETIME <= expires <= datetime.now(UTC) + LIFETIME

    @pytest.mark.parametrize("permanent", [False, None], ids=["said", "by-default"])
    def test_the_cookie_of_another_session_ends_with_the_browser(
        self, stage: Stage, permanent: bool | None
    ) -> None:
        def begin() -> None:
            session["a"] = 1
            if permanent is not None:
                session.permanent = permanent

        assert attributes(stage.visit(begin)).keys() == {"HttpOnly", "Path"}
        assert stage.visit(lambda: session.permanent).status_code == 200
        assert stage.result is False

    def test_a_session_may_become_permanent_and_stop_being_so(self, stage: Stage) -> None:
        stage.put(a=1)
        assert "Expires" in attributes(stage.visit(be_permanent))
        response = stage.visit(lambda: setattr(session, "permanent", False))
        assert "Expires" not in attributes(response)
        assert stage.held()["a"] == 1

    @pytest.mark.parametrize("act", [lambda: None, lambda: session.get("a")], ids=["no", "read"])
    @pytest.mark.parametrize("refresh", [True, False])
    @pytest.mark.parametrize("permanent", [True, False])
    def test_an_unchanged_session_is_sent_again_if_permanent_and_refreshed(
        self, make_app: MakeApp, permanent: bool, refresh: bool, act: Act
    ) -> None:
        stage = Stage(make_app(SESSION_REFRESH_EACH_REQUEST=refresh))
        stage.visit(lambda: be_permanent(a=1) if permanent else session.update(a=1))
        response = stage.visit(act)
        assert (set_cookie(response) is not None) is (permanent and refresh)
        if permanent and refresh:
            assert "Expires" in attributes(response)
            assert response.headers["Vary"] == "Cookie"
        assert stage.held()["a"] == 1

    def test_a_lifetime_may_be_given_in_seconds(self, make_app: MakeApp, clock: SetClock) -> None:
        stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=60))
        stage.put(a=1)
        clock.forward(59)
        assert stage.held() == {"a": 1}
        clock.forward(61)
        assert stage.held() == {}


class TestVary:
    @pytest.mark.parametrize(
        "act",
        [
            lambda: session.get("a"),
            lambda: "a" in session,
            lambda: bool(session),
            lambda: list(session),
            lambda: session.permanent,
            lambda: session.update(a=2),
            lambda: session.clear(),
            lambda: flash("hello"),
            lambda: get_flashed_messages(),
            lambda: render_template_string("{{ session.get('a') }}"),
        ],
        ids=[
            *("get", "in", "bool", "iter", "permanent", "set", "clear"),
            *("flash", "flashes", "template"),
        ],
    )
    @pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])
    def test_an_answer_that_looked_at_the_session_varies_by_cookie(
        self, stage: Stage, act: Act, known: bool
    ) -> None:
        if known:
            stage.put(a=1)
        assert stage.visit(act).headers["Vary"] == "Cookie"

    @pytest.mark.parametrize(
        "act",
        [
            lambda: None,
            lambda: request.cookies.get("a"),
            lambda: render_template_string("{{ request.path }}"),
            lambda: abort(404),
        ],
        ids=["nothing", "request", "template", "abort"],
    )
    def test_an_answer_that_did_not_look_at_the_session_does_not_vary(
        self, stage: Stage, act: Act
    ) -> None:
        stage.put(a=1)
        response = stage.visit(act)
        assert "Vary" not in response.headers
        assert set_cookie(response) is None

    def test_the_answers_own_vary_is_kept(self, stage: Stage) -> None:
        def answer() -> Response:
            session.get("a")
            return Response("hello", headers={"Vary": "Accept-Language"})

        assert stage.visit(answer).headers["Vary"] == "Accept-Language, Cookie"

    def test_a_look_after_the_view_counts_too(self, stage: Stage) -> None:
        @stage.app.after_request
        def look(response: Response) -> Response:
            session["last"] = "seen"
            return response

        assert stage.visit().headers["Vary"] == "Cookie"
        assert stage.held()["last"] == "seen"


VALUES: dict[str, Any] = {
    "none": None,
    "bool": True,
    "int": -7,
    "big-int": 2**200,
    "float": 0.1,
    "exponent": 1e300,
    "infinity": float("inf"),
    "empty-text": "",
    "text": "Grüße, €, 日本, 😀",
    "control-characters": "\0\r\n\t\x1f\x7f\u2028",
    "lone-surrogate": "\ud800",
    "text-like-a-tag": " t",
    "tuple": (1, "a", (2, ())),
    "list": [1, [2, []], (3,)],
    "bytes": b"\x00\xff\r\n",
    "empty-bytes": b"",
    "markup": Markup("<b>&amp;</b>"),
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "datetime-naive": datetime(2026, 2, 28, 23, 59, 59, 999999),
    "datetime-utc": datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=UTC),
    "datetime-offset": datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    "datetime-first": datetime.min,
    "datetime-last": datetime.max,
    "empty-dict": {},
    **{f"dict-like-the-tag-{tag}": {tag: ["1"]} for tag in (" t", " b", " m", " u", " d", " di")},
    "dict-like-an-escaped-tag": {" t__": 1},
    "dict-with-a-tag-among-others": {" t": 1, "b": 2},
    "nested": {
        "list": [{" t": {" di": (1,)}, "tuple": (b"\xff", Markup("<i>"))}],
        "when": {"id": UUID(int=7), "naive": datetime(2026, 1, 2, 3, 4, 5, 6)},
    },
}

KEYS = [
    *("", " ", "a b", "a=b; c", "Grüße 😀", "\ud800", "\0", "\n", "~", "..", "../../x", "*", "%00"),
    *("@", "@@", "@id", "@created", "@expires", "@@created", " t", " di", "_x", "k" * 300),
]


@dataclass
class Point:
    x: int
    y: int


class Badge:
    def __html__(self) -> str:
        return "<b>badge</b>"


class TestValues:
    @pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
    def test_a_value_comes_back_as_it_was(self, stage: Stage, value: Any) -> None:
        stage.put(value=value)
        # The representation tells types apart that are equal: Markup and text, True and 1.
        assert repr(stage.held()) == repr({"value": value})

    def test_all_values_come_back_together(self, stage: Stage) -> None:
        stage.visit(lambda: session.update(VALUES))
        held = stage.held()
        assert {name: repr(value) for name, value in held.items()} == {
            name: repr(value) for name, value in VALUES.items()
        }

    def test_a_value_read_and_written_back_stays_what_it_was(self, stage: Stage) -> None:
        stage.visit(lambda: session.update(VALUES))
        for _ in range(2):
            stage.visit(lambda: session.update(dict(session)))
        assert repr(stage.held()["nested"]) == repr(VALUES["nested"])

    @pytest.mark.parametrize(
        ("value", "stored"),
        [
            ({1: "a", 10: "b"}, {"1": "a", "10": "b"}),
            (Decimal("1.10"), "1.10"),
            (date(2026, 1, 2), "Fri, 02 Jan 2026 00:00:00 GMT"),
            (Point(1, 2), {"x": 1, "y": 2}),
            (Badge(), Markup("<b>badge</b>")),
        ],
        ids=["dict-with-int-keys", "decimal", "date", "dataclass", "html"],
    )
    def test_a_value_that_json_changes_is_changed_as_flask_does(
        self, stage: Stage, value: Any, stored: Any
    ) -> None:
        stage.put(value=value)
        assert repr(stage.held()["value"]) == repr(stored)

    @pytest.mark.parametrize("key", KEYS, ids=[ascii(key[:9]) for key in KEYS])
    def test_a_key_is_free_to_choose(self, stage: Stage, key: str) -> None:
        stage.put(other=1)
        stage.visit(lambda: session.update({key: "first"}))
        assert stage.held() == {"other": 1, key: "first"}
        stage.visit(lambda: session.update({key: "second"}))
        assert stage.held() == {"other": 1, key: "second"}
        stage.visit(lambda: session.pop(key))
        assert stage.held() == {"other": 1}

    @pytest.mark.parametrize("key", KEYS, ids=[ascii(key[:9]) for key in KEYS])
    def test_a_session_may_begin_with_any_key(self, stage: Stage, key: str) -> None:
        stage.visit(lambda: session.update({key: "first"}))
        assert stage.held() == {key: "first"}

    @pytest.mark.parametrize(
        ("key", "text"), [(1, "1"), (1.5, "1.5"), (True, "true"), (None, "null")]
    )
    def test_a_key_that_is_no_text_becomes_the_text_that_json_gives_it(
        self, stage: Stage, key: Any, text: str
    ) -> None:
        stage.visit(lambda: session.update({key: "x"}))
        assert stage.held() == {text: "x"}

    @pytest.mark.parametrize("key", [(1, 2), b"bytes"], ids=["tuple", "bytes"])
    def test_a_key_that_json_has_no_text_for_is_refused(self, stage: Stage, key: Any) -> None:
        stage.put(a=1)
        with pytest.raises(TypeError):
            stage.visit(lambda: session.update({key: "x"}))
        assert stage.held() == {"a": 1}

    @pytest.mark.parametrize("name", ["@created", "@expires", "@id"])
    @pytest.mark.parametrize("value", [9e12, "9e12", 10**15])
    def test_a_key_named_as_our_own_fields_moves_no_limit(
        self, make_app: MakeApp, clock: SetClock, name: str, value: Any
    ) -> None:
        stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=60, SESSION_ABSOLUTE_LIFETIME=150))
        stage.visit(lambda: session.update({name: value}))
        for _ in range(3):
            clock.forward(45)
            assert stage.held() == {name: value}
        clock.forward(45)
        assert stage.held() == {}

        stage.visit(lambda: session.update({name: value}))
        clock.forward(61)
        assert stage.held() == {}


BAD_VALUES: dict[str, Callable[[], Any]] = {
    "object": object,
    "set": lambda: {1, 2},
    "function": lambda: len,
    "nested": lambda: {"a": [(object(),)]},
}


@pytest.mark.parametrize("bad", BAD_VALUES.values(), ids=BAD_VALUES.keys())
class TestAValueThatCannotBeStored:
    def test_it_is_a_type_error_and_nothing_is_written(self, stage: Stage, bad: Act) -> None:
        stage.put(a=1)
        with pytest.raises(TypeError):
            stage.visit(lambda: session.update(b=2, bad=bad(), c=3))
        assert stage.held() == {"a": 1}

    def test_a_login_that_cannot_be_stored_leaves_the_session_before_it(
        self, stage: Stage, bad: Act
    ) -> None:
        def login() -> None:
            session.clear()
            session.update(user="alice", bad=bad())

        stage.put(a=1)
        with pytest.raises(TypeError):
            stage.visit(login)
        assert stage.held() == {"a": 1}

    def test_a_session_does_not_begin_with_it(self, stage: Stage, bad: Act) -> None:
        with pytest.raises(TypeError):
            stage.put(bad=bad())
        assert stage.held() == {}


class TestFlashes:
    def test_they_come_with_category_and_markup_once(self, stage: Stage) -> None:
        def leave() -> None:
            flash("plain")
            flash(Markup("<em>bold</em>"), "warning")

        stage.visit(leave)
        stage.visit(lambda: get_flashed_messages(with_categories=True))
        assert repr(stage.result) == repr(
            [("message", "plain"), ("warning", Markup("<em>bold</em>"))]
        )
        stage.visit(lambda: get_flashed_messages())
        assert stage.result == []

    def test_they_can_be_chosen_by_category(self, stage: Stage) -> None:
        def leave() -> None:
            for category in ("info", "warning", "error"):
                flash(f"an {category}", category)

        stage.visit(leave)
        stage.visit(lambda: get_flashed_messages(category_filter=["error", "info"]))
        assert stage.result == ["an info", "an error"]

    def test_they_add_up_over_requests(self, stage: Stage) -> None:
        stage.visit(lambda: flash("first"))
        stage.visit(lambda: flash("second"))
        stage.visit(lambda: get_flashed_messages())
        assert stage.result == ["first", "second"]

    def test_a_template_escapes_text_and_not_markup(self, stage: Stage) -> None:
        for message in ("<script>", Markup("<em>")):
            stage.visit(partial(flash, message))
        template = "{% for text in get_flashed_messages() %}{{ text }}{% endfor %}"
        assert stage.visit(lambda: render_template_string(template)).text == "&lt;script&gt;<em>"

    def test_the_last_one_takes_the_cookie_with_it(self, stage: Stage) -> None:
        stage.visit(lambda: flash("hello"))
        response = stage.visit(lambda: get_flashed_messages())
        assert attributes(response)["Max-Age"] == "0"


class TestTheTestClient:
    def test_a_view_finds_what_a_session_transaction_wrote(self, stage: Stage) -> None:
        with stage.client.session_transaction(base_url=HOST) as opened:
            opened["a"] = ("tuple",)
        assert stage.held() == {"a": ("tuple",)}

    def test_a_session_transaction_finds_what_a_view_wrote(self, stage: Stage) -> None:
        stage.put(cart=["apple"])
        with stage.client.session_transaction(base_url=HOST) as opened:
            assert dict(opened) == {"cart": ["apple"]}
            opened["cart"].append("pear")
            opened.modified = True
        assert stage.held() == {"cart": ["apple", "pear"]}

    def test_a_session_transaction_may_end_the_session(self, stage: Stage) -> None:
        stage.put(a=1)
        with stage.client.session_transaction(base_url=HOST) as opened:
            opened.clear()
        assert stage.held() == {}
        assert stage.client.get_cookie("session", "shop.example.com") is None

    def test_a_session_transaction_that_reads_changes_nothing(self, stage: Stage) -> None:
        stage.put(a=1)
        before = stage.client.get_cookie("session", "shop.example.com")
        with stage.client.session_transaction(base_url=HOST) as opened:
            assert opened["a"] == 1
        assert stage.client.get_cookie("session", "shop.example.com") == before

    def test_the_session_of_the_last_request_stays_readable_in_a_with_block(
        self, stage: Stage
    ) -> None:
        with stage.client:
            stage.put(a=1, b=(2,))
            assert dict(session) == {"a": 1, "b": (2,)}
            stage.visit()
            assert session["b"] == (2,)

    def test_a_request_context_of_its_own_has_a_session(self, stage: Stage) -> None:
        with stage.app.test_request_context():
            session["a"] = 1
            assert session["a"] == 1
        assert stage.held() == {}


class TestRequestsOfEveryKind:
    @pytest.fixture
    def app(self, make_app: MakeApp) -> Flask:
        return make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    @pytest.mark.parametrize(
        ("fail", "status"),
        [(lambda: abort(403), 403), (lambda: [][0], 500)],
        ids=["abort", "exception"],
    )
    def test_what_was_set_before_an_error_is_kept(self, app: Flask, fail: Act, status: int) -> None:
        stage = Stage(app)
        response = stage.visit(lambda: (session.update(a=1), fail()))
        assert response.status_code == status
        assert stage.held() == {"a": 1}

    def test_a_streamed_answer_reads_the_session(self, stage: Stage) -> None:
        def pieces() -> Iterator[str]:
            yield from session["words"]

        stage.put(words=["one ", "two"])
        response = stage.visit(lambda: Response(stream_with_context(pieces())))
        assert response.text == "one two"

    def test_a_redirect_carries_the_session_on(self, stage: Stage) -> None:
        stage.app.add_url_rule("/there", view_func=lambda: session["a"])
        stage.visit(lambda: session.update(a="arrived"))
        there = Response(status=302, headers={"Location": "/there"})
        stage._act = lambda: (session.update(a="moved on"), there)[1]
        response = stage.client.get("/", base_url=HOST, follow_redirects=True)
        assert response.text == "moved on"


def test_an_application_that_is_no_longer_used_is_freed_at_once(make_app: MakeApp) -> None:
    """As Flask promises it: by its reference count, without the collector of cycles."""
    # The script's first use fails in fakeredis, which keeps that error and all that led to it.
    warm_up = Stage(make_app())
    warm_up.put(a=1)
    warm_up.put(a=2)

    app = make_app()
    app.add_url_rule("/", view_func=lambda: str(session.setdefault("a", 1)))
    with app.test_client() as client:
        for _ in range(2):
            assert client.get("/").text == "1"
    del client

    gone = weakref.ref(app)
    gc.collect()
    gc.disable()
    try:
        del app
        assert gone() is None
    finally:
        gc.enable()


Operation = Callable[[Any], Any]

OPERATIONS: dict[str, Operation] = {
    "getitem": lambda s: s["b"],
    "getitem-missing": lambda s: s["missing"],
    "get": lambda s: [s.get("b"), s.get("missing"), s.get("missing", 7)],
    "in": lambda s: ["b" in s, "missing" in s, 1 in s],
    "len": len,
    "bool": bool,
    "iter": list,
    "reversed": lambda s: list(reversed(s)),
    "keys": lambda s: list(s.keys()),
    "values": lambda s: list(s.values()),
    "items": lambda s: list(s.items()),
    "keys-as-a-set": lambda s: s.keys() & {"a", "missing"},
    "copy": lambda s: (type(s.copy()), s.copy()),
    "copied": lambda s: dict(copy.copy(s)),
    "deep-copied": lambda s: dict(copy.deepcopy(s)),
    "a-copy-is-its-own": lambda s: [copied.update(b=9) for copied in (s.copy(), copy.copy(s))],
    "a-deep-copy-is-its-own": lambda s: copy.deepcopy(s).update(b=9),
    "keyword-arguments": lambda s: dict(**s),
    "merged": lambda s: s | {"b": 9},
    "merged-in-place": lambda s: (s.__ior__({"b": 9}), None)[1],
    "merged-into": lambda s: {"b": 9} | s,
    "equal": lambda s: [s == dict(s), dict(s) == s, s == {"b": 1}, s != {}, s == 1],
    "hash": hash,
    "set": lambda s: s.__setitem__("d", 4),
    "set-the-same": lambda s: s.__setitem__("b", 1),
    "set-another-type": lambda s: s.__setitem__("b", True),
    "del": lambda s: s.__delitem__("b"),
    "del-missing": lambda s: s.__delitem__("missing"),
    "pop": lambda s: s.pop("b"),
    "pop-default": lambda s: s.pop("missing", 7),
    "pop-missing": lambda s: s.pop("missing"),
    "popitem": lambda s: s.popitem(),
    "popitem-to-the-end": lambda s: [s.popitem() for _ in range(3)],
    "popitem-too-often": lambda s: [s.popitem() for _ in range(4)],
    "popitem-after-set": lambda s: (s.update(ab=5), s.popitem()),
    "setdefault": lambda s: [s.setdefault("d", 4), s.setdefault("e")],
    "setdefault-present": lambda s: s.setdefault("b", 4),
    "update-by-name": lambda s: s.update(b=2, d=4),
    "update-from-a-dict": lambda s: s.update({"b": 2, "d": 4}),
    "update-from-pairs": lambda s: s.update([("b", 2), ("d", 4)]),
    "update-with-nothing": lambda s: s.update(),
    "update-with-an-empty-dict": lambda s: s.update({}),
    "clear": lambda s: s.clear(),
    "clear-and-set": lambda s: (s.clear(), s.update(z=1)),
    "permanent": lambda s: setattr(s, "permanent", True),
    "not-permanent": lambda s: setattr(s, "permanent", False),
    "modified": lambda s: setattr(s, "modified", True),
    "grown-while-iterated": lambda s: [s.update({f"{name}2": 1}) for name in s],
    "set-while-iterated": lambda s: [s.update({name: 2}) for name in s],
}


class Told(NamedTuple):
    """What somebody sees of one request, in the view and from outside."""

    result: Any
    content: dict[str, Any]
    modified: bool
    cookie: str
    vary: str | None
    later: list[tuple[str, Any]]
    """The session of the next request, in its order."""


def tell(app: Flask, begin: dict[str, Any], operation: Operation) -> Told:
    stage = Stage(app)

    def act() -> tuple[Any, dict[str, Any], bool]:
        try:
            result = operation(session)
        except (KeyError, TypeError, RuntimeError) as error:
            result = type(error)
        return result, cast(Session, session).copy(), session.modified

    stage.visit(lambda: session.update(begin))
    response = stage.visit(act)
    result, content, modified = stage.result
    header = set_cookie(response)
    cookie = "none" if header is None else "deleted" if "Max-Age=0" in header else "set"
    stage.visit(lambda: list(session.items()))
    return Told(result, content, modified, cookie, response.headers.get("Vary"), stage.result)


@pytest.fixture
def flask_app() -> Flask:
    """An application on Flask's own session."""
    app = Flask("lab")
    app.config.update(SECRET_KEY=SECRET, TESTING=True)
    return app


@pytest.mark.parametrize(
    "begin",
    # In no order, one of them longer than what Redis keeps in order.
    [{"b": 1, "c": "x" * 100, "a": (1, 2)}, {}],
    ids=["filled", "empty"],
)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_the_session_is_the_dict_that_flasks_own_session_is(
    bare_app: Flask, flask_app: Flask, begin: dict[str, Any], operation: Operation
) -> None:
    assert tell(bare_app, begin, operation) == tell(flask_app, begin, operation)


def test_the_keys_come_back_in_the_order_that_flask_gives_them(
    bare_app: Flask, flask_app: Flask
) -> None:
    begin = {secrets.token_hex(4): "x" * 20 for _ in range(40)}
    orders = [[name for name, _ in tell(app, begin, len).later] for app in (bare_app, flask_app)]
    assert orders[0] == orders[1]


class TestSessionIds:
    """As Flask-Session has them."""

    def sid(self, stage: Stage, act: Act = lambda: None) -> Any:
        """The id that the session has in the view after `act`."""
        stage.visit(lambda: (act(), cast(Session, session).sid))
        return stage.result[1]

    def rotate(self, stage: Stage) -> Act:
        interface: Any = stage.app.session_interface
        return lambda: interface.regenerate(session)

    def test_a_session_keeps_its_id_while_it_is_used(self, stage: Stage) -> None:
        stage.put(a=1)
        first = self.sid(stage)
        assert isinstance(first, str)
        assert self.sid(stage, lambda: session.update(a=2)) == first
        assert self.sid(stage) == first

    def test_two_sessions_have_two_ids(self, bare_app: Flask) -> None:
        stage = Stage(bare_app)
        stage.put(a=1)
        first = self.sid(stage)
        stage.client.delete_cookie("session", domain="shop.example.com")
        stage.put(a=1)
        assert self.sid(stage) != first

    def test_a_new_session_has_the_id_at_once_that_it_will_have(self, stage: Stage) -> None:
        first = self.sid(stage, lambda: session.update(a=1))
        assert isinstance(first, str)
        assert self.sid(stage) == first

    def test_rotation_gives_another_id_and_keeps_the_data(self, stage: Stage) -> None:
        stage.put(a=1)
        before = self.sid(stage)
        stage.visit(self.rotate(stage))
        assert self.sid(stage) != before
        assert stage.held() == {"a": 1}

    def test_rotation_gives_the_other_id_at_once(self, stage: Stage) -> None:
        stage.put(a=1)
        before = self.sid(stage)
        during = self.sid(stage, self.rotate(stage))
        assert during != before
        assert self.sid(stage) == during

    def test_rotation_of_an_empty_session_does_nothing(self, stage: Stage) -> None:
        assert set_cookie(stage.visit(self.rotate(stage))) is None

    def test_rotation_before_the_login_is_a_rotation(self, stage: Stage) -> None:
        stage.put(a=1)
        before = self.sid(stage)
        rotate = self.rotate(stage)
        stage.visit(lambda: (rotate(), session.update(user="alice")))
        assert stage.held() == {"a": 1, "user": "alice"}
        assert self.sid(stage) != before
