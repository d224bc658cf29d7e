"""A user's sessions: listed, revoked and limited, on each backend that can.

The signed cookie cannot, as the last test says.
"""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, cast
from uuid import UUID

import pytest
from flask import Flask, session

from backends import Backend, Session, StoreInterface, interface_of, lister_of
from backends.filesystem import FileSystemStore
from backends.record import hash_owner
from backends.redis import RedisStore
from backends.server_side import OwnedSession
from backends.sqlite import SqliteStore
from backends.store import Sweeps, call_before
from tests.backends.contract.stage import MakeApp, Stage
from tests.backends.places import CLASSES, STORES, only_on
from tests.support.bare import Tab, Views, add_views
from tests.support.cases import case
from tests.support.clock import SetClock
from tests.support.covers import REVOCABLE, covers
from tests.support.services import left_to_it
from tests.support.visitor import FIREFOX

IDLE = 1800


class Role(str, Enum):  # noqa: UP042 - unlike a StrEnum, it is formatted as the member's name
    ADMIN = "admin"


@pytest.fixture
def make_site(make_app: MakeApp, views: Views) -> MakeApp:
    """Make an application whose sessions belong to `session["user"]`."""

    def make(**config: Any) -> Flask:
        app = make_app(**{"SESSION_OWNER": "user", "PERMANENT_SESSION_LIFETIME": IDLE, **config})
        if isinstance(app.session_interface, StoreInterface) and lister_of(app) is None:
            left_to_it("this store lists no sessions")

        @app.get("/handle")
        def handle() -> str:
            return str(interface_of(app).handle_of(cast(Session, session)))

        return add_views(app, views)

    return make


@pytest.fixture
def app(make_site: MakeApp) -> Flask:
    return make_site()


def listed(app: Flask, owner: str = "alice") -> list[OwnedSession]:
    return interface_of(app).sessions_of(owner)


def end(app: Flask, *handles: str, owner: str = "alice") -> int:
    with app.app_context():
        return interface_of(app).revoke(owner, handles)


def handle_of(tab: Tab) -> str:
    return tab.client.get("/handle").text


def rows(app: Flask, owner: str = "alice") -> int:
    """How many rows the store's own list of the owner has, living sessions or not."""
    store, name = interface_of(app).store, hash_owner(interface_of(app)._name_owner(owner))
    match store:
        case FileSystemStore():
            folder = store.folder / "owners" / name
            return len(list(folder.iterdir())) if folder.exists() else 0
        case SqliteStore():
            count = "SELECT count(*) FROM sessions WHERE owner=?"
            with closing(sqlite3.connect(store.path)) as database:
                return int(database.execute(count, (name,)).fetchone()[0])
        case RedisStore():
            return int(store.client.zcard(f"{store.prefix}of:{name}"))
        case _:
            return left_to_it("nothing here knows where this store keeps its lists")


@only_on(STORES)
class TestList:
    @covers("SM-36")
    def test_users_see_their_sessions_newest_first(self, app: Flask, clock: SetClock) -> None:
        """With browser, address and times."""
        tabs = [Tab(app, agent=FIREFOX).logged_in()]
        clock.forward(IDLE / 2)
        tabs.append(Tab(app, agent="x" * 5000).logged_in())
        Tab(app).logged_in("bob")
        assert tabs[0].data() == {"user": "alice"}
        found = [(owned.agent, owned.address, clock() - owned.created) for owned in listed(app)]
        assert found == [("x" * 200, "127.0.0.1", 0), (FIREFOX, "127.0.0.1", IDLE / 2)]
        seen = [owned.seen for owned in listed(app)]
        assert seen == pytest.approx([clock()] * 2, abs=0.002)
        assert {owned.handle for owned in listed(app)} == {handle_of(tab) for tab in tabs}

    def test_a_rotated_session_keeps_its_age(self, make_site: MakeApp, clock: SetClock) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=2)
        older = Tab(app).logged_in()
        clock.forward(60)
        younger = Tab(app).logged_in()
        before = listed(app)
        older.post("/rotate")
        after = listed(app)
        assert [owned.created for owned in after] == [owned.created for owned in before]
        assert after[0].handle == before[0].handle
        assert after[1].handle != before[1].handle
        assert (older.data(), younger.data()) == ({"user": "alice"}, {"user": "alice"})

    @pytest.mark.parametrize("key", ["user", "@user"])
    def test_a_login_that_rotates_begins_a_session(
        self, make_site: MakeApp, views: Views, clock: SetClock, key: str
    ) -> None:
        app = make_site(SESSION_OWNER=key, SESSION_MAX_PER_OWNER=1)

        def log_in() -> None:
            interface_of(app).regenerate(cast(Session, session))
            session[key] = "alice"
            interface_of(app).regenerate(cast(Session, session))

        views["log-in"] = log_in
        guest, other = Tab(app), Tab(app)
        guest.post("/set/colour/blue")
        clock.forward(60)
        for tab in (other, guest):
            tab.post("/do/log-in")
            [owned] = listed(app)
            assert (owned.handle, owned.created) == (handle_of(tab), clock())
        guest.post(f"/set/{key}/bob")
        assert (len(listed(app)), len(listed(app, "bob"))) == (0, 1)


@only_on(STORES)
class TestHandles:
    def test_a_handle_is_no_token_and_no_part_of_one(self, app: Flask) -> None:
        tab = Tab(app).logged_in()
        [owned] = listed(app)
        assert owned.handle not in tab.token
        assert re.fullmatch(r"[0-9a-f]{16}", owned.handle)
        for forged in (owned.handle, f"{owned.handle}.{tab.token.rpartition('.')[2]}"):
            assert Tab(app, forged).data() == {}

    def test_only_the_owners_handle_ends_a_session(self, app: Flask) -> None:
        alice, bob = Tab(app).logged_in(), Tab(app).logged_in("bob")
        for handle in ("", "*", "..", "\0", "x" * 5000, alice.token, handle_of(bob)):
            with case(handle):
                assert end(app, handle) == 0
                assert (alice.data(), bob.data()) == ({"user": "alice"}, {"user": "bob"})


IN_FLIGHT: dict[str, Callable[[Flask], object]] = {
    "reads": lambda app: len(session),
    "writes": lambda app: session.update(colour="red"),
    "empties": lambda app: session.pop("user"),
    "rotates": lambda app: cast(Any, app.session_interface).regenerate(session),
}


@only_on(STORES)
class TestRevoke:
    def test_all_others_end_and_mine_stays(self, app: Flask) -> None:
        tabs = [Tab(app).logged_in() for _ in range(4)]
        assert all(tab.data() for tab in tabs)
        bob, mine = Tab(app).logged_in("bob"), handle_of(tabs[0])
        assert end(app, *[owned.handle for owned in listed(app) if owned.handle != mine]) == 3
        assert [bool(tab.data()) for tab in tabs] == [True, False, False, False]
        assert bob.data() == {"user": "bob"}
        assert end(app, mine) == 1
        assert (end(app, mine), tabs[0].data()) == (0, {})

    @pytest.mark.parametrize("permanent", [False, True])
    def test_a_session_revoked_in_flight_stays_dead(
        self, make_site: MakeApp, views: Views, permanent: bool
    ) -> None:
        def revoked_meanwhile(change: Callable[[Flask], object]) -> None:
            change(app)
            assert end(app, handle) == 1

        app = make_site(SESSION_PERMANENT=permanent)
        for name, change in IN_FLIGHT.items():
            with case(name):
                tab = Tab(app).logged_in()
                token, handle = tab.token, handle_of(tab)
                views["slow"] = partial(revoked_meanwhile, change)
                cookies = tab.post("/do/slow").headers.getlist("Set-Cookie")
                assert all(header.startswith("session=;") for header in cookies)
                assert Tab(app, token).data() == {}
                assert (listed(app), rows(app)) == ([], 0)

    def test_a_request_that_begins_after_it_is_nobodys(self, app: Flask) -> None:
        tab = Tab(app).logged_in()
        end(app, handle_of(tab))
        assert "Set-Cookie" not in tab.client.get("/").headers
        tab.post("/set/colour/red")
        assert (tab.data(), listed(app)) == ({"colour": "red"}, [])


@only_on(STORES)
class TestLimit:
    @covers("7.1.2", "SM-35", "WSTG-11", limit=REVOCABLE)
    def test_one_session_more_ends_the_oldest(self, make_site: MakeApp, clock: SetClock) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=2)
        tabs = []
        for _ in range(4):
            tabs.append(Tab(app).logged_in())
            clock.forward(1)
        assert [bool(tab.data()) for tab in tabs] == [False, False, True, True]
        assert rows(app) == 2

    def test_rotations_at_one_moment_end_no_session(self, make_site: MakeApp) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=3)
        tabs = [Tab(app).logged_in() for _ in range(3)]
        others = tabs[1:]

        def rotate_another() -> None:
            if others:
                others.pop().post("/rotate")

        call_before(interface_of(app).store, "delete", rotate_another)
        tabs[0].post("/rotate")
        assert [tab.data() for tab in tabs] == [{"user": "alice"}] * 3
        assert len(listed(app)) == 3


@only_on(STORES)
class TestRows:
    def test_logout_revocation_and_rotation_leave_no_row(self, app: Flask) -> None:
        out, ended, rotated = (Tab(app).logged_in() for _ in range(3))
        assert rows(app) == 3
        out.post("/logout")
        end(app, handle_of(ended))
        rotated.logged_in().post("/rotate")
        assert rows(app) == 1
        assert [owned.handle for owned in listed(app)] == [handle_of(rotated)]

    def test_sweeping_removes_ended_sessions(self, app: Flask, clock: SetClock) -> None:
        interface = interface_of(app)
        store = interface.store
        Tab(app).logged_in()
        clock.forward(IDLE + 1)
        if isinstance(store, Sweeps):
            assert (sum(store.sweep()), rows(app)) == (1, 0)
        else:
            assert isinstance(store, RedisStore)
            hashed = hash_owner(interface._name_owner("alice"))
            left = store.client.ttl(f"{store.prefix}of:{hashed}")
            assert 0 < int(left) <= store.max_session_seconds


def test_a_login_on_an_anonymous_session_takes_a_new_token(app: Flask) -> None:
    tab = Tab(app)
    tab.post("/set/colour/blue")
    planted = tab.token
    tab.post("/set/user/alice")
    assert tab.data() == {"colour": "blue", "user": "alice"}
    assert tab.token != planted
    assert "user" not in Tab(app, planted).data()


@only_on([place for place in CLASSES if not place[0].revocable])
@covers("7.1.2", "SM-35", "WSTG-11", limit=REVOCABLE)
def test_a_backend_with_nothing_on_the_server_lists_nothing(
    make_site: MakeApp, backend: Backend
) -> None:
    app = make_site(SESSION_MAX_PER_OWNER=1)
    tabs = [Tab(app).logged_in() for _ in range(2)]
    assert backend.state == "browser"
    assert lister_of(app) is None
    with pytest.raises(TypeError, match="CookieInterface has no store"):
        interface_of(app)
    assert [tab.data() for tab in tabs] == [{"user": "alice"}] * 2


@only_on(CLASSES)
class TestOwners:
    """Any value that a session can hold, and what is kept of the visitor."""

    def test_any_value_may_own_a_session(self, make_app: MakeApp) -> None:
        stage = Stage(make_app(SESSION_OWNER="user_id", SESSION_MAX_PER_OWNER=2))
        owners: tuple[Any, ...] = (42, 0, 4.5, True, ["a", 1], "ä€")
        for owner in owners:
            with case(owner):
                stage.put(user_id=owner)
                assert stage.held() == {"user_id": owner}
                if interface := lister_of(stage.app):
                    [owned] = interface.sessions_of(owner)
                    as_text = interface.sessions_of(str(owner))
                    assert as_text == ([owned] if isinstance(owner, str) else [])
                    assert (interface.revoke(owner, [owned.handle]), stage.held()) == (1, {})

    def test_an_owner_is_found_by_what_was_stored(self, make_app: MakeApp) -> None:
        """Some values come back from a session as text."""
        stage = Stage(make_app(SESSION_OWNER="user_id"))
        for owner in (Decimal("1.10"), date(2026, 1, 2), Role.ADMIN, UUID(int=1), (1, [2])):
            with case(owner):
                stage.put(user_id=owner)
                if interface := lister_of(stage.app):
                    [owned] = interface.sessions_of(owner)
                    assert interface.revoke(owner, [owned.handle]) == 1
                    assert stage.held() == {}

    def test_visitors_do_not_own_each_others_sessions(self, make_app: MakeApp) -> None:
        stage = Stage(make_app(SESSION_OWNER="user", SESSION_MAX_PER_OWNER=1))
        for nobody in (None, False, ""):
            with case(nobody):
                stage.put(user=nobody)
                visitor = stage.client
                stage.open_another_browser()
                stage.put(user=nobody)
                stage.client = visitor
                assert stage.held() == {"user": nobody}
                if interface := lister_of(stage.app):
                    assert interface.sessions_of(nobody) == []

    def test_a_visitor_is_kept_unless_the_setting_says_no(self, make_app: MakeApp) -> None:
        stage = Stage(make_app(SESSION_OWNER="user", SESSION_KEEP_VISITOR=False))
        stage.put(user="ada")
        if interface := lister_of(stage.app):
            [owned] = interface.sessions_of("ada")
            assert (owned.agent, owned.address) == ("", "")
        assert stage.held() == {"user": "ada"}

    def test_a_namesake_in_another_application_is_somebody_else(self, make_app: MakeApp) -> None:
        """Both applications have their sessions in one store."""
        settings = {"SESSION_OWNER": "user_id", "SESSION_MAX_PER_OWNER": 1}
        shop = Stage(make_app(**settings, SESSION_APP_NAME="shop"))
        desk = Stage(make_app(**settings, SESSION_APP_NAME="desk"))
        for stage in (shop, desk):
            stage.put(user_id=1)
        for stage in (shop, desk):
            assert stage.held() == {"user_id": 1}
            if interface := lister_of(stage.app):
                assert len(interface.sessions_of(1)) == 1
