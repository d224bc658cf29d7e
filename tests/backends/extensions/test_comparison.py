"""The comparison finds differences, and rows of its table that no longer occur."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from tests.backends.extensions.differences import (
    ABSENT,
    Difference,
    MeantDifferences,
    check_differences,
    find_differences,
)
from tests.backends.extensions.flask_login_scenarios import SCENARIOS
from tests.backends.extensions.recording import Mask, Recording, Scenario
from tests.backends.extensions.test_extensions import install

COOKIE = "session=…; HttpOnly; Path=/"


def build(app: Flask) -> None:
    app.add_url_rule("/", view_func=visit)


def visit() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


def visit_twice(browser: Recording) -> None:
    browser.get("first", "/")
    browser.get("second", "/")


SCENARIO = Scenario("two visits", build, visit_twice)


class WrongInterface(SecureCookieSessionInterface):
    """Flask's own sessions, with a defect in the response."""

    def __init__(self, spoil: Callable[[Response], None]) -> None:
        self.spoil = spoil

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        self.spoil(response)


def lose_vary(response: Response) -> None:
    del response.headers["Vary"]


def lose_cookie(response: Response) -> None:
    del response.headers["Set-Cookie"]


def lose_flag(response: Response) -> None:
    cookie = response.headers["Set-Cookie"].replace(" HttpOnly;", "")
    response.headers["Set-Cookie"] = cookie


def set_twice(response: Response) -> None:
    response.headers.add("Set-Cookie", response.headers["Set-Cookie"])


def set_status(response: Response) -> None:
    response.status_code = 202


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lose_vary, [("first", "Vary", "Cookie", ABSENT), ("second", "Vary", "Cookie", ABSENT)]),
        (
            lose_cookie,
            [
                ("first", "cookies", COOKIE, ""),
                ("second", "body", "2", "1"),
                ("second", "cookies", COOKIE, ""),
            ],
        ),
        (
            lose_flag,
            [(step, "cookies", COOKIE, "session=…; Path=/") for step in ("first", "second")],
        ),
        (
            set_twice,
            [(step, "cookies", COOKIE, f"{COOKIE}\n{COOKIE}") for step in ("first", "second")],
        ),
        (
            set_status,
            [(step, "status", "200 OK", "202 ACCEPTED") for step in ("first", "second")],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_defect_in_the_answer_is_found(
    spoil: Callable[[Response], None], expected: list[tuple[str, ...]]
) -> None:
    def install_wrong(app: Flask) -> None:
        app.session_interface = WrongInterface(spoil)

    plain = SCENARIO.record(lambda app: None)
    assert list(find_differences(plain, SCENARIO.record(install_wrong))) == expected


def test_a_step_that_is_missing_is_found() -> None:
    answer = {"status": "200 OK"}
    assert list(find_differences({"first": answer}, {})) == [("first", "status", "200 OK", ABSENT)]
    assert list(find_differences({}, {"first": answer})) == [("first", "status", ABSENT, "200 OK")]


def test_a_random_value_that_is_made_anew_is_found() -> None:
    first, second = "0" * 40, "1" * 40
    kept, renewed = Mask(), Mask()
    assert [kept.apply(text) for text in (first, first)] == ["<random 1>", "<random 1>"]
    assert [renewed.apply(text) for text in (first, second)] == ["<random 1>", "<random 2>"]


FOUND = Difference("first", "body", "1", "2")


def mean(**changed: Any) -> list[MeantDifferences]:
    row = MeantDifferences("two visits", frozenset({"redis"}), "a reason", (FOUND,))
    return [row._replace(**changed)]


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ([FOUND], []),
        ([FOUND], mean(scenario="one visit")),
        ([FOUND], mean(backends=frozenset({"cookie"}))),
        ([FOUND._replace(ours="3")], mean()),
        ([FOUND, FOUND._replace(part="status")], mean()),
        ([], mean()),
    ],
    ids=["no row", "scenario", "backend", "text", "another", "stale row"],
)
def test_only_what_is_meant_passes(found: list[Difference], meant: list[MeantDifferences]) -> None:
    check_differences([FOUND], "two visits", "redis", mean())
    check_differences([], "two visits", "cookie", mean())
    with pytest.raises(AssertionError):
        check_differences(found, "two visits", "redis", meant)


def test_flask_session_is_told_apart(tmp_path: Path) -> None:
    """A proof that a scenario runs on the backend that is installed."""
    where: Mapping[str, Any] = {"SESSION_FILE_DIR": tmp_path / "sessions"}
    scenario = next(each for each in SCENARIOS if each.name == "login and logout")
    plain = scenario.record(lambda app: None)
    stock = scenario.record(partial(install, backend="flask-session-filesystem", where=where))
    assert list(find_differences(plain, stock)) != []
