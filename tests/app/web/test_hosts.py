"""The application answers to its own names, and no header of a client changes them."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from tests.app.conftest import MakeLab
from tests.support.covers import covers

OWN = ("localhost", "localhost:5000", "lab.localhost", "127.0.0.1", "10.0.0.7:80", "[::1]:5000")
OTHERS = ("rebind.test", "localhost.evil.example", "evil.example:5000", "127.0.0.1.evil.example")
STRANGE = ("a b", "exa\tmple", "a/b", "@localhost", "[::1")

Ask = Callable[..., TestResponse]


def ask(app: Flask, host: str, path: str = "/login", **headers: str) -> TestResponse:
    sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return app.test_client().get(path, headers=sent)


@pytest.mark.parametrize("backend", ["cookie", None], ids=["one backend", "side by side"])
@pytest.mark.parametrize("host", OWN)
def test_in_development_it_has_the_names_of_this_machine(
    make_lab: MakeLab, backend: str | None, host: str
) -> None:
    app = make_lab(backend)
    assert ask(app, host, "/login" if backend else "/").status_code == 200


@pytest.mark.parametrize("host", [*OTHERS, *STRANGE])
def test_another_name_is_refused_by_a_line_that_names_the_setting(
    make_lab: MakeLab, host: str
) -> None:
    answer = ask(make_lab(), host)
    assert answer.status_code == 400
    if host in OTHERS:
        assert "ALLOWED_HOSTS says which it has" in answer.text
        assert "add this name to ALLOWED_HOSTS" in answer.text
        assert host not in answer.text


def test_the_page_that_refuses_a_name_has_its_style(make_lab: MakeLab) -> None:
    app = make_lab()
    files = re.findall(r'(?:href|src)="(/[^"]*static/[^"]+)"', ask(app, "rebind.test").text)
    assert len(files) >= 4
    for file in files:
        with ask(app, "rebind.test", file) as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize("host", [".localhost", "a..localhost", f"{'a' * 64}.localhost", "xn--"])
@pytest.mark.parametrize("backend", ["cookie", None], ids=["one backend", "side by side"])
def test_a_name_that_no_host_can_have_is_refused(
    make_lab: MakeLab, backend: str | None, host: str
) -> None:
    # Not by `Host`, of which the test client itself would make an address.
    environ = create_environ("/") | {"HTTP_HOST": host}
    answer = run_wsgi_app(make_lab(backend), environ)
    assert answer[1] == "400 BAD REQUEST"


def test_mounted_applications_refuse_it_too(make_lab: MakeLab) -> None:
    assert ask(make_lab(None), "rebind.test", "/cookie/login").status_code == 400
    assert ask(make_lab(None), "rebind.test", "/").status_code == 400


def test_names_are_added_by_the_setting(make_lab: MakeLab) -> None:
    app = make_lab(ALLOWED_HOSTS=["lab.test", ".example.org"])
    for host in ("lab.test", "LAB.test:8080", "a.b.example.org", "localhost"):
        assert ask(app, host).status_code == 200
    assert ask(app, "other.lab.test").status_code == 400


def test_it_has_the_name_that_it_listens_on(make_lab: MakeLab) -> None:
    assert ask(make_lab(HOST="lab.internal"), "lab.internal:5000").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "evil.example", "sub.localhost"])
def test_in_production_only_the_names_of_the_setting_count(make_lab: MakeLab, host: str) -> None:
    app = make_lab(in_production=True)
    answer = app.test_client().get("/login", base_url=f"https://{host}")
    assert answer.status_code == 400
    assert app.test_client().get("/login", base_url="https://localhost").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_ask_by_any_name(make_lab: MakeLab, path: str) -> None:
    assert ask(make_lab(in_production=True), "10.0.0.7", path).status_code == 200


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
@pytest.mark.parametrize("header", HEADERS)
@covers("4.1.3", "3.7.2")
def test_no_header_decides_where_a_redirect_leads(
    make_lab: MakeLab, header: str, proxies: int
) -> None:
    app = make_lab(PROXY_COUNT=proxies)
    for path in ("/dashboard", "//evil.example/dashboard", "/%2fevil.example"):
        answer = ask(app, "localhost", path, **{header: HEADERS[header]})
        location = answer.headers.get("Location", "/")
        assert location.startswith("/")
        assert not location.startswith("//")
        assert "evil.example" not in answer.text.replace("//evil.example/dashboard", "")


def test_the_host_of_a_proxy_s_client_decides_no_origin(make_lab: MakeLab) -> None:
    app = make_lab(PROXY_COUNT=1)
    headers = {
        "Host": "localhost",
        "X-Forwarded-Host": "evil.example",
        "Origin": "http://evil.example",
    }
    assert app.test_client().post("/logout", headers=headers).status_code == 403
