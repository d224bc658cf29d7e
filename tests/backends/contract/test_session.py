"""The contract of a session on every backend, over HTTP on a bare application.

If a backend declares that it cannot keep a promise, the test asserts that it cannot.
"""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, session

from backends import Backend
from backends.store import RENEW_BELOW
from tests.backends.contract.conftest import IDLE
from tests.support.bare import Tab, Views, rotate
from tests.support.clock import SetClock
from tests.support.covers import ON_SERVER, REVOCABLE, covers


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/logout", {}),
        ("/login", {"user": "alice"}),
        ("/rotate", {"user": "alice", "colour": "blue"}),
        ("/do/rotate-and-clear", {"user": "bob"}),
    ],
)
@covers("7.2.4", "7.4.1", "7.5.3", "SM-19", "SM-23", "WSTG-06", limit=REVOCABLE)
def test_the_token_before_is_dead_if_the_backend_can_revoke(
    app: Flask, alice: Tab, views: Views, backend: Backend, path: str, data: dict[str, str]
) -> None:
    def rotate_and_clear() -> None:
        rotate()
        session.clear()
        session["user"] = "bob"
        rotate()

    views["rotate-and-clear"] = rotate_and_clear
    alice.post("/set/colour/blue")
    before = alice.token
    alice.post(path)
    assert alice.data() == data
    assert (Tab(app, before).data() == {}) is backend.revocable
    assert not data or alice.token != before


@covers("RF-28", limit=ON_SERVER)
def test_an_older_token_brings_no_older_data(app: Flask, alice: Tab, backend: Backend) -> None:
    before = alice.token
    alice.post("/set/balance/0")
    rolled_back = "balance" not in Tab(app, before).data()
    assert rolled_back is (backend.state == "browser")


class TestRequestsThatOverlap:
    """Exact, not timed: inside the view of request A, the browser sends request B."""

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
    @covers("7.4.1", "15.4.2", "RF-05", limit=REVOCABLE)
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
    @covers("7.4.1", "15.4.2", "RF-05", limit=REVOCABLE)
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

    def test_two_writes_survive_on_a_server(
        self, alice: Tab, backend: Backend, during: Any
    ) -> None:
        during(alice, lambda: alice.post("/set/colour/blue"), "writes")
        both = {"user": "alice", "colour": "blue", "slow": "written"}
        assert (alice.data() == both) is (backend.state == "server")

    def test_of_two_writes_of_one_key_the_last_wins(self, alice: Tab, during: Any) -> None:
        during(alice, lambda: alice.post("/set/slow/first"), "writes")
        assert alice.data() == {"user": "alice", "slow": "written"}


class TestLimits:
    @covers(
        *("7.3.1", "9.2.1", "SM-24", "SM-27", "RF-07", "WSTG-07"),
        notes={"7.3.1": "a signed cookie ages copy by copy"},
    )
    def test_an_unused_session_ends_after_its_idle_limit(self, alice: Tab, clock: SetClock) -> None:
        clock.forward(IDLE - 1)
        assert alice.data() == {"user": "alice"}
        clock.forward(IDLE + 1)
        assert alice.data() == {}

    @pytest.mark.parametrize("visits", [0, 7], ids=["idle", "absolute"])
    @covers("SM-34", "SM-32", "SM-17")
    def test_a_token_of_an_ended_session_is_logged_as_that_session(
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

    def test_a_server_with_a_late_clock_knows_the_login(self, alice: Tab, clock: SetClock) -> None:
        clock.forward(-5)
        assert alice.data() == {"user": "alice"}

    def test_a_session_that_is_only_read_stays(self, alice: Tab, clock: SetClock) -> None:
        for _ in range(5):
            clock.forward(IDLE * 0.6)
            assert alice.data() == {"user": "alice"}

    @pytest.mark.parametrize(
        ("path", "left"), [("/set/seen/yes", {}), ("/rotate", {}), ("/login", {"user": "alice"})]
    )
    @covers("7.3.2", "SM-25", "WSTG-07")
    def test_the_absolute_limit_counts_from_the_login(
        self, alice: Tab, clock: SetClock, path: str, left: dict[str, str]
    ) -> None:
        for _ in range(7):
            clock.forward(IDLE / 2)
            alice.post(path)
        assert alice.data()["user"] == "alice"
        clock.forward(IDLE / 2)
        assert alice.data() == left


class TestCosts:
    @pytest.mark.parametrize("path", ["/untouched", "/nowhere", "/static/nowhere.css"])
    def test_not_using_the_session_costs_nothing(
        self, alice: Tab, calls: list[str], path: str
    ) -> None:
        response = alice.client.get(path)
        assert calls == []
        assert "Set-Cookie" not in response.headers

    def test_a_visitor_without_a_token_costs_nothing(self, app: Flask, calls: list[str]) -> None:
        response = app.test_client().get("/")
        assert calls == []
        assert "Set-Cookie" not in response.headers

    def test_a_read_asks_once_and_writes_nothing(self, alice: Tab, calls: list[str]) -> None:
        response = alice.client.get("/")
        assert calls == ["_load"]
        assert "Set-Cookie" not in response.headers

    def test_a_write_asks_once_and_writes_once(self, alice: Tab, calls: list[str]) -> None:
        alice.post("/set/colour/blue")
        assert calls == ["_load", "_update"]

    def test_reading_seldom_writes(self, alice: Tab, clock: SetClock, calls: list[str]) -> None:
        for _ in range(20):
            clock.forward(IDLE * (1 - RENEW_BELOW) / 20 + 0.1)
            alice.data()
        assert calls.count("_load") == len(calls) - 1 == 20


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
    def test_nested_changes_are_kept(
        self, alice: Tab, views: Views, change: Callable[[Any], Any]
    ) -> None:
        expected: dict[str, Any] = {"items": ["apple"]}
        change(expected)
        views["fill"] = lambda: session.update(cart={"items": ["apple"]})
        views["change"] = lambda: bool(change(session["cart"])) * "changed"

        alice.post("/do/fill")
        alice.post("/do/change")
        assert alice.data()["cart"] == expected

    def test_reading_a_value_is_no_change(self, alice: Tab, views: Views, calls: list[str]) -> None:
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
        calls.clear()
        assert b"xff" in alice.post("/do/read").data
        assert calls == ["_load"]
