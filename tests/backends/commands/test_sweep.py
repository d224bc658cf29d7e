"""`flask sessions sweep`."""

import json
from pathlib import Path

import pytest

from backends import Sweeps, interface_of
from tests.backends.commands.conftest import Shop, on_each_store, run
from tests.support.bare import make_bare
from tests.support.clock import SetClock

DAYS = 24 * 3600


@on_each_store
def test_the_store_is_swept_or_says_that_it_does_it_itself(shop: Shop, clock: SetClock) -> None:
    shop.log_in()
    shop.log_in("bob")
    clock.forward(60 * DAYS)
    shop.log_in("eve")
    result = shop.run("sweep", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    if isinstance(interface_of(shop.app).store, Sweeps):
        # The login has removed two itself, or looked at two places where they may be.
        assert json.loads(result.stdout) in [{"removed": n, "reason": None} for n in (0, 1, 2)]
        assert shop.run("sweep").stdout == "Records of ended sessions removed: 0.\n"
    else:
        reason = "this store removes ended sessions itself"
        assert json.loads(result.stdout) == {"removed": 0, "reason": reason}
        assert shop.run("sweep").stdout == f"Nothing to do: {reason}.\n"
    assert len(shop.listed("eve")) == 1


@pytest.mark.parametrize(
    ("backend", "status", "said"),
    [
        ("cookie", 0, "Nothing to do: the sessions are in the browsers' cookies."),
        ("flask-cookie", 0, "Nothing to do: the sessions are in the browsers' cookies."),
        ("flask-session-redis", 0, "Nothing to do: Redis removes ended sessions itself."),
        ("flask-session-filesystem", 1, "Error: SESSION_BACKEND=flask-session-filesystem has no"),
    ],
)
def test_what_cannot_be_swept_says_why(
    tmp_path: Path, backend: str, status: int, said: str
) -> None:
    sessions, url = tmp_path / "sessions", "redis://127.0.0.1:1/0"
    result = run(make_bare(backend, SESSION_FILE_DIR=sessions, REDIS_URL=url), "sweep")
    assert result.exit_code == status
    assert result.output.startswith(said)
    assert result.output.count("\n") == 1
