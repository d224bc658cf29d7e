"""The page of a user's sessions, on backends that can list them and on those that say why not."""

import re

import pytest
from flask import Flask

from backends import BACKENDS, Backend
from tests.app.accounts.conftest import find_handles
from tests.app.conftest import MakeLab
from tests.support.covers import REVOCABLE, covers
from tests.support.visitor import Visitor

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


def at(app: Flask, name: str = "alice", agent: str = PHONE) -> Visitor:
    return Visitor(app, agent=agent).logged_in(name)


def test_a_guest_is_sent_to_the_login_or_refused(visitor: Visitor) -> None:
    for path in ("/sessions", "/sessions/end", "/sessions/end-others"):
        for method in ("GET", "POST"):
            assert visitor.client.open(path, method=method).status_code in (302, 405)
    assert not visitor.has_token


class TestList:
    @covers("SM-36", "WSTG-11", "7.5.2", limit=REVOCABLE)
    def test_each_session_of_mine_is_there_and_nobody_elses(self, lab_app: Flask) -> None:
        mine = at(lab_app, agent="curl/8.5")
        at(lab_app)
        at(lab_app, "bob", "bobs-browser")
        page = mine.get("/sessions").text
        assert page.count("data-handle=") == 2
        assert "Mobile Safari 17 on iOS" in page
        assert "curl/8.5" in page
        assert "127.0.0.1" in page
        assert "bobs-browser" not in page

    def test_many_are_shown_page_by_page_and_ended_at_once(
        self, lab_app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.accounts.sessions.PAGE_LENGTH", 5)
        mine = [at(lab_app) for _ in range(13)][-1]
        shown = list[str]()
        for number in (1, 2, 3):
            page = mine.get(f"/sessions?page={number}").text
            assert f"Page {number} of 3" in page
            assert (">← Newer<" in page, ">Older →<" in page) == (number > 1, number < 3)
            shown += re.findall(r'data-handle="([^"]+)"', page)
        assert shown == find_handles(lab_app)
        for strange in ("0", "-1", "99", "x", "1e3", "²", "9" * 5_000):
            answer = mine.get("/sessions", query_string={"page": strange})
            assert answer.status_code == 200
            assert 0 < answer.text.count("data-handle=") <= 5
        admins = mine.get("/admin?user=alice&page=3").text
        assert admins.count("data-handle=") == 3
        assert "user=alice&amp;page=2" in admins
        mine.post("/sessions/end-others")
        assert len(find_handles(lab_app)) == 1
        assert "Page 1 of" not in mine.get("/sessions?page=2").text

    def test_this_session_alone_is_marked_and_logs_out(self, lab_app: Flask) -> None:
        mine = at(lab_app)
        [handle] = find_handles(lab_app)
        at(lab_app)
        rows = mine.get("/sessions").text.split("data-handle=")[1:]
        marked = [row for row in rows if "this session" in row]
        assert [row.startswith(f'"{handle}"') for row in marked] == [True]
        assert ['action="/logout"' in row for row in rows] == [row in marked for row in rows]
        assert ['action="/sessions/end"' in row for row in rows] == [
            row not in marked for row in rows
        ]

    def test_all_others_end_and_this_one_stays(self, lab_app: Flask) -> None:
        others, bob = [at(lab_app), at(lab_app)], at(lab_app, "bob")
        mine = at(lab_app)
        response = mine.submit("/sessions/end-others")
        assert "2 sessions were ended" in response.text
        assert "End all others" not in response.text
        assert [other.is_in for other in others] == [False, False]
        assert mine.is_in
        assert bob.is_in

    def test_somebody_elses_handle_does_nothing(self, lab_app: Flask) -> None:
        alice, bob = at(lab_app), at(lab_app, "bob")
        [handle] = find_handles(lab_app, "bob")
        response = alice.submit("/sessions/end", handle=handle)
        assert "No session was ended" in response.text
        assert bob.is_in

    def test_a_limit_for_each_user_ends_the_oldest(
        self, placed: tuple[Backend, dict[str, object]], make_lab: MakeLab
    ) -> None:
        backend, where = placed
        app = make_lab(backend.name, **where, SESSION_MAX_PER_USER="2")
        visitors = [at(app) for _ in range(3)]
        assert [visitor.is_in for visitor in visitors] == [False, True, True]


@pytest.mark.parametrize("name", ["cookie", "flask-session-filesystem"])
class TestNoList:
    @pytest.fixture
    def visitor(self, name: str, make_lab: MakeLab) -> Visitor:
        return at(make_lab(name))

    def test_the_page_says_why_and_what_helps(self, name: str, visitor: Visitor) -> None:
        page = visitor.get("/sessions").text
        assert "data-handle=" not in page
        assert "Why not" in page
        assert "SECRET_KEY" in page
        assert 'action="/logout"' in page
        assert ("whole session is stored in its browser" in page) is (
            BACKENDS[name].state == "browser"
        )

    @covers("7.5.2", "SM-36", limit=REVOCABLE)
    def test_ending_does_nothing_and_says_so(self, name: str, visitor: Visitor) -> None:
        for path in ("/sessions/end", "/sessions/end-others"):
            assert visitor.post(path).headers["Location"] == "/sessions?ended=0"
        assert visitor.is_in
