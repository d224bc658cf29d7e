"""Requests are taken by the application's own names, and changes from its own pages alone."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from tests.app.conftest import MakeLab
from tests.support.covers import covers
from tests.support.visitor import Visitor

OWN = ("localhost", "localhost:5000", "lab.localhost", "127.0.0.1", "10.0.0.7:80", "[::1]:5000")
OTHERS = ("rebind.test", "localhost.evil.example", "evil.example:5000", "127.0.0.1.evil.example")
ALICE = {"username": "alice", "password": "wonderland"}
IMPOSSIBLE = (".localhost", "a..localhost", f"{'a' * 64}.localhost", "xn--")
STRANGE = ("a b", "exa\tmple", "a/b", "@localhost", "[::1")

Ask = Callable[..., TestResponse]


def ask(app: Flask, host: str, path: str = "/login", **headers: str) -> TestResponse:
    sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return app.test_client().get(path, headers=sent)


@pytest.mark.parametrize("backend", ["cookie", None], ids=["one backend", "side by side"])
def test_in_development_it_has_the_names_of_this_machine(
    make_lab: MakeLab, backend: str | None
) -> None:
    app = make_lab(backend)
    for host in OWN:
        assert ask(app, host, "/login" if backend else "/").status_code == 200, host
    for host in IMPOSSIBLE:
        # Not by `Host`, of which the test client itself would make an address.
        environ = create_environ("/") | {"HTTP_HOST": host}
        assert run_wsgi_app(app, environ)[1] == "400 BAD REQUEST", host
    for path in ("/", "/cookie/login"):
        assert ask(app, "rebind.test", path).status_code == 400


def test_another_name_is_refused_by_a_line_that_names_the_setting(make_lab: MakeLab) -> None:
    app = make_lab()
    for host in OTHERS:
        answer = ask(app, host)
        assert answer.status_code == 400
        assert "ALLOWED_HOSTS says which it has" in answer.text
        assert "add this name to ALLOWED_HOSTS" in answer.text
        assert host not in answer.text
    for host in STRANGE:
        assert ask(app, host).status_code == 400, host


def test_the_page_that_refuses_a_name_has_its_style(make_lab: MakeLab) -> None:
    app = make_lab()
    files = re.findall(r'(?:href|src)="(/[^"]*static/[^"]+)"', ask(app, "rebind.test").text)
    assert len(files) >= 4
    for file in files:
        with ask(app, "rebind.test", file) as answer:
            assert answer.status_code == 200


def test_names_are_added_by_the_settings(make_lab: MakeLab) -> None:
    app = make_lab(ALLOWED_HOSTS=["lab.test", ".example.org"], HOST="lab.internal")
    for host in ("lab.test", "LAB.test:8080", "a.b.example.org", "localhost", "lab.internal:5000"):
        assert ask(app, host).status_code == 200, host
    assert ask(app, "other.lab.test").status_code == 400


def test_in_production_only_the_names_of_the_setting_count(make_lab: MakeLab) -> None:
    """But for probes, which ask by any name, and by plain HTTP."""
    app = make_lab(in_production=True)
    for host in ("127.0.0.1", "10.0.0.7", "evil.example", "sub.localhost"):
        answer = app.test_client().get("/login", base_url=f"https://{host}")
        assert answer.status_code == 400, host
    assert app.test_client().get("/login", base_url="https://localhost").status_code == 200
    for path in ("/healthz", "/readyz"):
        for host in ("10.0.0.7", "localhost"):
            answer = app.test_client().get(path, base_url=f"http://{host}")
            assert answer.status_code == 200, host
    for path in ("/favicon.ico", "/static/none", "/static//none", "/bootstrap/static/none"):
        for host, leads_to in (("localhost", f"https://localhost{path}"), ("evil.example", None)):
            with app.test_client().get(path, base_url=f"http://{host}") as redirect:
                assert redirect.location == leads_to


@covers("SM-07", "SM-08", "WSTG-09")
def test_plain_http_is_sent_to_https_and_sets_no_cookie(make_lab: MakeLab) -> None:
    client = make_lab(in_production=True).test_client()
    response = client.get("/dashboard?tab=2", base_url="http://localhost")
    assert response.status_code == 308
    assert response.headers["Location"] == "https://localhost/dashboard?tab=2"
    login = client.post("/login", data=ALICE, base_url="http://localhost")
    assert login.status_code in (308, 403)
    assert not {"Set-Cookie"} & {*response.headers.keys(), *login.headers.keys()}


HEADERS = {
    "X_Forwarded_Host": "evil.example",
    "X_Forwarded_Prefix": "/evil",
    "X_Forwarded_Port": "666",
    "X_Forwarded_Server": "evil.example",
    "X_Original_Host": "evil.example",
    "X_Script_Name": "//evil.example",
    "Script_Name": "//evil.example",
    "Forwarded": "host=evil.example",
}


@pytest.mark.parametrize("proxies", [0, 1, 2])
@covers("4.1.3", "3.7.2")
def test_no_header_decides_where_a_redirect_leads(make_lab: MakeLab, proxies: int) -> None:
    app = make_lab(PROXY_COUNT=proxies)
    for header, value in HEADERS.items():
        for path in ("/dashboard", "//evil.example/dashboard", "/%2fevil.example"):
            answer = ask(app, "localhost", path, **{header: value})
            location = answer.headers.get("Location", "/")
            assert location.startswith("/"), header
            assert not location.startswith("//"), header
            assert "evil.example" not in answer.text.replace("//evil.example/dashboard", "")


def test_the_host_of_a_proxy_s_client_decides_no_origin(make_lab: MakeLab) -> None:
    app = make_lab(PROXY_COUNT=1)
    headers = {
        "Host": "localhost",
        "X-Forwarded-Host": "evil.example",
        "Origin": "http://evil.example",
    }
    assert app.test_client().post("/logout", headers=headers).status_code == 403


OURS = "http://localhost"


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab()


SENT: list[tuple[dict[str, str], bool]] = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False),
    ({"Sec-Fetch-Site": "anything"}, False),
    ({"Origin": OURS}, True),
    ({"Origin": "https://localhost"}, False),
    ({"Origin": "http://localhost:8080"}, False),
    ({"Origin": "http://localhost.evil.test"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "null", "Referer": f"{OURS}/login"}, False),
    ({"Referer": f"{OURS}/login"}, True),
    ({"Referer": "http://evil.test/http://localhost/"}, False),
    ({"Origin": "http://[bad"}, False),
    ({}, False),
]


@covers("3.5.1", "CF-01", "CF-08", "CF-10", "CF-11", "CF-13", "WSTG-05", "RF-29")
def test_only_a_request_from_our_own_pages_changes_anything(app: Flask) -> None:
    login = {"username": "alice", "password": "wonderland"}
    for headers, accepted in SENT:
        response = app.test_client().post("/login", data=login, headers=headers)
        assert response.status_code == (302 if accepted else 403), headers
        assert ("Set-Cookie" in response.headers) is accepted


@covers("3.5.1", "CF-01", "WSTG-05")
def test_every_route_that_takes_a_post_is_guarded(app: Flask) -> None:
    client = Visitor(app).logged_in().client
    unguarded = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and client.post(
            rule.rule.replace("<", "").replace(">", ""), headers={"Sec-Fetch-Site": "cross-site"}
        ).status_code
        != 403
    ]
    assert unguarded == []
