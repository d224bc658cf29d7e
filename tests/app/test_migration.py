"""Session Lab itself is switched from a stock backend, by two environment variables."""

from pathlib import Path
from typing import Any

import pytest

from app.config import STOCK_BEFORE
from backends import ConfigurationError, interface_of
from tests.app.conftest import MakeLab
from tests.support.services import RedisServer
from tests.support.visitor import Visitor


@pytest.mark.parametrize("source", STOCK_BEFORE)
def test_the_visitor_of_a_stock_backend_stays_in(
    source: str, make_lab: MakeLab, tmp_path: Path, redis_server: RedisServer
) -> None:
    """And the files stay in their folder when the move ends."""
    redis_server.client().flushall()
    where = {"REDIS_URL": redis_server.url}
    old = Visitor(make_lab(STOCK_BEFORE[source], **where)).logged_in()
    move = {"SESSION_MIGRATE_FROM": source, "SESSION_MIGRATE_UNTIL": "2100-01-01"}
    during, after = (make_lab("filesystem", **where, **more) for more in (move, {}))
    new = Visitor(during, old.token)
    assert new.is_in
    assert new.token != old.token
    assert new.submit("/dashboard/note", note="buy milk").status_code == 200
    stores: list[Any] = [interface_of(each).store for each in (during, after)]
    assert [store.folder for store in stores] == [tmp_path / "filesystem"] * 2


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
    backend: str | None, more: dict[str, str], message: str, make_lab: MakeLab
) -> None:
    with pytest.raises(ConfigurationError, match=message) as refused:
        make_lab(backend, **{"SESSION_MIGRATE_FROM": "flask", **more})
    assert "\n" not in str(refused.value)
