"""The store, the settings and the log around a session, and states that are half a login."""

import logging
import pickle
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask

from backends import Backend, ConfigurationError
from backends.filesystem import FileSystemStore
from tests.conftest import SetClock, Where
from tests.owasp.conftest import PRODUCTION, MakeLab
from tests.owasp.people import PASSWORDS, PROTECTED, Person
from tests.owasp.promises import HAS_STORE, Promise, covers
from tests.services import RedisServer


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sprung,)


def _plant(app: Flask, where: str, payload: bytes) -> None:
    """Put bytes in the place of a record, as somebody who may write into the store."""
    interface: Any = app.session_interface
    store = interface.store
    if isinstance(store, FileSystemStore):
        (store.folder / where).write_bytes(payload)
    else:
        for name in store.client.hkeys(where):
            store.client.hset(where, name, payload)


@covers("1.5.2", applies=HAS_STORE)
def test_a_planted_pickle_is_not_executed(
    alice: Person, tmp_path: Path, promise: Promise, backend: Backend
) -> None:
    held = alice.get("/inspect").get_json()["server"]
    assert (held is not None) is promise.applies_to(backend)
    if held is None:
        return
    sprung = tmp_path / "sprung"
    _plant(alice.app, held["where"], pickle.dumps(Trap(sprung)))
    assert not alice.is_in
    assert not sprung.exists()


class Breakable(NamedTuple):
    """The application on a store that a test may take away."""

    app: Flask
    take_away: Callable[[], object]
    give_back: Callable[[], object]


@pytest.fixture
def breakable(
    make_lab: MakeLab, placed: tuple[Backend, Where], tmp_path: Path
) -> Iterator[Breakable]:
    backend, where = placed
    if backend.check is None:
        yield Breakable(make_lab(), lambda: None, lambda: None)
    elif backend.needs is None:
        folder, away = tmp_path / "sessions" / backend.name, tmp_path / "away"
        yield Breakable(make_lab(), lambda: folder.rename(away), lambda: away.rename(folder))
    elif "SESSION_REDIS" in where:
        server = where["SESSION_REDIS"].connection_pool.connection_kwargs["server"]
        yield Breakable(
            make_lab(),
            lambda: setattr(server, "connected", False),
            lambda: setattr(server, "connected", True),
        )
    else:
        (tmp_path / "redis").mkdir()
        with RedisServer(tmp_path / "redis") as real:
            yield Breakable(make_lab(REDIS_URL=real.url), real.freeze, real.thaw)


@covers("16.5.2", "16.5.3", applies=HAS_STORE)
def test_a_store_that_is_away_lets_nobody_in_logs_nobody_out_and_says_so(
    breakable: Breakable, promise: Promise, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    alice = Person(breakable.app).in_as("alice")
    breakable.take_away()
    try:
        statuses = {path: alice.get(path).status_code for path in ("/", "/login", "/user/bob")}
        assert set(statuses.values()) == {200}
        answers = [
            alice.get("/dashboard"),
            alice.copy().post("/logout"),
            Person(alice.app).log_in(),
        ]
    finally:
        breakable.give_back()
    if promise.applies_to(backend):
        assert [answer.status_code for answer in answers] == [503, 503, 503]
        assert all(answer.headers["Retry-After"] for answer in answers)
        assert not any("Set-Cookie" in answer.headers for answer in answers)
        assert "session store unavailable" in caplog.text
    else:
        assert [answer.status_code for answer in answers] == [200, 302, 302]


@pytest.mark.parametrize(
    "secret", [None, "", "short", "this-is-an-example-of-a-secret-key", "changeme" * 8]
)
@covers("13.3.1", "WSTG-10")
def test_production_does_not_start_on_a_weak_key(make_lab: MakeLab, secret: str | None) -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        make_lab(**PRODUCTION, SECRET_KEY=secret)


@covers("13.2.1", "SM-04")
def test_production_does_not_start_on_a_redis_that_everybody_may_enter(make_lab: MakeLab) -> None:
    with pytest.raises(ConfigurationError, match="another machine without a password"):
        make_lab(**PRODUCTION, REDIS_URL="redis://store.internal")


@covers("13.3.1", "3.3.1", "SM-10")
def test_production_has_no_setting_that_weakens_its_cookies(make_lab: MakeLab) -> None:
    weak = {
        "SESSION_COOKIE_SECURE": False,
        "SESSION_COOKIE_HTTPONLY": False,
        "SESSION_COOKIE_SAMESITE": None,
        "SESSION_COOKIE_NAME": "sid",
    }
    app = make_lab(**PRODUCTION, **weak)
    [header] = Person(app).log_in().headers.getlist("Set-Cookie")
    assert header.startswith("__Host-")
    assert set(header.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What was reported about sessions so far."""
    caplog.set_level(logging.INFO, logger="backends.events")
    return lambda: [
        vars(record)["event"] for record in caplog.records if record.name == "backends.events"
    ]


Events = Callable[[], list[dict[str, Any]]]


@covers("SM-34", "16.2.5")
def test_begin_rotation_and_end_are_logged_under_one_keyed_name(
    lab: Flask, clock: SetClock, events: Events
) -> None:
    alice = Person(lab).in_as("alice")
    first = alice.secret
    clock.forward(301)
    alice.post("/admin/enable", user="bob", password="wonderland")
    alice.post("/logout")
    begun, rotated, ended = [event for event in events() if event["event"].startswith("session ")]
    assert [event["event"] for event in (begun, rotated, ended)] == [
        "session begun",
        "session rotated",
        "session ended",
    ]
    assert begun["session"] == rotated["follows"] != rotated["session"] == ended["session"]
    session_id = first.rpartition(".")[0]
    assert begun["session"] not in sha256(session_id.encode()).hexdigest()


@covers("SM-34", "SM-32", "SM-17", applies=HAS_STORE)
def test_a_token_of_an_ended_session_is_an_event(
    alice: Person, events: Events, promise: Promise, backend: Backend
) -> None:
    thief = alice.copy()
    alice.post("/logout")
    thief.get("/dashboard")
    seen = "token of an ended session" in [event["event"] for event in events()]
    assert seen is promise.applies_to(backend)


@covers("SM-31", "SM-32", "SM-17")
def test_guessing_is_an_event_that_cannot_fill_the_log(lab: Flask, events: Events) -> None:
    guesses = 200
    for number in range(guesses):
        Person(lab, f"guess-{number}").get("/dashboard")
    alarms = [event for event in events() if event["event"] == "forged token"]
    assert alarms[0]["address"] == "127.0.0.1"
    assert 1 <= len(alarms) < guesses / 2


@covers("16.3.1", "SM-37")
def test_good_and_bad_logins_and_what_administrators_do_are_logged(
    lab: Flask, events: Events
) -> None:
    Person(lab).log_in("bob", "guessed-password")
    alice = Person(lab).in_as("alice")
    alice.post("/admin/end-all", user="bob")
    found = {event["event"]: event for event in events()}
    assert found["login failed"]["user"] == "bob"
    assert found["login"]["user"] == "alice"
    assert found["login failed"]["address"] == found["login"]["address"] == "127.0.0.1"
    assert (found["account changed"]["user"], found["account changed"]["by"]) == ("bob", "alice")
    assert "guessed-password" not in str(events())


@covers("SM-31")
def test_guessing_passwords_is_refused_after_ten(lab: Flask) -> None:
    guesser = Person(lab)
    statuses = [guesser.log_in("alice", f"guess-{number}").status_code for number in range(12)]
    assert statuses == [401] * 10 + [429] * 2


HALVES = {
    "a name": {"user": "alice"},
    "a mark": {"logged_in": True},
    "no epoch": {"user": "alice", "logged_in": True},
    "an old epoch": {"user": "alice", "logged_in": True, "epoch": -1},
    "an epoch as text": {"user": "alice", "logged_in": True, "epoch": "0"},
    "nobody's name": {"user": "mallory", "logged_in": True, "epoch": 0},
    "a confirmation": {"confirmed_at": 1_800_000_000},
    "half an order": {"checkout": {"address": {}, "delivery": "post"}, "cart": {"jar": 1}},
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
@covers("WSTG-08", "7.2.1")
def test_half_a_login_is_none(lab: Flask, half: dict[str, Any]) -> None:
    visitor = Person(lab)
    with visitor.client.session_transaction() as session:
        session.update(half)
    halved = visitor.copy()
    for path in PROTECTED:
        assert halved.get(path).status_code == 302, path


@covers("WSTG-08", "7.5.3")
def test_a_confirmation_is_of_one_account_only(alice: Person, clock: SetClock) -> None:
    clock.forward(301)
    for name, status in (("bob", 401), ("alice", 302)):
        changed = alice.post("/admin/enable", user="bob", password=PASSWORDS[name])
        assert changed.status_code == status
