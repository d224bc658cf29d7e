"""The contract of a session on every backend, over HTTP on a bare application.

If a backend declares that it cannot keep a promise, the test asserts that it cannot.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask, session

from backends import Backend
from backends.store import RENEW_BELOW
from tests.backends.contract.conftest import IDLE
from tests.backends.places import CLASSES, only_on
from tests.support.bare import Tab, Views, rotate
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.covers import ON_SERVER, REVOCABLE, covers


@covers("7.2.4", "7.4.1", "7.5.3", "SM-19", "SM-23", "WSTG-06", limit=REVOCABLE)
def test_the_token_before_is_dead_if_the_backend_can_revoke(
    app: Flask, views: Views, backend: Backend
) -> None:
    def rotate_and_clear() -> None:
        rotate()
        session.clear()
        session["user"] = "bob"
        rotate()

    views["rotate-and-clear"] = rotate_and_clear
    for path, data in (
        ("/logout", {}),
        ("/login", {"user": "alice"}),
        ("/rotate", {"user": "alice", "colour": "blue"}),
        ("/do/rotate-and-clear", {"user": "bob"}),
    ):
        with case(path):
            alice = Tab(app).logged_in()
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

    @pytest.mark.parametrize("what", ["reads", "writes", "rotates", "ignores"])
    @covers("7.4.1", "15.4.2", "RF-05", limit=REVOCABLE)
    def test_a_rotation_is_final_while_another_request_is_in_flight(
        self, app: Flask, backend: Backend, views: Views, during: Any, what: str
    ) -> None:
        for permanent in (False, True):
            with case(permanent):
                alice = Tab(app).logged_in()
                views["stay"] = partial(setattr, session, "permanent", permanent)
                alice.post("/do/stay")
                token, other = alice.token, Tab(app, alice.token)
                response = during(alice, partial(other.post, "/rotate"), what)
                assert other.data()["user"] == "alice"
                assert (Tab(app, token).data() == {}) is backend.revocable
                if backend.revocable:
                    assert "Set-Cookie" not in response.headers

    def test_a_read_erases_no_write_and_two_writes_survive_on_a_server(
        self, alice: Tab, backend: Backend, during: Any
    ) -> None:
        during(alice, lambda: alice.post("/set/colour/blue"), "reads")
        assert alice.data() == {"user": "alice", "colour": "blue"}

        def write_two() -> None:
            alice.post("/set/colour/red")
            alice.post("/set/slow/first")

        during(alice, write_two, "writes")
        both = {"user": "alice", "colour": "red", "slow": "written"}
        assert (alice.data() == both) is (backend.state == "server")
        assert alice.data()["slow"] == "written"  # of one key the last write wins


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


@only_on(CLASSES)
class TestCosts:
    def test_not_using_it_costs_nothing(self, app: Flask, alice: Tab, calls: list[str]) -> None:
        for path in ("/untouched", "/nowhere", "/static/nowhere.css"):
            assert "Set-Cookie" not in alice.client.get(path).headers
        assert "Set-Cookie" not in app.test_client().get("/").headers
        assert calls == []

    def test_a_read_asks_once_and_a_write_writes_once(self, alice: Tab, calls: list[str]) -> None:
        assert "Set-Cookie" not in alice.client.get("/").headers
        assert calls == ["_load"]
        alice.post("/set/colour/blue")
        assert calls == ["_load", "_load", "_update"]

    def test_reading_seldom_writes(self, alice: Tab, clock: SetClock, calls: list[str]) -> None:
        for _ in range(20):
            clock.forward(IDLE * (1 - RENEW_BELOW) / 20 + 0.1)
            alice.data()
        assert calls.count("_load") == len(calls) - 1 == 20

    def test_so_it_does_near_the_absolute_limit(
        self, alice: Tab, clock: SetClock, calls: list[str]
    ) -> None:
        for _ in range(7):
            clock.forward(IDLE / 2)
            alice.data()
        calls.clear()
        for _ in range(20):
            clock.forward(IDLE / 50)
            assert alice.data() == {"user": "alice"}
        assert 20 <= len(calls) <= 20 + 4


NESTED: tuple[Callable[[Any], Any], ...] = (
    lambda cart: cart["items"].append("pear"),
    lambda cart: cart.update(items=["apple", "pear"]),
    lambda cart: cart["items"].__setitem__(0, "plum"),
    lambda cart: cart.pop("items"),
)


@only_on(CLASSES)
class TestNestedChanges:
    def test_nested_changes_are_kept(self, alice: Tab, views: Views) -> None:
        views["fill"] = lambda: session.update(cart={"items": ["apple"]})
        for number, change in enumerate(NESTED):
            with case(number):
                expected: dict[str, Any] = {"items": ["apple"]}
                change(expected)
                views["change"] = partial(lambda do: do(session["cart"]), change)
                alice.post("/do/fill")
                alice.post("/do/change")
                assert alice.data()["cart"] == expected

    def test_reading_a_value_is_no_change(self, alice: Tab, views: Views, calls: list[str]) -> None:
        values = [{2: "b", 10: "a"}, (1, "x"), b"\xff", {" t": 1}, [1.5, None], {"b": 1, "a": 2}]
        views["fill"] = lambda: session.update(values=values)
        views["read"] = lambda: str(dict(session))
        alice.post("/do/fill")
        calls.clear()
        assert b"xff" in alice.post("/do/read").data
        assert calls == ["_load"]
