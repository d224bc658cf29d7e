"""Every backend in one process, and one bar that acts on all of them."""

import re
from itertools import groupby
from typing import Any

import pytest
from flask import Flask
from markupsafe import escape

from app.inspector.side_by_side import ACTIONS, IN_A_STORE, OUTCOMES, cookies_for
from backends import BACKENDS, BUILT_IN
from tests.app.conftest import MakeLab
from tests.conftest import make_session_lab
from tests.support.visitor import Visitor


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Every backend in one process, for all tests here: each has visitors of its own."""
    folder = tmp_path_factory.mktemp("side-by-side")
    accounts = folder / "accounts.sqlite3"
    return make_session_lab(None, SESSION_FILE_DIR=folder, ACCOUNTS_FILE=accounts, LAB=False)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def act(visitor: Visitor, action: str, **form: str) -> Any:
    return visitor.post(f"/all/{action}", **form)


def log_in(visitor: Visitor) -> Any:
    return act(visitor, "login", username="alice", password="wonderland")


def inspect(visitor: Visitor, name: str) -> Any:
    """What the backend's inspector says, as JSON."""
    return visitor.get(f"/{name}/inspect").get_json()


def traffic(visitor: Visitor, name: str) -> list[dict[str, Any]]:
    """What the column shows as sent, the newest first."""
    found: list[dict[str, Any]] = inspect(visitor, name)["traffic"]
    return found


def test_one_login_logs_in_on_every_backend(visitor: Visitor) -> None:
    response = log_in(visitor)
    assert response.status_code == 303
    names = {header.split("=")[0] for header in response.headers.getlist("Set-Cookie")}
    assert names == {f"session_{name.replace('-', '_')}" for name in BACKENDS}
    assert all(inspect(visitor, name)["user"] == "alice" for name in BACKENDS)


def test_the_page_shows_each_backends_column(visitor: Visitor) -> None:
    log_in(visitor)
    page = visitor.get("/").text
    for backend in BACKENDS.values():
        assert backend.title in page
        assert bool(backend.note) is backend.stock
        assert escape(backend.note) in page
    assert "embedded" in page
    assert all(f"/all/{action}" in page for action in ACTIONS)
    cookies = visitor.client._cookies
    assert cookies
    assert not any(cookie.value in page for cookie in cookies.values())  # they would log in


def test_five_kilobytes_more_are_refused_in_the_browser(visitor: Visitor) -> None:
    log_in(visitor)
    location = act(visitor, "grow").headers["Location"]
    page = visitor.get(location).text
    for backend in BACKENDS.values():
        own = "413" if not backend.stock else "dropped"
        outcome = own if backend.state == "browser" else "done"
        assert re.search(rf"[?&]{backend.name}={outcome}\b", location)
    assert OUTCOMES["413"] in page
    assert OUTCOMES["dropped"] in page


def test_a_store_that_refuses_is_not_said_to_be_a_cookie(visitor: Visitor) -> None:
    assert IN_A_STORE["413"] in visitor.get("/?filesystem=413").text
    assert IN_A_STORE["413"] not in visitor.get("/?cookie=413").text


def test_a_cookie_that_browsers_drop_takes_no_requests_along(visitor: Visitor) -> None:
    log_in(visitor)
    kept = visitor.client.get_cookie("session_flask_cookie")
    act(visitor, "grow")
    assert kept
    visitor.client.set_cookie("session_flask_cookie", kept.value)  # as a browser still has it
    seen = [each["path"] for each in traffic(visitor, "flask-cookie")]
    assert seen == ["/flask-cookie/dashboard/grow", "/flask-cookie/login"]


def test_what_cannot_be_done_is_told_in_each_column(visitor: Visitor) -> None:
    wrong = {"username": "alice", "password": "no"}
    for action, form, outcome in (
        *(("replay", {}, "nothing-kept"), ("write", {}, "login-required")),
        *(("grow", {}, "login-required"), ("login", wrong, "401")),
    ):
        location = act(visitor, action, **form).headers["Location"]
        assert location.count(f"={outcome}") == len(BACKENDS)
        assert visitor.get(location).text.count(OUTCOMES[outcome]) >= len(BACKENDS)


def test_a_wrong_password_on_all_backends_is_one(visitor: Visitor) -> None:
    for _ in range(3):
        act(visitor, "login", username="alice", password="no")
    location = act(visitor, "login", username="alice", password="wonderland").headers["Location"]
    assert location.count("=done") == len(BACKENDS)


def test_an_unknown_action_or_backend_is_a_404(visitor: Visitor) -> None:
    assert act(visitor, "destroy").status_code == 404
    assert act(visitor, "logout", only="memcached").status_code == 404


def test_a_column_works_for_itself_and_leads_back_to_the_page(visitor: Visitor) -> None:
    form = {"username": "bob", "password": "builder", "only": "redis"}
    assert act(visitor, "login", **form).headers["Location"] == "/?action=login&redis=done"
    users = {name: inspect(visitor, name)["user"] for name in BACKENDS}
    assert users == {name: "bob" if name == "redis" else None for name in BACKENDS}


def test_a_column_gets_its_own_session_cookie_and_no_other(app: Flask) -> None:
    sent = {
        "session_cookie": "1",
        "kept_session_cookie": "2",
        "session_redis": "3",
        "kept_session_redis": "4",
        "theme": "dark",
    }
    header = "; ".join(f"{name}={value}" for name, value in sent.items())
    with app.test_request_context("/", headers={"Cookie": header}):
        assert set(cookies_for("redis")) == {"session_redis", "kept_session_redis", "theme"}
        assert set(cookies_for("filesystem")) == {"theme"}


def test_each_request_shows_which_token_travelled_and_what_the_store_was_asked(
    visitor: Visitor,
) -> None:
    log_in(visitor)
    act(visitor, "write")
    for name, backend in BACKENDS.items():
        if backend.stock:
            continue
        write, login = traffic(visitor, name)
        assert (login["sent"], login["got"]) == (None, "A")
        on_server = backend.state == "server"
        # A signed cookie is another token after each change.
        assert (write["sent"], write["got"]) == ("A", "A" if on_server else "B")
        assert login["asked"] == (["write new"] if on_server else [])
        assert write["asked"] == (["read", "change"] if on_server else [])


def test_letters_begin_again_after_z_and_none_is_kept_for_ever(visitor: Visitor) -> None:
    log_in(visitor)
    for _ in range(30):
        act(visitor, "write", only="cookie")
    kept = [each["got"] for each in traffic(visitor, "cookie")]
    assert kept == list("EDCBAZYXWV")


def test_the_store_is_shown_as_asked_by_the_page_alone(visitor: Visitor) -> None:
    """Not by the inspector's own look into it."""
    log_in(visitor)
    for name in ("filesystem", "redis"):
        for page, asked in (("dashboard", ["read"]), ("articles", [])):
            visitor.get(f"/{name}/{page}")
            assert traffic(visitor, name)[0]["asked"] == asked


def test_in_production_it_says_what_the_store_was_asked_too(make_lab: MakeLab) -> None:
    alice = Visitor(make_lab("filesystem", in_production=True)).logged_in()
    page = alice.get("/dashboard").text
    assert ("write new" in page, "nothing is asked" in page) == (True, False)


def test_logout_and_replay_stay_visible(visitor: Visitor) -> None:
    log_in(visitor)
    act(visitor, "logout")
    location = act(visitor, "replay").headers["Location"]
    for name, backend in BACKENDS.items():
        assert (f"{name}=still-logged-in" in location) is not backend.revocable
        replayed, logout, *_ = traffic(visitor, name)
        assert replayed["is_replay"]
        assert replayed["sent"] == logout["sent"]
        assert (logout["got"], logout["end"]) == (None, "deleted")
        assert (replayed["status"] == 200) is not backend.revocable
        column = visitor.get(f"/{name}/column").get_json()["html"]
        assert ("Welcome alice!" in column) is not backend.revocable
        assert "copied before the logout" in column
        assert "deletes the browser’s token" in column
    assert traffic(Visitor(visitor.app), "cookie") == []  # another browser's


def test_the_next_login_shows_nothing_of_the_session_before(visitor: Visitor) -> None:
    log_in(visitor)
    act(visitor, "logout")
    act(visitor, "replay")
    log_in(visitor)
    for name in BACKENDS:
        assert [each["path"] for each in traffic(visitor, name)] == [f"/{name}/login"]
        assert "Welcome alice!" not in visitor.get(f"/{name}/column").get_json()["html"]


def test_all_are_compared_in_one_table_in_pairs(visitor: Visitor) -> None:
    log_in(visitor)
    page = visitor.get("/").text
    table = page[page.index('id="compared"') : page.index("</table>")]
    rows = re.findall(r'href="#([\w-]+)".*?<td>([\d,]+) bytes</td>\s*<td>(.*?)</td>', table, re.S)
    names = [name for name, _, _ in rows]
    assert set(names) == set(BUILT_IN)
    places = [(BACKENDS[name].state, BACKENDS[name].needs) for name in names]
    assert [place for place, _ in groupby(places)] == list(dict.fromkeys(places))
    for _, group in groupby(names, key=lambda name: (BACKENDS[name].state, BACKENDS[name].needs)):
        *ours, shipped = (BACKENDS[name].stock for name in group)
        assert shipped
        assert ours
        assert not any(ours)
    for name, size, on_server in rows:
        column = visitor.get(f"/{name}/column").get_json()
        assert int(size.replace(",", "")) == column["browser_bytes"] > 0
        assert (on_server == "nothing") is (BACKENDS[name].state == "browser")
    assert page.count("<meter") == len(BACKENDS)


def test_a_hostile_cookie_does_not_fail_the_page(app: Flask) -> None:
    visitor = app.test_client(use_cookies=False)
    for value in ('"a\\012b"', '"a\\015\\012Origin: x"', '"a\\000b"', "\xfc"):
        answer = visitor.get("/", environ_overrides={"HTTP_COOKIE": f"any={value}"})
        assert answer.status_code == 200
