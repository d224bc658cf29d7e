"""`flask sessions list`."""

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from backends import interface_of
from backends.store import call_before
from tests.backends.commands.conftest import FIREFOX, Shop, on_each_store


@on_each_store
def test_the_newest_session_comes_first(shop: Shop) -> None:
    shop.log_in("ada")
    shop.log_in("bob")
    shop.log_in("ada", "curl/8.5.0")
    result = shop.run("list", "ada")
    newest, oldest = shop.handles()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [re.split(" {2,}", line) for line in result.stdout.splitlines()] == [
        ["OWNER", "HANDLE", "BROWSER", "ADDRESS", "BEGUN (UTC)", "LAST USED (UTC)"],
        ["ada", newest, "curl 8", "127.0.0.1", *["2027-01-15 08:03"] * 2],
        ["ada", oldest, "Firefox 128 on Linux", "127.0.0.1", *["2027-01-15 08:01"] * 2],
    ]


def test_json_has_the_times_for_people_and_in_seconds(shop: Shop) -> None:
    shop.log_in()
    result = shop.run("list", "ada", "--format", "json")
    at, seconds = "2027-01-15T08:01:00Z", 1_800_000_060.0
    whose = {"owner": "ada", "handle": shop.handles()[0], "address": "127.0.0.1"}
    agent = {"browser": "Firefox 128 on Linux", "user_agent": FIREFOX}
    begun, used = ({name: at, f"{name}_seconds": seconds} for name in ("begun", "last_used"))
    assert json.loads(result.stdout) == [{**whose, **agent, **begun, **used}]


def test_an_empty_list_says_so(shop: Shop) -> None:
    assert shop.run("list", "nobody").stdout == "No sessions.\n"
    assert json.loads(shop.run("list", "nobody", "--format", "json").stdout) == []


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_page_says_how_to_go_on(shop: Shop, output: str) -> None:
    for _ in range(5):
        shop.log_in()
    handles, seen, more = shop.handles(), list[str](), list[str]()
    while len(seen) < len(handles):
        result = shop.run("list", "ada", "--format", output, "--limit", "2", *more)
        page = [handle for handle in handles if handle in result.stdout]
        seen += page
        more = ["--after", page[-1]]
        left = len(handles) - len(seen)
        assert result.stderr == (f"{left} more: go on with --after {page[-1]}\n" if left else "")
    assert seen == handles


def test_a_page_after_an_ended_session_is_an_error(shop: Shop) -> None:
    shop.log_in()
    result = shop.run("list", "ada", "--after", "0123456789abcdef")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: --after: there is no session with the handle 0123456789abcdef, or it has ended. "
        "List from the beginning.\n"
    )


ASKED: list[tuple[object, list[str]]] = [
    ("42", ["42"]),
    ("42", ["--json-owner", '"42"']),
    (42, ["--json-owner", "42"]),
    (-1, ["--json-owner", "--", "-1"]),
    (True, ["--json-owner", "true"]),
    (["acme", 7], ["--json-owner", '["acme", 7]']),
    (UUID(int=7), ["--json-owner", json.dumps({" u": UUID(int=7).hex})]),
    ("Ærøskøbing", ["Ærøskøbing"]),
]


def test_an_owner_is_never_taken_for_another(shop: Shop) -> None:
    for each in ("42", 42, -1, True, ["acme", 7], UUID(int=7), "Ærøskøbing", "null"):
        shop.log_in(each)
    for owner, arguments in ASKED:
        found = json.loads(shop.run("list", "--format", "json", *arguments).stdout)
        assert [each["handle"] for each in found] == shop.handles(owner)
        plain = json.loads(interface_of(shop.app).serializer.encode(owner))
        assert (found[0]["owner"], type(found[0]["owner"])) == (plain, type(plain))


@pytest.mark.parametrize("command", [("list", "42"), ("revoke", "42", "--all")])
def test_a_number_without_sessions_names_the_option(command: Sequence[str], shop: Shop) -> None:
    shop.log_in(42)
    assert shop.run(*command).stderr == (
        "42 was looked for as text. If SESSION_OWNER holds a number, add --json-owner.\n"
    )
    assert shop.run("list", "ada").stderr == ""


def test_what_is_no_owner_in_json_is_a_usage_error(shop: Shop) -> None:
    for text in ('{" u": 5}', "ada", "null", "", '{" u": "x"}', "[" * 5000):
        result = shop.run("list", "--json-owner", text)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: --json-owner: OWNER is no JSON of an owner" in result.stderr


def test_without_an_owner_all_that_the_application_names(shop: Shop) -> None:
    result = shop.run("list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Missing argument 'OWNER'" in result.stderr
    shop.app.config["SESSION_LIST_OWNERS"] = lambda: ["ada", 42]
    shop.log_in(42)
    shop.log_in("ada")
    shop.log_in("bob")
    found = json.loads(shop.run("list", "--format", "json").stdout)
    assert [each["owner"] for each in found] == ["ada", 42]


def test_nothing_in_a_list_steers_the_terminal(shop: Shop) -> None:
    shop.log_in("\x1b[31mada", agent="\x1b]0;owned\x07\x9b31m")
    shop.log_in("\x1b[31mada", agent="Ж\u202e")
    assert shop.run("list", "\x1b[31mada").stdout.replace("\n", "").isprintable()
    assert shop.run("list", "\x1b[31mada", "--format", "json").stdout.isascii()
    assert shop.run("revoke", "\x1b", "\x1b[0m").stderr.replace("\n", "").isprintable()


@on_each_store
def test_a_session_that_ends_while_it_is_listed_is_left_out(shop: Shop) -> None:
    shop.log_in()
    shop.log_in()
    kept, ended = shop.handles()
    interface, pending = interface_of(shop.app), [ended]

    def end_it() -> None:
        if pending:
            assert interface.revoke("ada", [pending.pop()]) == 1

    # Between the reading of the list and that of its records.
    call_before(interface.store, "load", end_it)
    found = json.loads(shop.run("list", "ada", "--format", "json").stdout)
    # A store that reads both in one step asks for no record: nothing ended in between.
    assert [each["handle"] for each in found] == ([kept, ended] if pending else [kept])


def test_a_list_of_owners_that_is_no_function_is_one_line(shop: Shop) -> None:
    wrong: list[Any] = [5, ["ada"], lambda: None, lambda: 5, lambda: "ada", lambda: b"ada"]
    for names in wrong:
        shop.app.config["SESSION_LIST_OWNERS"] = names
        result = shop.run("list")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: SESSION_LIST_OWNERS is no function")


def test_owners_that_no_session_can_hold_are_one_line(shop: Shop) -> None:
    """As the rows of a table in the place of their ids."""
    shop.app.config["SESSION_LIST_OWNERS"] = lambda: ["ada", object()]
    result = shop.run("list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "Error: SESSION_LIST_OWNERS names object objects, which no session"
    )
    assert result.stderr.count("\n") == 1
