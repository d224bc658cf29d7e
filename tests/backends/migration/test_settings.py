"""The settings of a move: what they take, and the one line for what they do not."""

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from cachelib.file import FileSystemCache
from flask_session import Session

from backends import ConfigurationError, init_app
from backends.cookie import CookieInterface
from tests.support.bare import make_bare
from tests.support.cases import case
from tests.support.clock import SetClock

FROM_FLASK = {"SESSION_MIGRATE_FROM": "flask"}
UNTIL = {"SESSION_MIGRATE_UNTIL": "2027-01-31"}
FROM_FLASK_SESSION = {"SESSION_MIGRATE_FROM": "flask-session", **UNTIL}

ENDS: dict[Any, datetime] = {
    "2027-01-31": datetime(2027, 2, 1, tzinfo=UTC),
    date(2027, 1, 31): datetime(2027, 2, 1, tzinfo=UTC),
    " 2027-01-31T12:00 ": datetime(2027, 1, 31, 12, tzinfo=UTC),
    "2027-01-31T12:00+02:00": datetime(2027, 1, 31, 10, tzinfo=UTC),
    datetime(2027, 1, 31): datetime(2027, 1, 31, tzinfo=UTC),
}

NO_ENDS: tuple[Any, ...] = (
    *(None, "", "soon", "31.01.2027", 7, "2027-02-30", b"2027-01-31", "9999-12-31", date.max),
)


def configure(clock: SetClock, **config: Any) -> Any:
    return make_bare("cookie", clock, **{"SESSION_OWNER": "user", **config}).session_interface


def test_an_end_that_has_passed_is_said_at_the_start(
    clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert configure(clock, **FROM_FLASK, SESSION_MIGRATE_UNTIL="2027-01-01").migration is None
    assert "Remove both settings" in caplog.text


def test_the_end_is_a_day_or_a_moment(clock: SetClock) -> None:
    for end, until in ENDS.items():
        with case(end):
            interface = configure(clock, **FROM_FLASK, SESSION_MIGRATE_UNTIL=end)
            assert interface.migration.until == until
    for no_end in NO_ENDS:
        with (
            case(no_end),
            pytest.raises(ConfigurationError, match=r"^SESSION_MIGRATE_UNTIL=.*2027-01-31"),
        ):
            configure(clock, **FROM_FLASK, SESSION_MIGRATE_UNTIL=no_end)


def test_an_unknown_source_is_refused(clock: SetClock) -> None:
    sources: tuple[Any, ...] = ("Flask", "django", 7, object, "flask_session")
    for source in sources:
        with (
            case(source),
            pytest.raises(ConfigurationError, match=r"^SESSION_MIGRATE_FROM=") as one,
        ):
            configure(clock, SESSION_MIGRATE_FROM=source, SESSION_MIGRATE_UNTIL="2027-01-31")
        assert "flask-session" in str(one.value)
        assert "\n" not in str(one.value)


def test_another_store_of_flask_session_is_named(clock: SetClock) -> None:
    for kind in (None, "memcached", "null", "sqlalchemy"):
        with (
            case(kind),
            pytest.raises(ConfigurationError, match=r"SESSION_TYPE=.*SESSION_MIGRATE_FROM"),
        ):
            configure(clock, **FROM_FLASK_SESSION, SESSION_TYPE=kind)


@pytest.mark.parametrize("kind", ["filesystem", "cachelib"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pickled_files_are_refused_unless_named(clock: SetClock, kind: str, tmp_path: Path) -> None:
    folder = {"SESSION_CACHELIB": FileSystemCache(str(tmp_path)), "SESSION_FILE_DIR": str(tmp_path)}
    settings = {**FROM_FLASK_SESSION, **folder, "SESSION_TYPE": kind}
    with pytest.raises(ConfigurationError, match="SESSION_MIGRATE_FROM=flask-session-pickle"):
        configure(clock, **settings)
    configure(clock, **{**settings, "SESSION_MIGRATE_FROM": "flask-session-pickle"})


def test_a_move_between_our_stores_asks_for_another_prefix(clock: SetClock, tmp_path: Path) -> None:
    """A token of the old one would be taken for that of a session which has ended."""
    app = make_bare("filesystem", clock, SESSION_OWNER="user", SESSION_FILE_DIR=tmp_path)
    before = app.session_interface
    app.config.update(SESSION_MIGRATE_FROM=before, SESSION_REDIS=fakeredis.FakeRedis(), **UNTIL)
    with pytest.raises(ConfigurationError, match=r"^SESSION_MIGRATE_FROM .* SESSION_KEY_PREFIX"):
        init_app(app, "redis", clock)
    assert app.session_interface is before
    init_app(app, "cookie", clock)
    app.config["SESSION_KEY_PREFIX"] = "moved:"
    init_app(app, "redis", clock)


def test_a_move_asks_for_the_owner(clock: SetClock, caplog: pytest.LogCaptureFixture) -> None:
    configure(clock, **FROM_FLASK, SESSION_MIGRATE_UNTIL="2027-01-31", SESSION_OWNER=None)
    assert "SESSION_OWNER" in caplog.text
    caplog.clear()
    configure(clock, **FROM_FLASK, SESSION_MIGRATE_UNTIL="2027-01-31")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("source", ["flask-session", None])
def test_it_may_be_installed_after_flask_session(clock: SetClock, source: str | None) -> None:
    """And adds nothing of it to the application; without the setting nobody moves."""
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": fakeredis.FakeRedis()}
    move = {"SESSION_MIGRATE_FROM": source, "SESSION_MIGRATE_UNTIL": "2027-01-31"}
    app = make_bare("cookie", clock, **settings, **move)
    assert (app.before_request_funcs, list(app.cli.commands)) == ({}, [])
    Session(app)
    init_app(app, "cookie", clock)
    interface: Any = app.session_interface
    assert isinstance(interface, CookieInterface)
    assert (interface.migration is None) is (source is None)
