"""A user's sessions: listed, revoked and limited, on each backend that can.

The signed cookie cannot, as the last test says.
"""

import re
from collections.abc import Callable
from functools import singledispatch
from typing import Any, cast

import pytest
from flask import Flask, session

from backends import Backend, Session, StoreInterface, interface_of, lister_of
from backends.filesystem import FileSystemStore
from backends.record import hash_owner
from backends.redis import RedisStore
from backends.server_side import OwnedSession
from backends.store import Store, Sweeps
from tests.backends.contract.stage import on
from tests.support.bare import Tab, Views, add_views
from tests.support.clock import SetClock
from tests.support.covers import REVOCABLE, covers
from tests.support.services import left_to_it

MakeApp = Callable[..., Flask]

IDLE = 1800
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


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
    interface = interface_of(app)
    return _rows(interface.store, interface._name_owner(owner))


@singledispatch
def _rows(store: Store, owner: str) -> int:
    left_to_it("nothing here knows where this store keeps its lists")


@_rows.register
def _(store: FileSystemStore, owner: str) -> int:
    folder = store.folder / "owners" / hash_owner(owner)
    return len(list(folder.iterdir())) if folder.exists() else 0


@_rows.register
def _(store: RedisStore, owner: str) -> int:
    return int(store.client.zcard(f"{store.prefix}of:{hash_owner(owner)}"))


@on(revocable=True)
class TestList:
    def test_users_see_their_sessions_newest_first(self, app: Flask, clock: SetClock) -> None:
        Tab(app, agent="first").logged_in()
        clock.forward(60)
        Tab(app, agent="second").logged_in()
        Tab(app).logged_in("bob")
        assert [(owned.agent, clock() - owned.created) for owned in listed(app)] == [
            ("second", 0),
            ("first", 60),
        ]

    @covers("SM-36")
    def test_the_list_shows_browser_address_and_times(self, app: Flask, clock: SetClock) -> None:
        tab = Tab(app, agent=FIREFOX).logged_in()
        begun = clock()
        clock.forward(IDLE / 2)
        assert tab.data() == {"user": "alice"}
        [owned] = listed(app)
        assert (owned.agent, owned.address) == (FIREFOX, "127.0.0.1")
        assert owned.created == begun
        assert owned.seen == pytest.approx(clock(), abs=0.002)

    def test_a_user_agent_without_end_is_cut(self, app: Flask) -> None:
        Tab(app, agent="x" * 5000).logged_in()
        [owned] = listed(app)
        assert len(owned.agent) <= 200

    def test_the_session_at_hand_is_among_them_by_its_handle(self, app: Flask) -> None:
        tabs = [Tab(app).logged_in() for _ in range(3)]
        assert {owned.handle for owned in listed(app)} == {handle_of(tab) for tab in tabs}

    def test_a_session_of_nobody_is_in_no_list(self, app: Flask) -> None:
        Tab(app).post("/set/colour/blue")
        assert [listed(app, owner) for owner in ("", "None", "blue")] == [[], [], []]

    def test_a_rotated_session_is_listed_with_its_age(self, app: Flask, clock: SetClock) -> None:
        tab = Tab(app).logged_in()
        before = listed(app)[0]
        clock.forward(60)
        tab.post("/rotate")
        [after] = listed(app)
        assert after.created == before.created
        assert after.handle != before.handle

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

    def test_another_owner_moves_the_session_to_the_other_list(self, app: Flask) -> None:
        tab = Tab(app).logged_in()
        tab.post("/set/user/bob")
        assert (len(listed(app)), len(listed(app, "bob"))) == (0, 1)


@on(revocable=True)
class TestHandles:
    def test_a_handle_is_no_token_and_no_part_of_one(self, app: Flask) -> None:
        tab = Tab(app).logged_in()
        [owned] = listed(app)
        assert owned.handle not in tab.token
        assert re.fullmatch(r"[0-9a-f]{16}", owned.handle)

    def test_a_handle_in_the_place_of_a_token_logs_nobody_in(self, app: Flask) -> None:
        signature = Tab(app).logged_in().token.rpartition(".")[2]
        [owned] = listed(app)
        for forged in (owned.handle, f"{owned.handle}.{signature}"):
            assert Tab(app, forged).data() == {}

    @pytest.mark.parametrize(
        "handle",
        [
            *("", "*", "..", "\0", "x" * 5000),
            pytest.param(lambda alice, bob: alice.token, id="a-token"),
            pytest.param(lambda alice, bob: handle_of(bob), id="another-users"),
        ],
    )
    def test_only_the_owners_handle_ends_a_session(self, app: Flask, handle: Any) -> None:
        alice, bob = Tab(app).logged_in(), Tab(app).logged_in("bob")
        assert end(app, handle(alice, bob) if callable(handle) else handle) == 0
        assert (alice.data(), bob.data()) == ({"user": "alice"}, {"user": "bob"})


@on(revocable=True)
class TestRevoke:
    def test_one_session_ends_once_and_the_others_stay(self, app: Flask) -> None:
        lost, kept = Tab(app).logged_in(), Tab(app).logged_in()
        handle = handle_of(lost)
        assert (end(app, handle), end(app, handle)) == (1, 0)
        assert (lost.data(), kept.data()) == ({}, {"user": "alice"})

    def test_all_others_end_and_mine_stays(self, app: Flask) -> None:
        tabs = [Tab(app).logged_in() for _ in range(4)]
        assert all(tab.data() for tab in tabs)
        bob, mine = Tab(app).logged_in("bob"), handle_of(tabs[0])
        others = [owned.handle for owned in listed(app) if owned.handle != mine]
        assert end(app, *others) == 3
        assert [bool(tab.data()) for tab in tabs] == [True, False, False, False]
        assert bob.data() == {"user": "bob"}

    @pytest.mark.parametrize("permanent", [False, True])
    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda app: len(session), id="reads"),
            pytest.param(lambda app: session.update(colour="red"), id="writes"),
            pytest.param(lambda app: session.pop("user"), id="empties"),
            pytest.param(lambda app: app.session_interface.regenerate(session), id="rotates"),
        ],
    )
    def test_a_session_revoked_in_flight_stays_dead(
        self, make_site: MakeApp, views: Views, permanent: bool, change: Callable[[Flask], object]
    ) -> None:
        app = make_site(SESSION_PERMANENT=permanent)
        tab = Tab(app).logged_in()
        token, handle = tab.token, handle_of(tab)

        def revoked_meanwhile() -> None:
            change(app)
            assert end(app, handle) == 1

        views["slow"] = revoked_meanwhile
        response = tab.post("/do/slow")
        cookies = response.headers.getlist("Set-Cookie")
        assert all(header.startswith("session=;") for header in cookies)
        assert Tab(app, token).data() == {}
        assert (listed(app), rows(app)) == ([], 0)

    def test_a_request_that_begins_after_it_is_nobodys(self, app: Flask) -> None:
        tab = Tab(app).logged_in()
        end(app, handle_of(tab))
        assert "Set-Cookie" not in tab.client.get("/").headers
        tab.post("/set/colour/red")
        assert (tab.data(), listed(app)) == ({"colour": "red"}, [])


@on(revocable=True)
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

    def test_the_new_session_is_not_the_one_ended(
        self, make_site: MakeApp, clock: SetClock
    ) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=1)
        first = Tab(app).logged_in()
        clock.forward(-60)
        second = Tab(app).logged_in()
        assert (first.data(), second.data()) == ({}, {"user": "alice"})

    def test_a_limit_is_each_owners_own(self, make_site: MakeApp) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=1)
        alice, bob, guest = Tab(app).logged_in(), Tab(app).logged_in("bob"), Tab(app)
        guest.post("/set/colour/blue")
        assert [tab.data() for tab in (alice, bob, guest)] == [
            {"user": "alice"},
            {"user": "bob"},
            {"colour": "blue"},
        ]

    def test_rotation_ends_no_other_session(self, make_site: MakeApp, clock: SetClock) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=2)
        older = Tab(app).logged_in()
        clock.forward(1)
        younger = Tab(app).logged_in()
        older.post("/rotate")
        assert (older.data(), younger.data()) == ({"user": "alice"}, {"user": "alice"})

    def test_rotations_at_one_moment_end_no_session(
        self, make_site: MakeApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_site(SESSION_MAX_PER_OWNER=3)
        tabs = [Tab(app).logged_in() for _ in range(3)]
        store, others = interface_of(app).store, tabs[1:]
        delete = store.delete

        def delete_after_others(key: str) -> bool:
            if others:
                others.pop().post("/rotate")
            return delete(key)

        monkeypatch.setattr(store, "delete", delete_after_others)
        tabs[0].post("/rotate")
        assert [tab.data() for tab in tabs] == [{"user": "alice"}] * 3
        assert len(listed(app)) == 3


@on(revocable=True)
class TestRows:
    def test_logout_revocation_and_rotation_leave_no_row(self, app: Flask) -> None:
        out, ended, rotated = (Tab(app).logged_in() for _ in range(3))
        assert rows(app) == 3
        out.post("/logout")
        end(app, handle_of(ended))
        rotated.logged_in().post("/rotate")
        assert rows(app) == 1
        assert [owned.handle for owned in listed(app)] == [handle_of(rotated)]

    def test_reading_the_list_removes_ended_sessions(self, app: Flask, clock: SetClock) -> None:
        Tab(app).logged_in()
        clock.forward(IDLE + 1)
        assert listed(app) == []
        assert rows(app) == 0

    def test_sweeping_removes_ended_sessions(self, app: Flask, clock: SetClock) -> None:
        interface = interface_of(app)
        store = interface.store
        Tab(app).logged_in()
        clock.forward(IDLE + 1)
        if isinstance(store, Sweeps):
            assert sum(store.sweep()) == 1
            assert rows(app) == 0
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


@on(revocable=False)
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
