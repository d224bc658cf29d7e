"""`flask sessions revoke`."""

import json
import logging
from typing import Any

import pytest
from flask.testing import FlaskClient

from backends import interface_of
from backends.store import call_before
from tests.backends.commands.conftest import Shop, on_each_store


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
