"""What a session promises on every backend, asked over HTTP of a bare Flask application.

Where a backend declares that it cannot keep a promise, the test asserts that it cannot.
"""

import logging
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request, session

from backends import Backend
from backends.interface import TOUCH_BELOW
from tests.bare import Tab, Views, add_views, rotate
from tests.conftest import SetClock

MakeApp = Callable[..., Flask]
IDLE = 1800
LIMITS = {"PERMANENT_SESSION_LIFETIME": IDLE, "SESSION_ABSOLUTE_LIFETIME": 4 * IDLE}
BROWSER_LIMIT = 4096


@pytest.fixture
def app(make_app: MakeApp, views: Views) -> Flask:
    app = make_app(**LIMITS)
    app.add_url_rule("/untouched", "untouched", lambda: "nothing")
    return add_views(app, views)


@pytest.fixture
def alice(app: Flask) -> Tab:
    tab = Tab(app)
    tab.post("/login")
    return tab


def test_what_one_request_stores_the_next_one_reads(alice: Tab) -> None:
    alice.post("/set/colour/blue")
    assert alice.data() == {"user": "alice", "colour": "blue"}


def test_two_logins_in_one_second_give_two_tokens(app: Flask, alice: Tab) -> None:
    other = Tab(app)
    other.post("/login")
    assert other.token != alice.token


def test_tokens_are_long_and_all_different(app: Flask) -> None:
    tab, tokens = Tab(app), set()
    for _ in range(100):
        tab.post("/login")
        tokens.add(tab.token)
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 50


def test_a_token_from_before_logout_is_dead_where_the_backend_can_revoke(
    app: Flask, alice: Tab, backend: Backend
) -> None:
    kept = alice.token
    alice.post("/logout")
    assert alice.data() == {}
    assert (Tab(app, kept).data() == {}) is backend.revocable


def test_a_login_takes_a_new_token_and_ends_the_session_before_it(
    app: Flask, alice: Tab, backend: Backend
) -> None:
    before = alice.token
    alice.post("/set/colour/blue")
    alice.post("/login")
    assert alice.data() == {"user": "alice"}
    assert alice.token != before
    assert (Tab(app, before).data() == {}) is backend.revocable


def test_rotation_keeps_the_data_and_ends_the_old_token(
    app: Flask, alice: Tab, backend: Backend
) -> None:
    before = alice.token
    alice.post("/rotate")
    assert alice.token != before
    assert alice.data() == {"user": "alice"}
    assert (Tab(app, before).data() == {}) is backend.revocable


def test_an_older_token_does_not_bring_older_data_back(
    app: Flask, alice: Tab, backend: Backend
) -> None:
    before = alice.token
    alice.post("/set/balance/0")
    rolled_back = "balance" not in Tab(app, before).data()
    assert rolled_back is (backend.state == "browser")


def test_a_planted_token_is_never_the_one_that_is_logged_in(app: Flask) -> None:
    attacker = Tab(app)
    attacker.post("/set/planted/yes")
    victim = Tab(app, attacker.token)
    victim.post("/login")
    assert victim.data() == {"user": "alice"}
    assert attacker.data() == {"planted": "yes"} or attacker.data() == {}
    assert victim.token != attacker.token


class TestRequestsThatOverlap:
    """Made exact: inside the view of request A the same browser sends request B."""

    @pytest.fixture
    def during(self, app: Flask, views: Views) -> Callable[[Tab, Callable[[], Any], str], Any]:
        def run(tab: Tab, other: Callable[[], Any], what: str) -> Any:
            def slow() -> None:
                if what != "ignores":
                    session.get("user")
                if what == "rotates":
                    rotate()
                other()
                if what == "writes":
                    session["slow"] = "written"

            views["slow"] = slow
            return tab.post("/do/slow")

        return run

    @pytest.mark.parametrize("what", ["reads", "writes", "rotates", "ignores"])
    def test_a_logout_is_final_while_another_request_is_in_flight(
        self, app: Flask, alice: Tab, backend: Backend, during: Any, what: str
    ) -> None:
        token = alice.token
        response = during(alice, lambda: Tab(app, token).post("/logout"), what)
        assert (Tab(app, token).data() == {}) is backend.revocable
        if backend.revocable:
            assert "Set-Cookie" not in response.headers
            assert response.status_code == 200

    @pytest.mark.parametrize("permanent", [False, True])
    @pytest.mark.parametrize("what", ["reads", "writes", "rotates", "ignores"])
    def test_a_rotation_is_final_while_another_request_is_in_flight(
        self,
        app: Flask,
        alice: Tab,
        backend: Backend,
        views: Views,
        during: Any,
        what: str,
        permanent: bool,
    ) -> None:
        views["stay"] = lambda: setattr(session, "permanent", permanent)
        alice.post("/do/stay")
        token, other = alice.token, Tab(app, alice.token)
        response = during(alice, lambda: other.post("/rotate"), what)
        assert other.data()["user"] == "alice"
        assert (Tab(app, token).data() == {}) is backend.revocable
        if backend.revocable:
            assert "Set-Cookie" not in response.headers

    def test_a_request_that_reads_never_erases_a_write(self, alice: Tab, during: Any) -> None:
        during(alice, lambda: alice.post("/set/colour/blue"), "reads")
        assert alice.data() == {"user": "alice", "colour": "blue"}

    def test_two_writes_of_different_keys_both_survive_on_a_server(
        self, alice: Tab, backend: Backend, during: Any
    ) -> None:
        during(alice, lambda: alice.post("/set/colour/blue"), "writes")
        both = {"user": "alice", "colour": "blue", "slow": "written"}
        assert (alice.data() == both) is (backend.state == "server")

    def test_of_two_writes_of_one_key_the_last_wins(self, alice: Tab, during: Any) -> None:
        during(alice, lambda: alice.post("/set/slow/first"), "writes")
        assert alice.data() == {"user": "alice", "slow": "written"}


class TestLimits:
    def test_an_unused_session_ends_after_its_idle_limit(self, alice: Tab, clock: SetClock) -> None:
        clock.forward(IDLE - 1)
        assert alice.data() == {"user": "alice"}
        clock.forward(IDLE + 1)
        assert alice.data() == {}

    @pytest.mark.parametrize("visits", [0, 7], ids=["idle", "absolute"])
    def test_the_token_of_a_session_that_ran_out_is_an_event_of_that_session(
        self, app: Flask, clock: SetClock, caplog: pytest.LogCaptureFixture, visits: int
    ) -> None:
        caplog.set_level(logging.INFO, "backends.audit_log")
        alice = Tab(app)
        alice.post("/login")
        for _ in range(visits):
            clock.forward(IDLE / 2)
            alice.post("/set/seen/yes")
        clock.forward(IDLE / 2 if visits else IDLE)
        assert alice.data() == {}
        begun, ended = [vars(record)["event"] for record in caplog.records]
        assert (begun["event"], ended["event"]) == ("session begun", "token of an ended session")
        assert begun["session"] == ended["session"]

    def test_a_server_whose_clock_is_behind_knows_the_login(
        self, alice: Tab, clock: SetClock
    ) -> None:
        clock.forward(-5)
        assert alice.data() == {"user": "alice"}

    def test_a_session_that_is_only_read_stays_while_it_is_used(
        self, alice: Tab, clock: SetClock
    ) -> None:
        for _ in range(5):
            clock.forward(IDLE * 0.6)
            assert alice.data() == {"user": "alice"}

    def test_a_session_in_use_ends_at_its_absolute_limit(self, alice: Tab, clock: SetClock) -> None:
        for _ in range(7):
            clock.forward(IDLE / 2)
            alice.post("/set/seen/yes")
        assert alice.data()["user"] == "alice"
        clock.forward(IDLE / 2)
        assert alice.data() == {}

    def test_rotation_does_not_lengthen_the_absolute_limit(
        self, alice: Tab, clock: SetClock
    ) -> None:
        for _ in range(7):
            clock.forward(IDLE / 2)
            alice.post("/rotate")
        clock.forward(IDLE / 2)
        assert alice.data() == {}

    def test_a_login_begins_a_new_life(self, alice: Tab, clock: SetClock) -> None:
        for _ in range(7):
            clock.forward(IDLE / 2)
            alice.post("/login")
        clock.forward(IDLE / 2)
        assert alice.data() == {"user": "alice"}

    def test_an_answer_that_changed_nothing_writes_at_most_once_a_tenth_of_the_limit(
        self, alice: Tab, clock: SetClock, writes: list[str]
    ) -> None:
        for _ in range(20):
            clock.forward(IDLE * (1 - TOUCH_BELOW) / 20 + 0.1)
            alice.data()
        assert len(writes) == 1


@pytest.fixture
def writes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every write that the backend makes from now on, by its verb."""
    made: list[str] = []
    interface: Any = app.session_interface

    def counted(verb: str) -> None:
        whole = getattr(interface, verb)

        def counting(*args: Any) -> Any:
            made.append(verb)
            return whole(*args)

        monkeypatch.setattr(interface, verb, counting)

    for verb in ("_create", "_update", "_touch", "_delete"):
        counted(verb)
    return made


class TestCosts:
    @pytest.fixture
    def asked(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Every time that the backend is asked for a session from now on."""
        asked: list[str] = []
        interface: Any = app.session_interface
        whole = interface._load

        def counting(app: Flask, token: str) -> Any:
            asked.append(token)
            return whole(app, token)

        monkeypatch.setattr(interface, "_load", counting)
        return asked

    @pytest.mark.parametrize("path", ["/untouched", "/nowhere", "/static/nowhere.css"])
    def test_a_request_that_does_not_use_the_session_asks_for_nothing(
        self, alice: Tab, asked: list[str], writes: list[str], path: str
    ) -> None:
        response = alice.client.get(path)
        assert (asked, writes) == ([], [])
        assert "Set-Cookie" not in response.headers

    def test_a_read_asks_once_and_writes_nothing(
        self, alice: Tab, asked: list[str], writes: list[str]
    ) -> None:
        response = alice.client.get("/")
        assert (len(asked), writes) == (1, [])
        assert "Set-Cookie" not in response.headers

    def test_a_write_asks_once_and_writes_once(
        self, alice: Tab, asked: list[str], writes: list[str]
    ) -> None:
        alice.post("/set/colour/blue")
        assert (len(asked), writes) == (1, ["_update"])

    def test_a_visitor_without_a_token_asks_for_nothing(
        self, app: Flask, asked: list[str], writes: list[str]
    ) -> None:
        response = app.test_client().get("/")
        assert (asked, writes) == ([], [])
        assert "Set-Cookie" not in response.headers


class TestNestedChanges:
    @pytest.mark.parametrize(
        "change",
        [
            lambda cart: cart["items"].append("pear"),
            lambda cart: cart.update(items=["apple", "pear"]),
            lambda cart: cart["items"].__setitem__(0, "plum"),
            lambda cart: cart.pop("items"),
        ],
        ids=["append", "update", "setitem", "pop"],
    )
    def test_a_nested_change_is_kept_without_a_flag(
        self, alice: Tab, views: Views, change: Callable[[Any], Any]
    ) -> None:
        expected: dict[str, Any] = {"items": ["apple"]}
        change(expected)
        views["fill"] = lambda: session.update(cart={"items": ["apple"]})
        views["change"] = lambda: bool(change(session["cart"])) * "changed"

        alice.post("/do/fill")
        alice.post("/do/change")
        assert alice.data()["cart"] == expected

    def test_a_value_that_was_only_read_is_no_change(
        self, alice: Tab, views: Views, writes: list[str]
    ) -> None:
        values = [
            {2: "b", 10: "a"},
            (1, "x"),
            b"\xff",
            {" t": 1},
            [1.5, None, True],
            {"b": 1, "a": 2},
        ]
        views["fill"] = lambda: session.update(values=values)
        views["read"] = lambda: str(dict(session))
        alice.post("/do/fill")
        writes.clear()
        assert b"xff" in alice.post("/do/read").data
        assert writes == []


class TestTokens:
    def forged(self, token: str) -> list[str]:
        """Each character of the token changed, each end cut off, and other people's ideas."""
        changed = [
            token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            for place in range(len(token))
        ]
        cut = [token[:place] for place in range(0, len(token), 7)]
        return (
            changed
            + cut
            + [token + "A", "." + token, token.rsplit(".", 1)[0], secrets.token_hex(40)]
        )

    def test_a_changed_token_is_nobody(self, app: Flask, alice: Tab) -> None:
        whole = alice.data()
        accepted = [token for token in self.forged(alice.token) if Tab(app, token).data() == whole]
        # The last character of base64 carries bits that mean nothing; the token is then the same.
        assert all(token[:-1] == alice.token[:-1] for token in accepted)

    @pytest.mark.parametrize(
        "token",
        ["", ".", "..", "a.b.c", "\0", "../../etc/passwd", "*", "x" * 7000, "ä€", "%00", '"', "{}"],
    )
    def test_a_hostile_token_is_nobody_and_no_error(self, app: Flask, token: str) -> None:
        header = f"session={token}".encode().decode("latin-1")
        response = app.test_client().get("/", headers={"Cookie": header})
        assert response.status_code == 200
        assert response.get_json() == {}
        assert "Set-Cookie" not in response.headers

    def test_another_application_with_the_same_key_is_refused(
        self, make_app: MakeApp, alice: Tab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_app(**LIMITS)
        other.get("/")(lambda: dict(session))
        assert Tab(other, alice.token).data() == {"user": "alice"}
        monkeypatch.setattr(other, "name", "another")
        assert Tab(other, alice.token).data() == {}

    def test_a_new_key_with_the_old_as_fallback_keeps_everybody_in(
        self, app: Flask, alice: Tab
    ) -> None:
        old = app.secret_key
        app.config.update(SECRET_KEY="another key " * 4, SECRET_KEY_FALLBACKS=[old])
        assert alice.data() == {"user": "alice"}
        app.config.update(SECRET_KEY_FALLBACKS=None)
        assert alice.data() == {}

    def test_a_token_in_the_address_is_not_looked_at(self, app: Flask, alice: Tab) -> None:
        client = app.test_client()
        found = client.get(f"/?session={alice.token}", headers={"X-Session": alice.token})
        assert found.get_json() == {}


class TestTooLarge:
    @pytest.fixture
    def grown(self, app: Flask, alice: Tab, views: Views) -> Tab:
        def fill() -> Response:
            session["blob"] = secrets.token_urlsafe(int(request.form["bytes"]))
            response = app.make_response("filled")
            response.delete_cookie("cart")
            return response

        views["fill"] = fill
        return alice

    def test_five_kilobytes_are_kept_or_refused_and_never_lost_in_silence(
        self, grown: Tab, backend: Backend
    ) -> None:
        before = grown.token
        response = grown.post("/do/fill", data={"bytes": 5000})
        if backend.state == "server":
            assert response.status_code == 200
            assert len(grown.data()["blob"]) > 5000
        else:
            assert response.status_code == 413
            assert b"4096" in response.data
            assert response.headers.getlist("Set-Cookie") == []
            assert grown.token == before
            assert grown.data() == {"user": "alice"}

    def test_no_token_is_larger_than_a_browser_keeps(self, grown: Tab) -> None:
        for size in range(2600, 3100, 25):
            response = grown.post("/do/fill", data={"bytes": size})
            if response.status_code == 200:
                assert len("session") + len(grown.token) <= BROWSER_LIMIT


def test_a_session_shows_no_token_when_it_is_printed(alice: Tab, views: Views) -> None:
    views["print"] = lambda: f"{session!r} {session} {dict(session)}"
    printed = alice.post("/do/print").text
    assert "alice" in printed
    assert alice.token not in printed
