"""The laboratory on applications that are not its own.

Most are served by this process, once for all tests: a process for each takes long to start. What
starts, names and ends such a process is tried in `TestProcess`.
"""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.lab.claim import CannotApply, Claim, Finding, Skipped, Verdict
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import try_claim
from app.lab.subject import external
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths, Site
from backends import ConfigurationError
from tests.lab.subject.applications import CODE
from tests.lab.subject.served import ServedApp

pytestmark = pytest.mark.usefixtures("untraced_processes")

ACCOUNT = {"name": "alice", "password": "engine=1"}

FINAL, REGENERATED = CLAIMS["logout_is_final"], CLAIMS["regenerated_at_login"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all applications."""
    path = tmp_path_factory.mktemp("applications")
    for name, code in CODE.items():
        (path / f"{name}.py").write_text(code)
    return path


@pytest.fixture(autouse=True)
def current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def served(name: str, cookie_name: str = "session", **paths: Any) -> ServedApp:
    return ServedApp(name, Paths(**{"fields": ACCOUNT, **paths}), cookie_name, code=CODE[name])


def started(target: str) -> ExternalApp:
    """An application in a process of its own."""
    return ExternalApp(target, Paths(fields=ACCOUNT))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("name", "verdict", "figure"),
        [
            ("polite", Verdict.CANNOT_APPLY, ""),
            ("polite_to_guests", Verdict.HOLDS, "another token, the old one dead"),
            ("keeps_the_id", Verdict.FAILS, "the same token, the old one alive"),
        ],
    )
    def test_whether_a_login_gives_another_token(
        self, name: str, verdict: Verdict, figure: str
    ) -> None:
        app = served(name)
        app.check()
        result = try_claim(REGENERATED, app)
        assert (result.verdict, result.figure, result.expected) == (verdict, figure, None)

    @pytest.mark.parametrize("claim", [FINAL, REGENERATED], ids=lambda claim: claim.id)
    def test_a_token_is_dead_only_if_a_fresh_one_logs_in(self, claim: Claim) -> None:
        with (
            served("two_cookies").start() as site,
            pytest.raises(RuntimeError, match="with the cookie session alone"),
        ):
            claim.experiment(site)

    def test_the_login_is_in_the_evidence_without_its_token(self) -> None:
        exchanges = try_claim(FINAL, served("stock")).evidence.exchanges
        assert [(shown.method, shown.status) for shown in exchanges][:2] == [
            ("GET", 200),
            ("POST", 302),
        ]
        [set_cookie] = [
            value for name, value in exchanges[1].response_headers if name == "Set-Cookie"
        ]
        assert " characters)" in set_cookie

    @pytest.mark.parametrize(
        ("error", "verdict"),
        [
            (CannotApply("no"), Verdict.CANNOT_APPLY),
            (Skipped("no"), Verdict.SKIPPED),
            (ValueError("no"), Verdict.ERROR),
        ],
        ids=lambda value: value if isinstance(value, Verdict) else type(value).__name__,
    )
    def test_an_exception_of_an_experiment_is_a_result(
        self, error: Exception, verdict: Verdict
    ) -> None:
        def experiment(_site: Site) -> Finding:
            raise error

        result = try_claim(replace(FINAL, experiment=experiment), served("stock"))
        assert result.verdict is verdict
        assert result.because.endswith("no")


REFUSED = {
    "a wrong form": (
        served("stock", fields={"name": "alice"}),
        "POST /login was answered 200, and GET /dashboard after it 302: "
        "give its form by --field NAME=VALUE. It asks for: name, password.",
    ),
    "another page": (
        served("stock", private="/mine"),
        "POST /login was answered 302, and GET /mine after it 404: "
        "name a page that only a login opens by --private.",
    ),
    "a page for everybody": (
        served("open_house"),
        "GET /dashboard was answered 200 to somebody who is not logged in: name a page that only "
        "a login opens by --private, one that redirects others or answers 401 or 403 (and if the "
        "application lets everybody in, as LOGIN_DISABLED does, set that off).",
    ),
    "another cookie": (
        served("stock", cookie_name="sid"),
        "After the login the browser holds no cookie 'sid' (but: session; session alone logs in): "
        "name the session's by --cookie.",
    ),
    "two cookies": (
        served("two_cookies"),
        "A login needs more than the cookie 'session': GET /dashboard with it alone was answered "
        "302. Name the session's by --cookie (there are: device, session); an application that "
        "needs several cannot be tried.",
    ),
    "a logout that does nothing": (
        served("stays_in"),
        "POST /logout was answered 302, and the login lives on: "
        "name where the logout goes by --logout.",
    ),
    "no module": (
        started("nowhere"),
        "The application nowhere ended; its last line: Error: Could not import 'nowhere'. (give "
        "--app as for flask run, in the application's folder)",
    ),
    "a factory that fails": (
        started("breaking:create_app"),
        "The application breaking:create_app ended; its last line: RuntimeError: no database",
    ),
}


@pytest.mark.parametrize(("app", "says"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_one_line_that_says_what_to_give(app: ExternalApp, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        app.check()
    assert str(refused.value) == says


class TestProcess:
    def test_each_experiment_starts_it_as_flask_would(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLASK_RUN_PORT", "1")
        monkeypatch.setenv("FLASK_DEBUG", "1")
        monkeypatch.setenv("FLASK_APP", "breaking")
        for _ in range(2):
            result = try_claim(FINAL, started("counted:create_app('elsewhere')"))
            assert (result.subject, result.verdict) == ("counted", Verdict.HOLDS)
        assert (folder / "starts").read_text().split() == ["started"] * 2
        assert (folder / "elsewhere").is_dir()

    def test_one_that_never_listens_is_given_up(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_clock() -> float:
            return 0.0 if not (folder / "asleep").exists() else 1.0

        monkeypatch.setattr(external, "PROCESS_TIMEOUT_SECONDS", 0.5)
        clock = SimpleNamespace(monotonic=read_clock, sleep=time.sleep)
        monkeypatch.setattr(external, "time", clock)
        with pytest.raises(ConfigurationError) as refused:
            started("asleep:app").check()
        assert str(refused.value) == (
            "The application asleep:app did not listen within 0 seconds; "
            "its last line: waiting for the database"
        )
