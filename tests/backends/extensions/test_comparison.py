"""The comparison finds differences, and rows of its table that no longer occur."""

import pytest
from flask import Flask, Response
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from tests.backends.extensions.differences import (
    ABSENT,
    Difference,
    MeantDifferences,
    check_differences,
    find_differences,
)
from tests.backends.extensions.flask_login_scenarios import SCENARIOS
from tests.backends.extensions.recording import Mask

SCENARIO = next(each for each in SCENARIOS if each.name == "login and logout")


class WrongInterface(SecureCookieSessionInterface):
    """Flask's own sessions, with a defect in the answer to a login."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        if response.location == "/account?page=2":
            del response.headers["Vary"]
            cookie = response.headers["Set-Cookie"].replace(" HttpOnly;", "")
            response.headers["Set-Cookie"] = cookie


def test_a_defect_in_the_answer_is_found() -> None:
    def install_wrong(app: Flask) -> None:
        app.session_interface = WrongInterface()

    plain = SCENARIO.record(lambda app: None)
    assert list(find_differences(plain, SCENARIO.record(install_wrong))) == [
        ("login", "cookies", "session=…; HttpOnly; Path=/", "session=…; Path=/"),
        ("login", "Vary", "Cookie", ABSENT),
    ]


def test_a_random_value_that_is_made_anew_is_found() -> None:
    mask = Mask()
    values = ("0" * 40, "0" * 40, "1" * 40)
    assert list(map(mask.apply, values)) == ["<random 1>", "<random 1>", "<random 2>"]


FOUND = Difference("first", "body", "1", "2")


@pytest.mark.parametrize(
    ("found", "scenario", "backend"),
    [
        ([FOUND], "one visit", "redis"),
        ([FOUND], "two visits", "cookie"),
        ([FOUND._replace(ours="3")], "two visits", "redis"),
        ([FOUND, FOUND._replace(part="status")], "two visits", "redis"),
        ([], "two visits", "redis"),
    ],
    ids=["scenario", "backend", "text", "another", "stale row"],
)
def test_only_what_is_meant_passes(found: list[Difference], scenario: str, backend: str) -> None:
    meant = [MeantDifferences("two visits", frozenset({"redis"}), "a reason", (FOUND,))]
    check_differences([FOUND], "two visits", "redis", meant)
    check_differences([], "two visits", "cookie", meant)
    with pytest.raises(AssertionError):
        check_differences(found, scenario, backend, meant)
