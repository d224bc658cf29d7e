"""What travels: cookies as a strict browser takes them, headers, and requests of other sites."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.lab.cookie_jar import Jar, Refused
from app.lab.set_cookie import Cookie
from app.web.plain_cookies import THEME
from tests.conftest import Visitor
from tests.owasp.people import PROTECTED, Person
from tests.owasp.promises import covers

SITE = "https://localhost"
ARTICLE = "/articles/signed"


def _paths(app: Flask, method: str) -> list[str]:
    """An address for every route of the application itself that takes the method."""
    values = {"name": "alice", "slug": "signed"}

    def built(rule: Rule) -> str:
        return "/".join(
            values[part.strip("<>")] if part.startswith("<") else part
            for part in rule.rule.split("/")
        )

    rules = app.url_map.iter_rules()
    own = [rule for rule in rules if not rule.endpoint.endswith("static")]
    return sorted({built(rule) for rule in own if method in (rule.methods or ())})


def _tour(person: Person) -> Iterator[TestResponse]:
    """Every route, as a guest and logged in, with what sets and what deletes each cookie."""
    app = person.app
    logout, *posts = sorted(_paths(app, "POST"), key=lambda path: path != "/logout")
    yield from (person.get(path) for path in _paths(app, "GET"))
    yield person.post("/cart/add", product="jar", quantity="1")
    yield person.post("/preferences", theme="dark", language="en", currency="EUR", layout="compact")
    yield person.post("/login", username="alice", password="wonderland", remember="y")
    yield from (person.get(path) for path in _paths(app, "GET"))
    yield from (person.post(path) for path in posts if path != "/login")
    yield person.post("/preferences/reset")
    yield person.post("/articles/forget")
    yield person.post("/login", username="alice", password="wonderland")
    yield person.post(logout)


@covers(
    *("3.3.1", "3.3.2", "3.3.3", "SM-10", "SM-11", "SM-12", "SM-13", "SM-14", "CF-09"),
    *("RF-06", "RF-09", "RF-10", "RF-11", "RF-12", "RF-13", "RF-14", "RF-15"),
    *("WSTG-02", "WSTG-09", "SM-23"),
    notes={
        "3.3.1": "but for `theme`, which a script reads and no session needs",
        "3.3.3": "but for `theme`",
        "SM-13": "but for `theme`",
    },
)
def test_a_strict_browser_takes_every_cookie_and_obeys_every_deletion(production: Flask) -> None:
    jar, person = Jar(trusts_loopback=False), Person(production)
    kept: list[Cookie] = []
    for answer in _tour(person):
        for header in answer.headers.getlist("Set-Cookie"):
            cookie = jar.store(f"{SITE}{answer.request.path}", header)
            assert not isinstance(cookie, Refused), cookie
            kept.append(cookie)
    assert len({cookie.name for cookie in kept}) >= 6
    for cookie in kept:
        assert cookie.secure
        assert cookie.same_site in ("Lax", "Strict")
        assert cookie.host_only
        is_for_scripts = cookie.name == THEME.base_name
        assert cookie.http_only is cookie.name.startswith("__Host-") is not is_for_scripts
    assert list(jar) == []


@covers("3.4.1", "14.3.1", "14.3.2", "SM-09", "SM-29", "SM-30", "WSTG-04", "CF-16")
def test_answers_with_a_session_are_kept_by_nobody_and_only_over_https(production: Flask) -> None:
    alice = Person(production).in_as("alice")
    paths = [path for path in _paths(production, "GET") if not path.startswith("/user")]
    for answer in [alice.get(path) for path in paths]:
        assert answer.headers["Cache-Control"] == "no-store", answer.request.path
        assert answer.headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains"
        )
    for path in PROTECTED:
        assert "Cookie" in alice.get(path).headers["Vary"], path
    ended = alice.post("/logout")
    assert ended.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Cookie" in ended.headers["Vary"]


@covers("SM-07", "SM-08", "WSTG-09")
def test_plain_http_is_sent_to_https_before_any_cookie(production: Flask) -> None:
    visitor = Visitor(production)
    for method, path in (("GET", "/login"), ("POST", "/login"), ("GET", "/dashboard")):
        data = {"username": "alice", "password": "wonderland"} if method == "POST" else None
        answer = visitor.client.open(path, method=method, data=data, base_url="http://localhost")
        assert answer.status_code in (308, 403)
        assert "Set-Cookie" not in answer.headers
    assert visitor.client.get("/login", base_url="http://localhost").status_code == 308


FOREIGN = {
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "contradiction": {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    "longer host": {"Origin": "http://localhost.evil.test"},
    "null": {"Origin": "null"},
    "other port": {"Origin": "http://localhost:8080"},
    "other scheme": {"Origin": "https://localhost"},
    "referrer": {"Referer": "http://evil.test/http://localhost/"},
    "neither": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@covers("3.5.1", "CF-01", "CF-08", "CF-10", "CF-11", "CF-13", "WSTG-05", "RF-29")
def test_no_other_site_changes_anything_even_with_the_cookie(
    alice: Person, headers: dict[str, str]
) -> None:
    cookie = f"{alice.cookie_name}={alice.secret}"
    forger = alice.app.test_client(use_cookies=False)
    for path in _paths(alice.app, "POST"):
        for kind in ("application/x-www-form-urlencoded", "text/plain"):
            forged = {**headers, "Cookie": cookie, "Content-Type": kind}
            answer = forger.post(path, data="username=bob&password=builder", headers=forged)
            assert answer.status_code == 403, path
            assert "Set-Cookie" not in answer.headers
    assert alice.is_in


@covers("3.5.1", "CF-13")
def test_the_login_form_of_our_own_page_is_taken(lab: Flask) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        form = {"username": "alice", "password": "wonderland"}
        answer = lab.test_client().post("/login", data=form, headers=headers)
        assert answer.location == "/dashboard"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@covers("3.5.3", "CF-07", "WSTG-04", "WSTG-05")
def test_a_safe_method_changes_nothing(alice: Person, method: str) -> None:
    only_posts = set(_paths(alice.app, "POST")) - set(_paths(alice.app, "GET"))
    assert {"/logout", "/admin/disable", "/dashboard/note"} <= only_posts
    before = alice.token
    for path in only_posts:
        answer = alice.client.open(path, method=method)
        assert answer.status_code in ((200,) if method == "OPTIONS" else (404, 405)), path
    assert alice.is_in
    assert alice.token == before


@covers("7.4.4", "SM-28", "WSTG-06")
def test_every_page_that_needs_a_login_has_a_logout_that_is_a_post(alice: Person) -> None:
    for path in PROTECTED:
        page = alice.client.get(path, follow_redirects=True).text
        assert '<form method="post" action="/logout">' in page, path


@covers("7.6.2", "7.1.3", "SM-20")
def test_nobody_is_logged_in_by_looking_and_there_is_no_other_way_in(lab: Flask) -> None:
    visitor = Person(lab)
    for path in _paths(lab, "GET"):
        answer = visitor.get(path)
        session_cookies = [
            header
            for header in answer.headers.getlist("Set-Cookie")
            if header.startswith(f"{visitor.cookie_name}=")
        ]
        assert session_cookies == [], path
    assert not visitor.is_in
    assert not [path for path in _paths(lab, "POST") if "sso" in path or "oauth" in path]


@covers("SM-05")
def test_flask_is_not_older_than_its_last_security_fix_for_sessions(lab: Flask) -> None:
    """3.1.3 says `Vary: Cookie` where earlier ones forgot it."""
    assert tuple(map(int, version("flask").split(".")[:3])) >= (3, 1, 3)
    assert "Cookie" in Person(lab).get("/dashboard").headers["Vary"]


@covers("SM-16")
def test_no_script_of_ours_keeps_anything_in_the_browsers_storage(lab: Flask) -> None:
    assert lab.static_folder is not None
    scripts = list(Path(lab.static_folder).rglob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text()
        assert "localStorage" not in text
        assert "sessionStorage" not in text
