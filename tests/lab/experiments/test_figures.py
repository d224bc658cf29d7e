"""The figure and the sentence beside a verdict: what was measured, and why."""

import pytest
from flask import Flask

from app import create_app
from app.lab.browser.client import Exchange
from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.outage import MAX_RESPONSE_SECONDS, TimedResponse
from app.lab.reports.report import Result
from app.lab.runs.runner import try_claim
from app.lab.subject.source import BackendSource, RunOptions
from backends import BACKENDS, Backend
from backends.loaded_session import Changes, LoadedSession
from backends.server_side import StoreInterface
from backends.session import Session
from tests.lab.known_wrongs.wrong import Wrong, on_files, try_breaking

FILES = BACKENDS["filesystem"]
STOCK_FILES = BACKENDS["flask-session-filesystem"]
FLASK_COOKIE = BACKENDS["flask-cookie"]


def try_on(claim: str, backend: Backend) -> Result:
    return try_claim(CLAIMS[claim], BackendSource(backend.name, RunOptions(create_app)))


def break_claim(claim: str, wrong: Wrong) -> Result:
    return try_breaking(wrong, CLAIMS[claim], real_redis=False)


@pytest.mark.parametrize(
    ("claim", "backend", "figure"),
    [
        ("capacity", FILES, "262,086 bytes kept at most"),
        ("disk_full", FILES, "3 of 3 answers true"),
        ("disk_full", STOCK_FILES, "1 of 3 answers true"),
        ("expired_are_swept", FILES, "0 of 40 entries left"),
        ("expired_are_swept", STOCK_FILES, "20 of 20 entries left"),
        ("store_down", STOCK_FILES, "4 of 6 right; private page: 302"),
        ("nested_change_is_seen", FLASK_COOKIE, "lost; without refresh lost"),
        ("two_logins_differ", FLASK_COOKIE, "1 token of 5 logins"),
        ("types_survive", FLASK_COOKIE, "4 of 6 types"),
        ("nested_change_is_seen", FILES, "kept; without refresh kept"),
    ],
    ids=lambda value: value.name if isinstance(value, Backend) else None,
)
def test_a_figure_says_what_it_counts(claim: str, backend: Backend, figure: str) -> None:
    assert try_on(claim, backend).figure == figure


def test_a_session_that_ends_while_in_use_is_named() -> None:
    result = try_on("idle_timeout", FLASK_COOKIE)
    assert result.verdict is Verdict.FAILS
    assert result.figure.endswith("; out though in use")


class KeepsTheLength(StoreInterface):
    """Keeps the length of the data, and not the data."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        dots = {name: f'"{"." * (len(text) - 2)}"' for name, text in changes.changed.items()}
        return super()._update(app, session, loaded, Changes(dots, changes.removed))


class CutsOff(StoreInterface):
    """Keeps the beginning of what is too long, as a column of a database may."""

    def _update(self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes) -> str:
        begun = {name: f'"{text[1:-1][:2000]}"' for name, text in changes.changed.items()}
        if any(len(text) > 2002 for text in changes.changed.values()):
            begun["data"] = '"cut"'
        return super()._update(app, session, loaded, Changes(begun, changes.removed))


class TestCapacity:
    def test_it_counts_the_data_itself_and_not_its_length(self) -> None:
        result = break_claim("capacity", on_files(KeepsTheLength))
        assert (result.verdict, result.figure) == (Verdict.FAILS, "0 bytes kept at most")

    def test_an_unchanged_session_is_named(self) -> None:
        assert try_on("capacity", BACKENDS["cookie"]).because.endswith("stayed as it was.")

    def test_a_changed_session_is_named(self) -> None:
        result = break_claim("capacity", on_files(CutsOff))
        assert result.because.endswith("the session was neither that nor as before.")


class TestAnswerInAnOutage:
    @pytest.mark.parametrize(
        ("wanted", "status", "retry_after", "seconds", "fault"),
        [
            (200, 200, "", 0.1, ""),
            (503, 503, "1", 0.1, ""),
            (503, 503, "", 0.1, "503 without Retry-After"),
            (503, 302, "", 0.1, "302"),
            (200, 200, "", MAX_RESPONSE_SECONDS, "200 after 1.0 s"),
            (200, 0, "", 3.1, "no answer in 3 s"),
        ],
    )
    def test_an_answer_is_right_or_has_a_fault(
        self, wanted: int, status: int | None, retry_after: str | None, seconds: float, fault: str
    ) -> None:
        headers = (("Retry-After", retry_after),) if retry_after else ()
        exchange = Exchange("GET", "/", (), status, headers, b"", ()) if status else None
        assert TimedResponse("private page", wanted, exchange, seconds).fault == fault
