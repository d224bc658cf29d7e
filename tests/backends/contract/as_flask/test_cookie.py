"""The session's cookie: when it is sent, its attributes, and the Vary header."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any

import pytest
from flask import abort, flash, get_flashed_messages, render_template_string, request, session

from tests.backends.contract.stage import (
    Act,
    MakeApp,
    Stage,
    attributes,
    begin_anew,
    parse_attributes,
    set_cookie,
)
from tests.support.cases import case
from tests.support.clock import SetClock

LIFETIME = timedelta(hours=1)

USES: dict[str, Act] = {
    "get": lambda: session.get("a"),
    "in": lambda: "a" in session,
    "bool": lambda: bool(session),
    "iter": lambda: list(session),
    "permanent": lambda: session.permanent,
    "set": lambda: session.update(a=2),
    "clear": lambda: session.clear(),
    "flash": lambda: flash("hello"),
    "flashes": lambda: get_flashed_messages(),
    "template": lambda: render_template_string("{{ session.get('a') }}"),
}


ATTRIBUTES = {
    "": "HttpOnly; Path=/",
    "DOMAIN=example.com": "Domain=example.com; HttpOnly; Path=/",
    "HTTPONLY=off": "Path=/",
    "SAMESITE=Lax": "HttpOnly; Path=/; SameSite=Lax",
    "SAMESITE=None": "HttpOnly; Path=/; SameSite=None",
    "PARTITIONED=on": "Secure; HttpOnly; Path=/; Partitioned",
    "NAME=__Secure-lab DOMAIN=example.com PATH=/shop SECURE=on SAMESITE=Strict PARTITIONED=on": (
        "Domain=example.com; Secure; HttpOnly; Path=/shop; SameSite=Strict; Partitioned"
    ),
}


class TestTheCookie:
    @pytest.mark.parametrize(("settings", "expected"), ATTRIBUTES.items())
    def test_it_is_set_and_deleted_with_the_settings_attributes(
        self, make_app: MakeApp, settings: str, expected: str
    ) -> None:
        pairs = (setting.split("=") for setting in settings.split())
        given = {name: {"on": True, "off": False}.get(value, value) for name, value in pairs}
        stage = Stage(make_app(**{f"SESSION_COOKIE_{name}": given[name] for name in given}))
        created = stage.visit(lambda: session.update(a=1), "/shop/")
        deleted = stage.visit(lambda: session.clear(), "/shop/")

        ended = attributes(deleted)
        assert ended.pop("Max-Age") == "0"
        assert parsedate_to_datetime(ended.pop("Expires")).year == 1970
        assert attributes(created) == ended == parse_attributes(expected)
        for response in (created, deleted):
            name = stage.app.config["SESSION_COOKIE_NAME"]
            assert (set_cookie(response) or "").startswith(f"{name}=")

    def test_a_flag_may_be_a_number(self, make_app: MakeApp) -> None:
        """As from the environment. What is equal in Python is not so in a header: `Secure=0`."""
        for secure, httponly in ((0, 1), (False, True)):
            flags = {"SESSION_COOKIE_SECURE": secure, "SESSION_COOKIE_HTTPONLY": httponly}
            stage = Stage(make_app(SESSION_COOKIE_PATH="/numbers", **flags))
            assert attributes(stage.put(a=1)) == parse_attributes("HttpOnly; Path=/numbers")

    def test_its_name_may_be_chosen_per_request(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        interface.__class__ = type(
            "PerRequest",
            (type(interface),),
            {"get_cookie_name": lambda _self, _app: request.path.strip("/")},
        )
        stage.visit(lambda: session.update(who="alice"), "/one")
        stage.visit(lambda: session.update(who="bob"), "/two")
        for path, who in (("/one", "alice"), ("/two", "bob"), ("/three", None)):
            stage.visit(lambda: session.get("who"), path)
            assert stage.result == who

    def test_an_own_class_may_keep_an_answer_from_saving(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        before = type(interface)

        def should_set_cookie(*args: Any) -> Any:
            return request.path != "/api" and before.should_set_cookie(*args)

        interface.__class__ = type("Own", (before,), {"should_set_cookie": should_set_cookie})
        stage.put(user="ada", seen=[1])
        for act in (lambda: begin_anew(user="eve"), lambda: session["seen"].append(2)):
            assert set_cookie(stage.visit(act, "/api")) is None
            assert stage.held() == {"user": "ada", "seen": [1]}
        stage.visit(lambda: session["seen"].append(2))
        assert stage.held() == {"user": "ada", "seen": [1, 2]}
        stage.visit(lambda: session.clear(), "/api")
        assert stage.held() == {}


class TestPermanentSessions:
    def test_a_permanent_cookie_says_its_end(self, make_app: MakeApp, clock: SetClock) -> None:
        clock.now = time.time()
        stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=LIFETIME))
        before = datetime.now(UTC).replace(microsecond=0)
        response = stage.put(_permanent=True, a=1)
        expires = parsedate_to_datetime(attributes(response)["Expires"])
        assert before + LIFETIME <= expires <= datetime.now(UTC) + LIFETIME

    def test_it_is_by_any_value_that_is_true(self, stage: Stage) -> None:
        values: tuple[Any, ...] = (1, "yes", 1.0, [1], 0, "", 0.0, None, [], {})
        for value in values:
            with case(value):
                response = stage.put(_permanent=value, a=1)
                assert ("Expires" in attributes(response)) is bool(value)
                again = stage.visit(lambda: session.permanent)
                assert (stage.result, "Set-Cookie" in again.headers) == (bool(value), bool(value))

    def test_an_unchanged_one_is_sent_if_permanent_and_refreshed(self, make_app: MakeApp) -> None:
        for permanent, refresh in product((True, False), repeat=2):
            stage = Stage(make_app(SESSION_REFRESH_EACH_REQUEST=refresh))
            stage.put(a=1, _permanent=permanent)
            for act in (lambda: None, lambda: session.get("a")):
                response = stage.visit(act)
                assert (set_cookie(response) is not None) is (permanent and refresh)
                if permanent and refresh:
                    assert "Expires" in attributes(response)
                    assert response.headers["Vary"] == "Cookie"


class TestVary:
    @pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])
    def test_using_the_session_varies_by_cookie(self, stage: Stage, known: bool) -> None:
        for name, act in USES.items():
            with case(name):
                stage.open_another_browser()
                if known:
                    stage.put(a=1)
                assert stage.visit(act).headers["Vary"] == "Cookie"

    def test_an_answer_that_used_no_session_does_not_vary(self, stage: Stage) -> None:
        stage.put(a=1)
        acts = (lambda: None, lambda: request.cookies.get("a"), lambda: abort(404))
        for act in (*acts, lambda: render_template_string("{{ request.path }}")):
            response = stage.visit(act)
            assert "Vary" not in response.headers
            assert set_cookie(response) is None
