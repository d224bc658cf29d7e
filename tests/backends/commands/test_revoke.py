"""`flask sessions revoke` and `flask sessions sweep`."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from backends import Sweeps, interface_of
from backends.store import call_before
from tests.backends.commands.conftest import Shop, on_each_store, run
from tests.support.bare import make_bare
from tests.support.clock import SetClock


def users_in(*clients: FlaskClient) -> list[Any]:
    return [client.get("/").get_json().get("user") for client in clients]


@on_each_store
def test_all_ends_the_sessions_of_that_owner_alone(shop: Shop) -> None:
    adas, bob = [shop.log_in(), shop.log_in()], shop.log_in("bob")
    for ended in (2, 0):
        result = shop.run("revoke", "ada", "--all")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"Sessions of ada ended: {ended}.\n"
        assert users_in(*adas, bob) == [None, None, "bob"]


def test_text_and_number_are_two_owners(shop: Shop) -> None:
    number, text = shop.log_in(42), shop.log_in("42")
    result = shop.run("revoke", "--json-owner", "42", "--all", "--format", "json")
    assert json.loads(result.stdout) == {"owner": 42, "ended": 1, "unknown": []}
    assert users_in(number, text) == [None, "42"]


def test_handles_end_those_sessions_and_no_others(shop: Shop) -> None:
    clients = [shop.log_in() for _ in range(3)]
    newest, _, oldest = shop.handles()
    result = shop.run("revoke", "ada", newest, oldest, newest)
    assert (result.exit_code, result.stdout) == (0, "Sessions of ada ended: 2.\n")
    assert users_in(*clients) == [None, "ada", None]


def test_an_unknown_handle_is_an_error_in_one_line(shop: Shop) -> None:
    bob, ada = shop.log_in("bob"), shop.log_in()
    [handle], [known] = shop.handles("bob"), shop.handles()
    result = shop.run("revoke", "ada", handle)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: ada has no session with the handle {handle}.\n"
    assert users_in(bob, ada) == ["bob", "ada"]
    beside = shop.run("revoke", "ada", handle, known, "--format", "json")
    assert beside.exit_code == 1
    assert json.loads(beside.stdout) == {"owner": "ada", "ended": 1, "unknown": [handle]}
    assert users_in(bob, ada) == ["bob", None]


def test_neither_handle_nor_all_or_both_is_a_usage_error(shop: Shop) -> None:
    ada = shop.log_in()
    for arguments in ([], ["--all", "0123456789abcdef"]):
        result = shop.run("revoke", "ada", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Name the sessions by HANDLE, or end all of them by --all." in result.stderr
    assert users_in(ada) == ["ada"]


@on_each_store
def test_a_session_that_ended_meanwhile_is_not_counted(shop: Shop) -> None:
    shop.log_in()
    [handle] = shop.handles()
    interface: Any = interface_of(shop.app)
    [key] = interface.store.sessions_of(interface._name_owner("ada"))
    ended: list[bool] = []
    call_before(interface, "revoke", lambda: ended.append(interface.store.delete(key)))
    result = shop.run("revoke", "ada", handle)
    assert (result.exit_code, result.stdout) == (0, "Sessions of ada ended: 0.\n")
    assert ended == [True]


@on_each_store
def test_all_ends_a_session_that_changes_its_id_meanwhile(shop: Shop) -> None:
    ada, pending = shop.log_in(), [True]

    def rotate_once() -> None:
        if pending:
            pending.pop()
            ada.post("/rotate")

    call_before(interface_of(shop.app), "revoke", rotate_once)
    assert shop.run("revoke", "ada", "--all").stdout == "Sessions of ada ended: 1.\n"
    assert users_in(ada) == [None]


def test_the_log_says_that_the_command_line_did_it(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.log_in()
    with caplog.at_level(logging.INFO, "backends.audit_log"):
        shop.run("revoke", "ada", "--all")
    events = [record.event for record in caplog.records if hasattr(record, "event")]
    told = {"event": "sessions ended", "owner": "ada", "by": "the command line", "ended": 1}
    assert events[-1] == told


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
