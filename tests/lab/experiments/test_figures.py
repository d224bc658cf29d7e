"""The figure and the sentence beside a verdict say what was measured, and why."""

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
from backends.server_side import StoreInterface
from backends.session import Changes, LoadedSession, Session
from tests.lab.known_wrongs.cookies import STOCK_FLASK
from tests.lab.known_wrongs.wrong import Wrong, on_files, try_breaking

FILES = BACKENDS["filesystem"]
STOCK_FILES = BACKENDS["flask-session-filesystem"]

A_MILLION = "1\u00a0000\u00a0000"


def found(claim: str, backend: Backend) -> Result:
    return try_claim(CLAIMS[claim], BackendSource(backend.name, RunOptions(create_app)))


def found_of(claim: str, wrong: Wrong) -> Result:
    return try_breaking(wrong, CLAIMS[claim], real_redis=False)


@pytest.mark.parametrize(
    ("claim", "backend", "figure"),
    [
        ("capacity", FILES, f"at least {A_MILLION} bytes"),
        ("disk_full", FILES, "3 of 3 answers true"),
        ("disk_full", STOCK_FILES, "1 of 3 answers true"),
        ("expired_are_swept", FILES, "0 of 40 entries left"),
        ("expired_are_swept", STOCK_FILES, "20 of 20 entries left"),
        ("store_down", STOCK_FILES, "4 of 6 right; private page: 302"),
        *(
            ("nested_change_is_seen", BACKENDS[name], "kept; without refresh kept")
            for name in ("cookie", "filesystem", "redis")
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Backend) else None,
)
def test_a_figure_says_what_it_counts(claim: str, backend: Backend, figure: str) -> None:
    assert found(claim, backend).figure == figure


def test_a_session_that_ends_though_it_is_in_use_is_said_to() -> None:
    result = found_of("idle_timeout", STOCK_FLASK)
    assert result.verdict is Verdict.FAILS
    assert result.figure.endswith("; out though in use")


class TestCapacity:
    class KeepsTheLength(StoreInterface):
        """Keeps as much as it was given, and not what."""

        def _update(
            self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes
        ) -> str:
            dots = {name: f'"{"." * (len(text) - 2)}"' for name, text in changes.changed.items()}
            return super()._update(app, session, loaded, Changes(dots, changes.removed))

    class CutsOff(StoreInterface):
        """Keeps the beginning of what is too long, as a column of a database may."""

        def _update(
            self, app: Flask, session: Session, loaded: LoadedSession, changes: Changes
        ) -> str:
            begun = {name: f'"{text[1:-1][:2000]}"' for name, text in changes.changed.items()}
            if any(len(text) > 2002 for text in changes.changed.values()):
                begun["data"] = '"cut"'
            return super()._update(app, session, loaded, Changes(begun, changes.removed))

    def test_is_of_what_was_put_in_and_not_of_as_much_of_anything(self) -> None:
        result = found_of("capacity", on_files(self.KeepsTheLength))
        assert (result.verdict, result.figure) == (Verdict.FAILS, "0 bytes kept at most")

    def test_says_that_the_session_stayed_as_it_was_where_it_did(self) -> None:
        assert found("capacity", BACKENDS["cookie"]).because.endswith("stayed as it was.")

    def test_says_so_nowhere_else(self) -> None:
        result = found_of("capacity", on_files(self.CutsOff))
        assert result.because.endswith("the session was neither that nor as before.")


class TestAnswerInAnOutage:
    @pytest.mark.parametrize(
        ("wanted", "status", "retry_after", "seconds", "fault"),
        [
            (200, 200, None, 0.1, ""),
            (503, 503, "1", 0.1, ""),
            (503, 503, None, 0.1, "503 without Retry-After"),
            (503, 302, None, 0.1, "302"),
            (200, 200, None, MAX_RESPONSE_SECONDS, "200 after 1.0 s"),
            (200, None, None, 3.1, "no answer in 3 s"),
        ],
    )
    def test_is_right_or_has_a_fault(
        self,
        wanted: int,
        status: int | None,
        retry_after: str | None,
        seconds: float,
        fault: str,
    ) -> None:
        headers = (("Retry-After", retry_after),) if retry_after else ()
        exchange = Exchange("GET", "/", (), status, headers, b"", ()) if status else None
        assert TimedResponse("private page", wanted, exchange, seconds).fault == fault
