"""Session Lab itself is switched from a stock backend, by two environment variables."""

from pathlib import Path
from typing import Any

import pytest

from app import create_app
from app.config import STOCK_BEFORE
from backends import ConfigurationError
from tests.conftest import ACCOUNTS, OURS, SECRET
from tests.support.services import RedisServer
from tests.support.visitor import Visitor


def make(backend: str | None, tmp_path: Path, **more: Any) -> Any:
    settings = {"SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS, "SESSION_FILE_DIR": tmp_path}
    return create_app({"SESSION_BACKEND": backend, **settings, **more})


@pytest.mark.parametrize("to", [backend.name for backend in OURS])
@pytest.mark.parametrize("source", STOCK_BEFORE)
def test_the_visitor_of_a_stock_backend_stays_in(
    source: str, to: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    redis_server.client().flushall()
    where = {"REDIS_URL": redis_server.url}
    old = Visitor(make(STOCK_BEFORE[source], tmp_path, **where)).logged_in()
    move = {"SESSION_MIGRATE_FROM": source, "SESSION_MIGRATE_UNTIL": "2100-01-01"}
    new = Visitor(make(to, tmp_path, **where, **move), old.token)
    assert new.is_in
    assert new.token != old.token
    assert new.submit("/dashboard/note", note="buy milk").status_code == 200


@pytest.mark.parametrize("source", STOCK_BEFORE)
def test_files_stay_in_their_folder_when_the_move_ends(
    source: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    where = {"REDIS_URL": redis_server.url}
    move = {"SESSION_MIGRATE_FROM": source, "SESSION_MIGRATE_UNTIL": "2100-01-01"}
    during, after = (make("filesystem", tmp_path, **where, **more) for more in (move, {}))
    folders = [each.session_interface.store.folder for each in (during, after)]
    assert folders == [tmp_path / "filesystem"] * 2


@pytest.mark.parametrize(
    ("backend", "more", "message"),
    [
        (None, {"SESSION_MIGRATE_UNTIL": "2100-01-01"}, "SESSION_BACKEND"),
        ("redis", {}, "SESSION_MIGRATE_UNTIL"),
        ("redis", {"SESSION_MIGRATE_UNTIL": "soon"}, "SESSION_MIGRATE_UNTIL.*2027-01-31"),
        ("flask-cookie", {"SESSION_MIGRATE_UNTIL": "2100-01-01"}, "takes over no sessions"),
        ("redis", {"SESSION_MIGRATE_FROM": "django"}, "SESSION_MIGRATE_FROM.*flask-session"),
    ],
)
def test_what_cannot_be_moved_is_one_line(
    backend: str | None, more: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        make(backend, tmp_path, **{"SESSION_MIGRATE_FROM": "flask", **more})
    assert "\n" not in str(refused.value)
