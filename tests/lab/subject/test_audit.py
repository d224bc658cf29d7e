"""The audit of five public kinds of applications, and whether its remedies turn what they say."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.lab.claim import FAILS, HOLDS, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.remedies import (
    DECIDED_BY_CODE,
    DECIDED_BY_LOGIN,
    OTHERS,
    REGENERATE,
    SETTINGS,
    find_remedies,
)
from app.lab.reports.report import SHIPPED, Remedies, Remedy, Report, Result, read_report
from app.lab.runs.runner import try_claim
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths
from tests.lab.reports.made_reports import CIRCUMSTANCES
from tests.lab.subject import audited
from tests.lab.subject.served import ServedApp, load_app

OVER_HTTP = [claim for claim in CLAIMS.values() if claim.over_http]


class Audited(NamedTuple):
    """An application, and what its audit finds."""

    code: str
    paths: Paths
    failing: set[str]
    settings: dict[str, list[str]]
    """What each setting turns alone."""
    backends: dict[str, list[str]]


ADA = {"email": "ada@example.org", "password": "engine"}
LOGOUT, TOKENS = "logout_is_final", "two_logins_differ"
REGENERATED, FIXATION = "regenerated_at_login", "fixation"
ON_FILES = "SESSION_BACKEND=filesystem"
ON_SERVERS = "SESSION_BACKEND=filesystem, sqlite or redis"
ON_COOKIE = "SESSION_BACKEND=cookie or encrypted-cookie"
FLAGS: dict[str, list[str]] = {
    "SESSION_COOKIE_SECURE = True": [],
    'SESSION_COOKIE_SAMESITE = "Lax"': [],
}

APPLICATIONS = {
    "flaskr": Audited(
        audited.FLASKR,
        Paths("/auth/login", "/create", "/auth/logout", {"username": "ada", "password": "engine"}),
        {"tamper_proof", "cookie_flags", REGENERATED, TOKENS, LOGOUT},
        {**FLAGS, "SECRET_KEY = a long random value": ["tamper_proof"]},
        {ON_SERVERS: [TOKENS, LOGOUT], ON_COOKIE: [TOKENS]},
    ),
    "flask_login": Audited(
        audited.FLASK_LOGIN,
        Paths(private="/protected", fields={**ADA, "remember": "on"}),
        {"cookie_flags", "ends_with_browser", REGENERATED, TOKENS, LOGOUT},
        {**FLAGS, "REMEMBER_COOKIE_SECURE = True": [], 'REMEMBER_COOKIE_SAMESITE = "Lax"': []},
        {ON_SERVERS: [TOKENS, LOGOUT], ON_COOKIE: [TOKENS]},
    ),
    "flask_session": Audited(
        audited.FLASK_SESSION,
        Paths(private="/account", fields={"name": "ada", "password": "engine"}),
        {"ends_with_browser", REGENERATED, FIXATION, "cookie_flags"},
        {
            **FLAGS,
            "SESSION_PERMANENT = False": ["ends_with_browser"],
            REGENERATE: [REGENERATED, FIXATION],
        },
        {ON_SERVERS: [], ON_COOKIE: []},
    ),
    "single_page": Audited(
        audited.SINGLE_PAGE,
        Paths("/api/login", "/api/me", "/api/logout", ADA, is_json=True),
        {
            *("ends_with_browser", "hidden_from_script", "survives_restart", "cookie_flags"),
            *(REGENERATED, TOKENS, LOGOUT),
        },
        {
            **FLAGS,
            "SESSION_COOKIE_HTTPONLY = True": ["hidden_from_script"],
            "no session.permanent = True in the login": ["ends_with_browser"],
            "SECRET_KEY from the configuration, the same at each start": ["survives_restart"],
        },
        {ON_SERVERS: [TOKENS, LOGOUT], ON_COOKIE: [TOKENS]},
    ),
    "flask_wtf": Audited(
        audited.FLASK_WTF,
        Paths("/admin/login/", "/admin/", "/admin/logout/", ADA),
        {REGENERATED, LOGOUT, "cookie_flags"},
        FLAGS,
        {ON_SERVERS: [LOGOUT]},
    ),
}

CLEAR = "session.clear()"

EACH = pytest.mark.parametrize("name", APPLICATIONS)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current folder, with the database of Flaskr and its account."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flaskr = load_app(audited.FLASKR)
        flaskr.test_cli_runner().invoke(args=["init-db"])
        flaskr.test_client().post("/auth/register", data={"username": "ada", "password": "engine"})
        yield folder


def make_app(name: str, *changes: str) -> ServedApp:
    """The application with these changes."""
    code = APPLICATIONS[name].code
    for change in changes:
        code = apply(change, code)
    return ServedApp(name, APPLICATIONS[name].paths, code=code)


def apply(change: str, code: str) -> str:
    """The code with a setting, or with the line of code that a remedy names."""
    kind, _, value = change.partition("=")
    if change == CLEAR:
        changed = code.replace("# login", f"import flask; flask.{CLEAR}")
    elif change == REGENERATE:
        changed = code.replace("# login", "current_app.session_interface.regenerate(session)")
    elif change.startswith("no session.permanent"):
        changed = code.replace("session.permanent = True", "pass")
    elif change.startswith("SECRET_KEY"):
        changed = configure(code, "SECRET_KEY = '5f1c0b8e93d24a7796e1d05c3ab84f62'")
    elif kind == "SESSION_BACKEND":
        changed = install(code, value)
    else:
        changed = configure(code, change)
    assert changed != code
    return changed


def configure(code: str, setting: str) -> str:
    name, _, value = setting.partition(" = ")
    return re.sub("# settings", f'app.config["{name}"] = {value}; # settings', code)


def install(code: str, backend: str) -> str:
    """A backend of Session Lab, in the place of Flask-Session."""
    lines = f"""import backends, fakeredis
    app.config.update(SESSION_REDIS=fakeredis.FakeRedis(), SESSION_FILE_DIR="kept")
    backends.init_app(app, {backend!r})"""
    if "\n# backend" in code:
        lines = lines.replace("\n    ", "\n")
    return code.replace("\nSession(app)\n", "\n").replace("# backend", lines)


@cache
def audit(name: str) -> tuple[Report, Remedies]:
    app = make_app(name)
    app.check()
    results = [try_claim(claim, app) for claim in OVER_HTTP]
    report = Report(CIRCUMSTANCES, [name], results)
    return report, find_remedies(report, name, "session", read_report(SHIPPED))


def find_verdicts(app: ExternalApp, claims: list[str]) -> dict[str, Any]:
    results = [try_claim(CLAIMS[claim], app) for claim in claims]
    return {each.claim: each.verdict for each in results}


@EACH
def test_the_audit_finds_what_fails_and_ends_with_remedies(name: str) -> None:
    report, remedies = audit(name)
    assert report.with_verdict(Verdict.ERROR) == []
    assert {each.claim for each in report.with_verdict(FAILS)} == APPLICATIONS[name].failing
    assert {each.what: each.turns for each in remedies.settings} == APPLICATIONS[name].settings
    assert {each.what: each.turns for each in remedies.backends} == APPLICATIONS[name].backends
    assert remedies.failing == len(APPLICATIONS[name].failing)


def test_a_guessed_key_is_named() -> None:
    tampered = audit("flaskr")[0].result("tamper_proof", "flaskr")
    assert tampered is not None
    assert tampered.because.endswith("logged somebody in: signed with the secret key “dev”.")


@EACH
def test_each_setting_turns_what_it_says(name: str) -> None:
    for remedy in audit(name)[1].settings:
        verdicts = find_verdicts(make_app(name, remedy.what), remedy.turns)
        assert verdicts == dict.fromkeys(remedy.turns, HOLDS), remedy.what


@EACH
def test_claims_that_need_several_settings_need_all(name: str) -> None:
    remedies = audit(name)[1]
    settings = [each.what for each in remedies.settings if each.helps]
    needing = {claim for each in remedies.settings for claim in each.helps}
    others = [each.what for each in remedies.others if needing & {*each.helps}]
    beside = [ON_FILES for what in others if what.startswith("Flask-Session deletes")]
    reached = HOLDS if len(beside) == len(others) else FAILS
    app = make_app(name, *settings, *beside)
    assert find_verdicts(app, sorted(needing)) == dict.fromkeys(needing, reached)
    for left_out in settings:
        without = [each for each in settings if each != left_out]
        app = make_app(name, *without, *beside)
        assert find_verdicts(app, sorted(needing)) == dict.fromkeys(needing, FAILS)


def test_what_settings_cannot_turn_is_told_apart() -> None:
    name = "flask_login"
    remedies = audit(name)[1]
    flags = make_app(name, *(each.what for each in remedies.settings))
    figure = try_claim(CLAIMS["cookie_flags"], flags).figure
    assert figure.partition("; ")[2] == "remember_token (deleted) lacks Secure, SameSite, HttpOnly"
    assert ["cookie_flags"] in [each.helps for each in remedies.others]


def one_of(remedy: Remedy, name: str) -> str:
    """One of the backends that it names: another for each application."""
    backends = re.split(", | or ", remedy.what.partition("=")[2])
    return f"SESSION_BACKEND={backends[list(APPLICATIONS).index(name) % len(backends)]}"


@EACH
def test_a_backend_turns_what_it_says(name: str) -> None:
    for remedy in audit(name)[1].backends:
        backend = one_of(remedy, name)
        verdicts = find_verdicts(make_app(name, backend), remedy.turns)
        assert verdicts == dict.fromkeys(remedy.turns, HOLDS), backend


@EACH
def test_a_login_that_clears_lets_backends_regenerate(name: str) -> None:
    for remedy in audit(name)[1].backends:
        backend = one_of(remedy, name)
        verdicts = find_verdicts(make_app(name, CLEAR, backend), remedy.helps)
        assert verdicts == dict.fromkeys(remedy.helps, HOLDS), backend


class TestTable:
    def test_every_claim_that_it_names_can_be_tried(self) -> None:
        assert {rule.claim for rule in (*SETTINGS, *OTHERS)} <= {each.id for each in OVER_HTTP}
        assert {*DECIDED_BY_LOGIN, *DECIDED_BY_CODE} <= {each.id for each in OVER_HTTP}

    def test_what_nothing_turns_is_said(self) -> None:
        results = [
            Result(claim, "shop", FAILS, None, "figure", "Because.", 0.1)
            for claim in ("tamper_proof", "hostile_tokens", "counter_counts_both", "unknown")
        ]
        report = Report(CIRCUMSTANCES, ["shop"], results)
        remedies = find_remedies(report, "shop", "session", read_report(SHIPPED))
        assert remedies.settings == []
        assert [each.turns for each in remedies.backends] == [["tamper_proof"]]
        page, nothing = remedies.others
        assert page.turns == ["hostile_tokens"]
        assert nothing.helps == ["counter_counts_both", "unknown"]
