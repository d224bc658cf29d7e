"""Why a login on somebody else's application fails, and what to give or to change instead."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths
from tests.lab.subject.logins import CODE, RIGHT
from tests.lab.subject.served import read_refusal, served

WRONG = {"fields": {"name": "bob", "password": "no"}}
AS_JSON = {"is_json": True}


AS_IT_IS = ("in_a_field", "in_a_meta_tag", "two_forms", "elsewhere", "moved", "landing", "secure")


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        *((name, {}) for name in AS_IT_IS),
        *(("led_away", {"login": "/sign-in"}), ("in_the_corner", {"login": "/"})),
        *(("by_json", AS_JSON), ("json_alone", AS_JSON)),
    ],
)
def test_a_login_as_a_browser_makes_it_succeeds(name: str, paths: dict[str, Any]) -> None:
    served(name, **paths).check()


REASONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "a token in a script": ("in_a_script", {}, ["“The CSRF token is missing.”", "WTF_CSRF_ENA"]),
    "JSON, without a form": ("by_json", {}, ["415", "add --json"]),
    "JSON, refused in silence": ("by_json_in_silence", {}, ["401", "add --json"]),
    "a form, by JSON": ("moved", AS_JSON, ["leave out --json"]),
    "other fields": (
        "polite_text",
        {"fields": {"email": "a", "password": "b"}},
        ["has no field email", "asks for: name, password."],
    ),
    "too few fields": (
        "plain",
        {"fields": {"name": "alice"}},
        ["POST /login was answered 200, and GET /dashboard after it 302", "for: name, password."],
    ),
    "an error in a page": ("polite_text", WRONG, ["200 (it says “Wrong name or pass"]),
    "an error after a redirect": ("flashing", WRONG, ["302 (it says “No such user.”)"]),
    "an error in JSON": ("refusing", WRONG, ["403", "bad credentials", "exist in"]),
    "an error in JSON with 200": (
        *("error_in_200", {**WRONG, **AS_JSON}),
        ["200", "No such user.", "does that account exist"],
    ),
    "a limit": ("limited", WRONG, ["429", "turn the limit of logins off"]),
    "a domain": ("other_domain", {}, ["refuses the cookie 'session'", "Domain=shop.example"]),
    "a path": ("narrow", {}, ["'session' is for /shop alone", "APPLICATION_ROOT"]),
    "trusted hosts": ("trusting", {}, ["400", "TRUSTED_HOSTS"]),
    "HTTPS": ("forced_https", {}, ["leads to https://127.0.0.1", "do not force HTTPS"]),
    "another site": ("single_sign_on", {}, ["https://sso.example/in", "cannot be tried"]),
    "a second factor": ("second_factor", {}, ["leads to /code, which asks for more: code"]),
    "two steps": ("two_steps", {}, ["which asks for more: secret"]),
    "a mail to confirm": ("unconfirmed", {}, ["leads to /confirm", "further step"]),
    "a captcha": ("captcha", {}, ["has a captcha: turn it off"]),
    "a token in JSON": ("bearer", AS_JSON, ["(access_token)", "that is no session"]),
    "a token beside a cookie": ("bearer_beside_a_cookie", AS_JSON, ["(a JWT)", "is no session"]),
    "HTTP's own login": ("basic", {}, ["/dashboard wants Basic", "--private"]),
    "a token in a header": ("bearer_in_a_header", AS_JSON, ["(X-Auth-Token)"]),
    "another host": ("other_host", {}, ["Every page is 404", "SERVER_NAME"]),
    "a form for a script": ("by_script", {}, ["405", "name, password", "add --json"]),
    "a form by GET": ("by_get", {}, ["405", "sent by GET"]),
    "an agreement": ("terms", {}, ["is there a further step on /terms"]),
    "a second factor by JSON": (
        *("second_factor_by_json", AS_JSON),
        ["code_required", "is there a further step, such as a second factor"],
    ),
    "another page": ("plain", {"private": "/mine"}, ["GET /mine after it 404", "by --private"]),
    "a page for everybody": ("open_house", {}, ["200 to somebody who is not logged", "--private"]),
    "another cookie": ("renamed", {}, ["(but: shop; shop alone logs in)", "by --cookie"]),
    "two cookies": ("two_cookies", {}, ["the cookie 'session'", "(there are: device, session)"]),
    "a logout that does nothing": ("stays_in", {}, ["302, and the login lives on", "--logout"]),
    "no cookie": ("no_cookie", {}, ["the login set no cookie"]),
    "no cookie, and a form elsewhere": ("newsletter", {}, ["the login set no cookie"]),
    "no right to that page": ("forbidden", {}, ["after it 403: name a page", "--private"]),
    "a logout by another method": ("delete_only", {}, ["DELETE", "--logout", "/sign-out."]),
}


@pytest.mark.parametrize(("name", "paths", "parts"), REASONS.values(), ids=REASONS)
def test_the_reason_is_one_line_that_says_what_to_do(
    name: str, paths: dict[str, Any], parts: list[str]
) -> None:
    assert_parts(read_refusal(served(name, **paths)), parts)


OWN_ERRORS = {
    "without_tables": ["OperationalError: no such table: user", "create the tables"],
    "named_host": ["404, because SERVER_NAME is 'shop.example'"],
    "closing": ["stopped answering"],
}


@pytest.mark.usefixtures("untraced_processes")
@pytest.mark.parametrize("name", OWN_ERRORS)
def test_the_applications_own_error_is_read_in_its_log(name: str, current_folder: Path) -> None:
    (current_folder / f"{name}.py").write_text(CODE[name])
    assert_parts(read_refusal(ExternalApp(name, Paths(fields=RIGHT))), OWN_ERRORS[name])


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """What the applications of this process log."""
    handler = logging.FileHandler(tmp_path / "log")
    logging.getLogger().addHandler(handler)
    yield tmp_path / "log"
    logging.getLogger().removeHandler(handler)
    handler.close()


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("broken_private", ["GET /dashboard", "ZeroDivisionError: division by zero"]),
        ("without_key", ["500 (its own error is RuntimeError: The session is unavailable"]),
        ("raising_to_the_server", ["POST /login", "KeyError: 'x'"]),
    ],
)
def test_the_applications_own_error_is_told_in_short(
    name: str, parts: list[str], log: Path
) -> None:
    assert_parts(read_refusal(replace(served(name), log=log)), parts)


def assert_parts(reason: str, parts: list[str]) -> None:
    assert "\n" not in reason
    assert RIGHT["password"] not in reason
    for part in parts:
        assert part in reason
