"""The settings of a move: what they take, and the one line for what they do not."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from cachelib.file import FileSystemCache
from flask import Flask
from flask_session import Session

from backends import Backend, ConfigurationError, init_app
from tests.backends.migration.conftest import INTO_EITHER
from tests.conftest import SECRET
from tests.support.clock import SetClock


def configure(clock: SetClock, **config: Any) -> Any:
    app = Flask("shop")
    app.config.update({"SECRET_KEY": SECRET, "SESSION_OWNER": "user", **config})
    init_app(app, "cookie", clock)
    return app.session_interface


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("2027-01-31", datetime(2027, 2, 1, tzinfo=UTC)),
        (date(2027, 1, 31), datetime(2027, 2, 1, tzinfo=UTC)),
        (" 2027-01-31T12:00 ", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        (datetime(2027, 1, 31), datetime(2027, 1, 31, tzinfo=UTC)),
    ],
    ids=str,
)
def test_the_end_is_a_day_or_a_moment(clock: SetClock, end: Any, until: datetime) -> None:
    interface = configure(clock, SESSION_MIGRATE_FROM="flask", SESSION_MIGRATE_UNTIL=end)
    assert interface.migration.until == until


@pytest.mark.parametrize(
    "end", [None, "", "soon", "31.01.2027", 7, "2027-02-30", b"2027-01-31", "9999-12-31", date.max]
)
def test_a_move_without_an_end_is_refused(clock: SetClock, end: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^SESSION_MIGRATE_UNTIL=.*2027-01-31"):
        configure(clock, SESSION_MIGRATE_FROM="flask", SESSION_MIGRATE_UNTIL=end)


@pytest.mark.parametrize("source", ["Flask", "django", 7, object, "flask_session"])
def test_an_unknown_source_is_refused(clock: SetClock, source: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^SESSION_MIGRATE_FROM=.*flask-session") as one:
        configure(clock, SESSION_MIGRATE_FROM=source, SESSION_MIGRATE_UNTIL="2027-01-31")
    assert "\n" not in str(one.value)


@pytest.mark.parametrize("kind", [None, "memcached", "null", "sqlalchemy"])
def test_another_store_of_flask_session_is_named(clock: SetClock, kind: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"SESSION_TYPE=.*SESSION_MIGRATE_FROM"):
        configure(
            clock,
            SESSION_MIGRATE_FROM="flask-session",
            SESSION_MIGRATE_UNTIL="2027-01-31",
            SESSION_TYPE=kind,
        )


@pytest.mark.parametrize("kind", ["filesystem", "cachelib"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_of_pickles_are_refused_unless_named(
    clock: SetClock, kind: str, tmp_path: Path
) -> None:
    settings = {
        "SESSION_TYPE": kind,
        "SESSION_CACHELIB": FileSystemCache(str(tmp_path)),
        "SESSION_FILE_DIR": str(tmp_path),
        "SESSION_MIGRATE_UNTIL": "2027-01-31",
    }
    with pytest.raises(ConfigurationError, match="SESSION_MIGRATE_FROM=flask-session-pickle"):
        configure(clock, SESSION_MIGRATE_FROM="flask-session", **settings)
    configure(clock, SESSION_MIGRATE_FROM="flask-session-pickle", **settings)


def test_flask_session_adds_nothing_to_the_application(clock: SetClock) -> None:
    app = Flask("shop")
    app.config.update(
        SECRET_KEY=SECRET,
        SESSION_TYPE="redis",
        SESSION_REDIS=fakeredis.FakeRedis(),
        SESSION_MIGRATE_FROM="flask-session",
        SESSION_MIGRATE_UNTIL="2027-01-31",
    )
    init_app(app, "cookie", clock)
    assert app.before_request_funcs == {}
    assert list(app.cli.commands) == []


def test_an_end_that_has_passed_is_said_at_the_start(
    clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"SESSION_MIGRATE_FROM": "flask", "SESSION_MIGRATE_UNTIL": "2027-01-01"}
    assert configure(clock, **settings).migration is None
    assert "Remove both settings" in caplog.text


def test_a_move_from_cookies_asks_for_the_owner(
    clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"SESSION_MIGRATE_FROM": "flask", "SESSION_MIGRATE_UNTIL": "2027-01-31"}
    configure(clock, SESSION_OWNER=None, **settings)
    assert "SESSION_OWNER" in caplog.text
    caplog.clear()
    configure(clock, **settings)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@INTO_EITHER
def test_it_is_off_by_default(make_app: Callable[..., Flask]) -> None:
    interface: Any = make_app().session_interface
    assert interface.migration is None


@INTO_EITHER
@pytest.mark.parametrize("source", ["flask-session", None])
def test_it_may_be_installed_after_flask_session(
    make_app: Callable[..., Flask], clock: SetClock, backend: Backend, source: str | None
) -> None:
    app = make_app()
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=fakeredis.FakeRedis())
    Session(app)
    before = app.session_interface
    app.config.update(SESSION_MIGRATE_FROM=source, SESSION_MIGRATE_UNTIL="2027-01-31")
    init_app(app, backend.name, clock)
    assert app.session_interface is not before
