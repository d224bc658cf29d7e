"""The laboratory on applications that are not its own.

Most are served by this process, once for all tests: a process for each takes long to start. What
starts, names and ends such a process is tried in `TestProcess`.
"""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.lab.claim import CannotApply, Claim, Finding, Skipped, Verdict
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import try_claim
from app.lab.subject import external
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths, Site
from tests.lab.subject.logins import CODE, RIGHT
from tests.lab.subject.served import read_refusal, served

FINAL, REGENERATED = CLAIMS["logout_is_final"], CLAIMS["regenerated_at_login"]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("name", "verdict", "figure"),
        [
            ("polite", Verdict.CANNOT_APPLY, ""),
            ("polite_to_guests", Verdict.HOLDS, "another token, the old one dead"),
            ("keeps_the_id", Verdict.FAILS, "the same token, the old one alive"),
        ],
    )
    @pytest.mark.usefixtures("current_folder")
    def test_whether_a_login_gives_another_token(
        self, name: str, verdict: Verdict, figure: str
    ) -> None:
        served(name).check()
        result = try_claim(REGENERATED, served(name))
        assert (result.verdict, result.figure, result.expected) == (verdict, figure, None)

    @pytest.mark.parametrize("claim", [FINAL, REGENERATED], ids=lambda claim: claim.id)
    def test_a_token_is_dead_only_if_a_fresh_one_logs_in(self, claim: Claim) -> None:
        with (
            served("two_cookies").start() as site,
            pytest.raises(RuntimeError, match="with the cookie session alone"),
        ):
            claim.experiment(site)

    def test_the_login_is_in_the_evidence_without_its_token(self) -> None:
        exchanges = try_claim(FINAL, served("plain")).evidence.exchanges
        asked = [(shown.method, shown.status) for shown in exchanges]
        assert asked[:2] == [("GET", 200), ("POST", 302)]
        (set_cookie,) = (v for n, v in exchanges[1].response_headers if n == "Set-Cookie")
        assert " characters)" in set_cookie

    @pytest.mark.parametrize(
        ("error", "verdict"),
        [
            (CannotApply("no"), Verdict.CANNOT_APPLY),
            (Skipped("no"), Verdict.SKIPPED),
            (ValueError("no"), Verdict.ERROR),
        ],
    )
    def test_an_exception_of_an_experiment_is_a_result(
        self, error: Exception, verdict: Verdict
    ) -> None:
        def experiment(_site: Site) -> Finding:
            raise error

        result = try_claim(replace(FINAL, experiment=experiment), served("plain"))
        assert result.verdict is verdict
        assert result.because.endswith("no")


@pytest.mark.usefixtures("untraced_processes", "folder")
class TestProcess:
    @pytest.fixture
    def folder(self, current_folder: Path) -> Path:
        """The current folder, with the applications that are started."""
        for name in ("counted", "breaking", "asleep"):
            (current_folder / f"{name}.py").write_text(CODE[name])
        return current_folder

    def test_each_experiment_starts_it_as_flask_would(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLASK_RUN_CERT", "adhoc")
        monkeypatch.setenv("FLASK_DEBUG", "1")
        monkeypatch.setenv("FLASK_APP", "breaking")
        app = ExternalApp("counted:create_app('elsewhere')", Paths(fields=RIGHT))
        for _ in range(2):
            result = try_claim(FINAL, app)
            assert (result.subject, result.verdict) == ("counted", Verdict.HOLDS)
        assert (folder / "starts").read_text().split() == ["False"] * 2
        assert (folder / "elsewhere").is_dir()

    @pytest.mark.parametrize(
        ("target", "last"),
        [
            (
                "nowhere",
                "Error: Could not import 'nowhere'. (give --app as for flask run, in the "
                "application's folder)",
            ),
            ("breaking:create_app", "RuntimeError: no database"),
        ],
    )
    def test_one_that_does_not_start_is_refused_in_one_line(self, target: str, last: str) -> None:
        said = read_refusal(ExternalApp(target, Paths()))
        assert said == f"The application {target} ended; its last line: {last}"

    def test_one_that_never_listens_is_given_up(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_clock() -> float:
            return 0.0 if not (folder / "asleep").exists() else 1.0

        monkeypatch.setattr(external, "PROCESS_TIMEOUT_SECONDS", 0.5)
        clock = SimpleNamespace(monotonic=read_clock, sleep=time.sleep)
        monkeypatch.setattr(external, "time", clock)
        assert read_refusal(ExternalApp("asleep:app", Paths())) == (
            "The application asleep:app did not listen within 0 seconds; "
            "its last line: waiting for the database"
        )
