"""What happens to sessions is sent as signals, once each."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from flask import Flask, session

from backends import Backend, StoreUnavailable, interface_of, lister_of, signals
from backends.store import ListsSessions
from tests.backends.places import A_STORE, CLASSES, only_on, placed_on
from tests.support.bare import Tab, Views, add_views
from tests.support.clock import SetClock
from tests.support.failures import raising

pytestmark = pytest.mark.usefixtures("ample_time")

placed = placed_on(CLASSES)

Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def app(make_app: Callable[..., Flask], views: Views) -> Flask:
    return add_views(make_app(SESSION_OWNER="user", SESSION_MAX_PER_OWNER=2), views)


@pytest.fixture
def sent(app: Flask) -> Iterator[Sent]:
    """Every signal of this application, with its values."""
    found: Sent = []
    with ExitStack() as stack:
        for each in signals.SIGNALS:

            def note(_: Flask, name: str = each.name, **values: Any) -> None:
                found.append((name, values))

            stack.enter_context(each.connected_to(note, sender=app))
        yield found


def test_a_login_a_rotation_and_a_logout(app: Flask, sent: Sent, backend: Backend) -> None:
    def end(reason: str) -> Sent:
        return [("session-ended", {"reason": reason})]

    tab = Tab(app)
    tab.get("/")
    tab.log_in()
    tab.get("/")
    tab.post("/set/one/1")
    tab.post("/rotate")
    tab.log_in("bob")
    tab.post("/logout")
    begun, rotated = [("session-begun", dict[str, Any]())], [("session-rotated", dict[str, Any]())]
    replaced = end("login") if backend.check else []
    assert sent == begun + rotated + replaced + begun + end("logout")


def test_each_forged_token_counts(app: Flask, sent: Sent) -> None:
    for _ in range(5):
        Tab(app, "forged").get("/")
    assert sent == [("token-refused", {"reason": "forged"})] * 5


def test_the_token_of_an_expired_session(app: Flask, sent: Sent, clock: SetClock) -> None:
    tab = Tab(app).logged_in()
    clock.forward(90 * 24 * 3600)
    tab.get("/")
    assert sent == [("session-begun", {}), ("token-refused", {"reason": "ended"})]


def test_sessions_that_others_end(app: Flask, sent: Sent) -> None:
    lister = lister_of(app)
    tabs = [Tab(app).logged_in() for _ in range(3)]
    begun: Sent = [("session-begun", {})] * 3
    if lister is None:
        assert sent == begun
        return
    assert ("session-ended", {"reason": "limit"}) in sent
    assert len(sent) == 4
    sent.clear()
    lister.revoke("alice", [owned.handle for owned in lister.sessions_of("alice")])
    assert sent == [("session-ended", {"reason": "revoked"})] * 2
    assert tabs[-1].data() == {}


def test_changes_of_an_ended_session(
    app: Flask, sent: Sent, views: Views, backend: Backend
) -> None:
    tab = Tab(app).logged_in()

    def change_late() -> None:
        session["late"] = True
        Tab(app, tab.token).post("/logout")

    views["late"] = change_late
    tab.post("/do/late")
    dropped = ("changes-dropped", {}) in sent
    assert dropped is backend.revocable


def test_a_page_that_only_read_dropped_no_changes(app: Flask, sent: Sent, views: Views) -> None:
    """A permanent session is prolonged by each page, also after a logout elsewhere."""
    tab = Tab(app)

    def read_late() -> None:
        session.get("user")
        Tab(app, tab.token).post("/logout")

    views["stay"] = lambda: session.update(user="alice", _permanent=True)
    views["late"] = read_late
    tab.post("/do/stay")
    tab.post("/do/late")
    assert ("changes-dropped", {}) not in sent


@only_on(A_STORE)
def test_a_failure_of_the_store_is_sent_once(
    app: Flask, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail = raising(StoreUnavailable, "the disk is full")
    tab, interface = Tab(app).logged_in(), interface_of(app)
    sent.clear()
    for method in ("update", "load"):
        with monkeypatch.context() as patch:
            patch.setattr(interface.store, method, fail)
            patch.setattr(interface.store, "update_loaded", fail, raising=False)
            assert tab.post("/set/one/1").status_code == 503
    steps = ["save", "load"]
    if isinstance(interface.store, ListsSessions):
        monkeypatch.setattr(interface.store, "sessions_of", fail)
        for ask in (interface.sessions_of, partial(interface.revoke, handles=[])):
            with pytest.raises(StoreUnavailable):
                ask("alice")
        steps += ["list", "revoke"]
    assert [(name, values["step"]) for name, values in sent] == [
        ("store-failed", step) for step in steps
    ]
    assert all(0 <= values["seconds"] < 60 for _, values in sent)


def raise_in(receiver_of: Any, app: Flask, act: Callable[[], Any]) -> Any:
    """What `act` returns while a receiver raises; Flask makes a 500 of it."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with receiver_of.connected_to(raising(RuntimeError, "it counts no more"), sender=app):
        return act()


def test_a_receiver_that_raises_leaves_no_session_without_a_token(app: Flask) -> None:
    """Nobody could end it but by the list, and its user would be out."""
    tab = Tab(app).logged_in()
    for signal, act, user in (
        (signals.session_begun, tab.log_in, "alice"),
        (signals.session_rotated, partial(tab.post, "/rotate"), "alice"),
        (signals.session_begun, partial(tab.post, "/set/user/bob"), "bob"),
    ):
        assert raise_in(signal, app, act).status_code == 500
        assert tab.data()["user"] == user
    lister = lister_of(app)
    if lister is not None:
        assert [len(lister.sessions_of(user)) for user in ("alice", "bob")] == [0, 1]


@only_on(A_STORE)
def test_a_receiver_that_raises_keeps_no_session_from_ending(app: Flask) -> None:
    interface = interface_of(app)
    for _ in range(2):
        Tab(app).logged_in()
    handles = [one.handle for one in interface.sessions_of("alice")]
    with pytest.raises(RuntimeError):
        raise_in(signals.session_ended, app, lambda: interface.revoke("alice", handles))
    assert interface.sessions_of("alice") == []


def name_user(record: logging.LogRecord) -> bool:
    """A filter that names the user in each record, as applications have one."""
    record.user = dict(session).get("user")
    return True


def test_who_is_told_of_a_load_may_look_at_the_session(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is empty until it is loaded; to look at it must not load it once more, without an end."""
    caplog.set_level(logging.INFO, "backends")
    monkeypatch.setattr(caplog.handler, "filters", [name_user])
    tab, found = Tab(app).logged_in(), list[Any]()

    def look(_: Flask, **__: Any) -> None:
        found.append((dict(session), session.get("user"), "user" in session, session.permanent))
        session["refused"] = True

    with ExitStack() as stack:
        for signal in (signals.token_refused, signals.store_failed):
            stack.enter_context(signal.connected_to(look, sender=app))
        assert Tab(app, "forged").data() == {"refused": True}
        if lister_of(app) is not None:
            fail = raising(StoreUnavailable, "it is down")
            monkeypatch.setattr(interface_of(app).store, "load", fail)
            assert tab.get("/").status_code == 503
            assert len(found) == 2
    assert all(each == ({}, None, False, False) for each in found)


def test_every_signal_says_what_it_means() -> None:
    assert all(each.__doc__ for each in signals.SIGNALS)
    named = [getattr(signals, each.name.replace("-", "_")) for each in signals.SIGNALS]
    assert named == list(signals.SIGNALS)
