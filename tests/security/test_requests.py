"""Cookies as a strict browser takes them, headers, and requests and logins that are refused."""

import json
import logging
import time
from email.utils import parsedate_to_datetime
from hashlib import sha256
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, session

from app.lab.browser.cookie_jar import Jar, Refused
from app.lab.browser.set_cookie import Cookie
from app.web.plain_cookies import A_DAY, THEME
from tests.conftest import PRODUCTION
from tests.security.conftest import MakeLab, on_one_backend
from tests.security.routes import PROTECTED, list_paths, visit_everything
from tests.support.covers import covers
from tests.support.services import PATIENCE
from tests.support.visitor import Visitor

SITE = "https://localhost"


@covers(
    *("3.3.1", "3.3.2", "3.3.3", "SM-10", "SM-11", "SM-12", "SM-13", "SM-14", "SM-15", "SM-23"),
    *("RF-06", "RF-08", "RF-09", "RF-10", "RF-11", "RF-12", "RF-13", "RF-14", "RF-15", "RF-18"),
    *("RF-19", "CF-09", "WSTG-02", "WSTG-09"),
    notes={
        "3.3.1": "but for `theme`, which a script reads and no session needs",
        "3.3.3": "but for `theme`",
        "SM-13": "but for `theme`",
    },
)
def test_a_strict_browser_takes_and_deletes_every_cookie(production: Flask) -> None:
    jar, visitor = Jar(), Visitor(production)
    kept: list[Cookie] = []
    for answer in visit_everything(visitor):
        for header in answer.headers.getlist("Set-Cookie"):
            cookie = jar.store(f"{SITE}{answer.request.path}", header)
            assert not isinstance(cookie, Refused), cookie
            assert all(len(attribute) <= 1024 for attribute in header.split(";")[1:])
            if "Max-Age=" in header and "Max-Age=0" not in header:
                assert cookie.name != visitor.cookie_name
                assert_lifetimes_agree(header)
            kept.append(cookie)
    assert len({cookie.name for cookie in kept}) >= 6
    for cookie in kept:
        assert cookie.secure
        assert cookie.same_site in ("Lax", "Strict")
        assert cookie.host_only
        is_for_scripts = cookie.name == THEME.base_name
        assert cookie.http_only is cookie.name.startswith("__Host-") is not is_for_scripts
    assert list(jar) == []


def assert_lifetimes_agree(header: str) -> None:
    """A kept cookie asks for at most 400 days, and Expires says the same as Max-Age."""
    seconds = int(header.partition("Max-Age=")[2].partition(";")[0])
    expires = parsedate_to_datetime(header.partition("Expires=")[2].partition(";")[0])
    assert seconds <= 400 * A_DAY
    assert abs(expires.timestamp() - time.time() - seconds) < PATIENCE


@covers("3.4.1", "14.3.1", "14.3.2", "SM-09", "SM-29", "SM-30", "WSTG-04", "CF-16")
def test_no_page_with_a_session_is_cached_or_sent_over_http(production: Flask) -> None:
    alice = Visitor(production).logged_in("alice")
    paths = [path for path in list_paths(production, "GET") if not path.startswith("/user")]
    strict = {
        "Cache-Control": "no-store",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
    for answer in map(alice.get, (*paths, "/nowhere")):
        assert strict.items() <= dict(answer.headers).items(), answer.request.path
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in PROTECTED:
        assert "Cookie" in alice.get(path).headers["Vary"], path
    ended = alice.post("/logout")
    assert ended.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Cookie" in ended.headers["Vary"]


@on_one_backend
@covers("3.5.3", "CF-07", "WSTG-04", "WSTG-05")
def test_a_safe_method_changes_nothing(alice: Visitor) -> None:
    """But for `/set-cookie`, as the document has it, and for the list of articles read."""
    only_posts = set(list_paths(alice.app, "POST")) - set(list_paths(alice.app, "GET"))
    assert {"/logout", "/dashboard/note", "/admin/end-all"} <= only_posts
    before = alice.token
    for path in only_posts:
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = alice.client.open(path, method=method)
            assert answer.status_code in ((200,) if method == "OPTIONS" else (404, 405)), path
    session = alice.session()
    set_by = {
        path: [header.partition("=")[0] for header in headers]
        for path in list_paths(alice.app, "GET")
        if (headers := alice.get(path).headers.getlist("Set-Cookie"))
    }
    assert set_by == {"/articles/signed": ["read_articles"], "/set-cookie": ["username"]}
    assert alice.session() == session
    assert alice.is_in
    assert alice.token == before


FIELDS = ("username", "password", "current", "new", "product", "quantity", "theme", "name", "file")


@on_one_backend
def test_no_form_takes_its_fields_from_json_or_files(alice: Visitor) -> None:
    bodies: tuple[object, ...] = ([1], "text", {}, dict.fromkeys(FIELDS, 5))
    for path in list_paths(alice.app, "POST"):
        for sent in bodies:
            alice.log_in()
            answer = alice.client.post(path, data=json.dumps(sent), content_type="application/json")
            assert answer.status_code < 500, path
        alice.log_in()
        files = {name: (BytesIO(b"text"), "text.txt") for name in FIELDS}
        assert alice.client.post(path, data=files).status_code < 500, path


@on_one_backend
@covers("7.4.4", "SM-28", "WSTG-06")
def test_every_protected_page_has_a_logout_by_post(alice: Visitor) -> None:
    for path in PROTECTED:
        page = alice.client.get(path, follow_redirects=True).text
        assert '<form method="post" action="/logout">' in page, path


@on_one_backend
@covers("7.6.2", "7.1.3")
def test_no_page_logs_a_visitor_in(lab: Flask) -> None:
    visitor = Visitor(lab)
    for path in list_paths(lab, "GET"):
        cookies = visitor.get(path).headers.getlist("Set-Cookie")
        assert not any(header.startswith(f"{visitor.cookie_name}=") for header in cookies), path
    assert not visitor.is_in
    assert not [path for path in list_paths(lab, "POST") if "sso" in path or "oauth" in path]


@on_one_backend
@covers("SM-05")
def test_flask_has_its_last_security_fix_for_sessions(lab: Flask) -> None:
    """3.1.3 says `Vary: Cookie` where earlier ones forgot it."""
    assert tuple(map(int, version("flask").split(".")[:3])) >= (3, 1, 3)
    assert "Cookie" in Visitor(lab).get("/dashboard").headers["Vary"]


@on_one_backend
@covers("SM-16")
def test_no_script_uses_the_browsers_storage(lab: Flask) -> None:
    assert lab.static_folder is not None
    scripts = [path.read_text() for path in Path(lab.static_folder).rglob("*.js")]
    assert scripts
    assert not any("localStorage" in text or "sessionStorage" in text for text in scripts)


HALVES: list[dict[str, Any]] = [
    {"user": "alice"},
    {"logged_in": True},
    {"user": "alice", "logged_in": True},
    {"user": "alice", "logged_in": True, "epoch": -1},
    {"user": "alice", "logged_in": True, "epoch": "0"},
    {"user": "mallory", "logged_in": True, "epoch": 0},
    {"confirmed_at": 1_800_000_000},
    {"checkout": {"address": {}, "delivery": "post"}, "cart": {"jar": 1}},
]


@on_one_backend
@covers("WSTG-08", "7.2.1")
def test_half_a_login_opens_no_page(lab: Flask) -> None:
    for half in HALVES:
        visitor = Visitor(lab)
        with visitor.client.session_transaction() as started:
            started.update(half)
        for path in PROTECTED:
            assert Visitor(lab, visitor.token).get(path).status_code == 302, (half, path)


@covers("7.4.1", "15.4.2")
def test_a_request_in_flight_does_not_restore_an_ended_login(make_lab: MakeLab) -> None:
    lab = make_lab()
    alice, phone = Visitor(lab), Visitor(lab)

    @lab.post("/slow")
    def slow() -> str:
        assert session["user"] == "alice"
        alice.post("/account/password", current="wonderland", new="looking-glass", end_others="y")
        session["late"] = "written"
        return "slow"

    alice.logged_in("alice")
    before = Visitor(lab, phone.logged_in("alice").token)
    phone.post("/slow")
    assert (alice.is_in, phone.is_in, before.is_in) == (True, False, False)


@covers("13.3.1", "3.3.1", "SM-10")
def test_no_setting_weakens_the_cookies_of_production(make_lab: MakeLab) -> None:
    weak = {
        "SESSION_COOKIE_SECURE": False,
        "SESSION_COOKIE_HTTPONLY": False,
        "SESSION_COOKIE_SAMESITE": None,
        "SESSION_COOKIE_NAME": "sid",
        "SESSION_COOKIE_PATH": "/" + "x" * 2000,
    }
    [header] = Visitor(make_lab(**PRODUCTION, **weak)).log_in().headers.getlist("Set-Cookie")
    assert header.startswith("__Host-")
    assert set(header.split("; ")[1:]) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


@covers("SM-34", "16.2.5")
def test_the_log_follows_a_session_under_keyed_names(
    alice: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "backends.audit_log"):
        session_id = Visitor(alice.app, alice.token).token.rpartition(".")[0]
        alice.post("/account/password", current="wonderland", new="looking-glass")
        alice.post("/logout")
    events = [getattr(record, "event", {}) for record in caplog.records]
    named = {event["event"]: event for event in events if "event" in event}
    rotated, ended = named["session rotated"], named["session ended"]
    assert rotated["follows"] != rotated["session"] == ended["session"]
    assert rotated["follows"] not in sha256(session_id.encode()).hexdigest()
