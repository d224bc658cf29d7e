"""The commands, by every way in."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask, session

from app import create_app
from app.__main__ import session_lab
from backends import BACKENDS, StoreUnavailable, init_app, interface_of
from backends.store import Sweeps
from tests.conftest import SECRET
from tests.support.clock import SetClock
from tests.support.services import PATIENCE, LabServer
from tests.support.visitor import Visitor

BIN = Path(sys.executable).parent

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Call `session-lab` inside this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_BACKEND", "cookie")
    return lambda *arguments: CliRunner().invoke(session_lab, arguments, prog_name="session-lab")


@pytest.fixture
def cookie() -> str:
    """The session cookie of any Flask application on signed cookies."""
    app = Flask("another")
    app.config.update(SECRET_KEY=SECRET)
    init_app(app, "cookie")

    @app.get("/")
    def index() -> str:
        session["user"] = "Ærøskøbing"
        return ""

    client = app.test_client()
    client.get("/")
    found = client.get_cookie("session")
    assert found is not None
    return found.value


def test_a_cookie_is_decoded_without_its_key(invoke: Invoke, cookie: str) -> None:
    result = invoke("cookie", "decode", cookie)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["user"] == "Ærøskøbing"
    assert result.stderr.startswith("signed at ")
    assert result.stderr.endswith("the signature was not checked\n")


def test_a_cookie_is_decoded_as_it_was_copied_and_from_standard_input(
    invoke: Invoke, cookie: str
) -> None:
    line = f"Cookie: theme=dark; session={cookie}"
    given = invoke("cookie", "decode", line)
    assert json.loads(given.stdout)["user"] == "Ærøskøbing"
    piped = CliRunner().invoke(session_lab, ["cookie", "decode", "-"], input=f"{line}\n")
    assert (piped.exit_code, piped.stdout) == (0, given.stdout)


@pytest.mark.parametrize("value", ["", "nonsense", "a.b.c", "ZG9n"])
def test_a_value_without_a_session_is_an_error(value: str, invoke: Invoke) -> None:
    result = invoke("cookie", "decode", value)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Nothing can be read in it")


def test_decoding_needs_no_setting_and_leaves_nothing(
    invoke: Invoke, cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    assert invoke("cookie", "decode", cookie).exit_code == 0
    assert not list(tmp_path.iterdir())


def test_help_lists_every_command_and_looks_at_no_setting(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    result = invoke("--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: session-lab" in result.stdout
    assert {"bench", "compare", "cookie", "run", "sessions"} <= set(result.stdout.split())
    assert not list(tmp_path.iterdir())


def test_no_command_of_the_application_is_missing() -> None:
    """`session-lab` names its commands without asking the application."""
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET, "LAB": True})
    assert app.cli.commands.keys() <= set(session_lab.list_commands(click.Context(session_lab)))


def test_an_invalid_setting_is_one_line_where_a_command_needs_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "memcached")
    assert invoke("sessions", "--help").exit_code == 0
    result = invoke("sessions", "list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'memcached' is not known" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        (str(BIN / "session-lab"),),
        (sys.executable, "-m", "app"),
        (str(BIN / "flask"), "--app", "app"),
    ],
    ids=["session-lab", "python -m app", "flask --app app"],
)
def test_every_command_name_offers_the_same_commands(
    command: tuple[str, ...], cookie: str, tmp_path: Path
) -> None:
    process = subprocess.run(
        (*command, "cookie", "decode", cookie),
        cwd=tmp_path,
        env=LabServer(tmp_path).environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["user"] == "Ærøskøbing"


def test_an_application_on_one_backend_offers_them_too(cookie: str) -> None:
    app = create_app({"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET})
    result = app.test_cli_runner().invoke(args=["cookie", "decode", cookie])
    assert json.loads(result.stdout)["user"] == "Ærøskøbing"


@pytest.mark.parametrize(
    "placed",
    [(BACKENDS["filesystem"], "real"), (BACKENDS["redis"], "real")],
    indirect=True,
    ids=["filesystem", "redis"],
)
class TestSessions:
    @pytest.fixture
    def run(self, lab_app: Flask) -> Invoke:
        """Call a `sessions` command of the application."""
        runner = lab_app.test_cli_runner()
        return lambda *arguments: runner.invoke(args=["sessions", *arguments])

    @pytest.fixture
    def alices(self, lab_app: Flask) -> list[Visitor]:
        return [Visitor(lab_app).logged_in() for _ in range(2)]

    @pytest.fixture
    def bob(self, lab_app: Flask) -> Visitor:
        return Visitor(lab_app).logged_in("bob")

    def test_the_list_has_a_row_for_each_session_of_the_user(
        self, run: Invoke, alices: list[Visitor], bob: Visitor
    ) -> None:
        result = run("list", "alice")
        head, *rows = [line.split("  ") for line in result.stdout.splitlines()]
        assert result.exit_code == 0
        assert [cell.strip() for cell in head if cell] == [
            *("USER", "HANDLE", "BROWSER", "ADDRESS", "SINCE (UTC)", "LAST SEEN (UTC)")
        ]
        assert [(row[0], row[3]) for row in rows] == [("alice", "127.0.0.1")] * len(alices)
        tokens = [visitor.token for visitor in alices]
        assert not [token for token in tokens if token in result.stdout]

    def test_without_a_user_the_list_is_of_every_account(
        self, run: Invoke, alices: list[Visitor], bob: Visitor
    ) -> None:
        users = [line.split()[0] for line in run("list").stdout.splitlines()[1:]]
        assert users == ["alice", "alice", "bob"]

    def test_an_empty_list_says_so(self, run: Invoke) -> None:
        assert run("list", "nobody").stdout == "No sessions.\n"

    def test_a_browser_cannot_write_to_the_terminal(self, lab_app: Flask, run: Invoke) -> None:
        Visitor(lab_app, agent="\x1b]0;owned\x07\x9b31m").log_in()
        assert run("list").stdout.replace("\n", "").isprintable()

    def test_revoke_ends_every_session_of_the_user_and_no_other(
        self, run: Invoke, alices: list[Visitor], bob: Visitor
    ) -> None:
        result = run("revoke", "alice")
        assert (result.exit_code, result.stdout) == (0, "Sessions of alice ended: 2.\n")
        assert [visitor.is_in for visitor in [*alices, bob]] == [False, False, True]

    def test_revoke_with_a_handle_ends_that_one(self, run: Invoke, alices: list[Visitor]) -> None:
        handle = run("list", "alice").stdout.splitlines()[1].split()[1]
        assert run("revoke", "alice", "--handle", handle).exit_code == 0
        assert sorted(visitor.is_in for visitor in alices) == [False, True]

    def test_a_handle_that_is_not_the_users_is_an_error(
        self, run: Invoke, alices: list[Visitor], bob: Visitor
    ) -> None:
        handle = run("list", "bob").stdout.splitlines()[1].split()[1]
        result = run("revoke", "alice", "--handle", handle)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"alice has no session with the handle {handle}" in result.stderr
        assert bob.is_in

    def test_sweep_removes_what_is_over_or_says_that_the_store_does(
        self, lab_app: Flask, run: Invoke, clock: SetClock, alices: list[Visitor]
    ) -> None:
        clock.now = time.time() + 10 * 24 * 3600
        store: Any = interface_of(lab_app).store
        store.clock = clock
        result = run("sweep")
        assert result.exit_code == 0
        if isinstance(store, Sweeps):
            assert result.stdout == f"Files of ended sessions removed: {len(alices)}.\n"
            assert "Sweeping" in result.stderr
        else:
            assert result.stdout == "Nothing to do: this store removes ended sessions itself.\n"

    def test_a_store_that_cannot_be_asked_is_one_line(
        self, lab_app: Flask, run: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(_owner: str) -> None:
            raise StoreUnavailable("it is down")

        monkeypatch.setattr(lab_app.session_interface, "sessions_of", down)
        result = run("list", "alice")
        assert result.exit_code == 1
        assert result.stderr == "Error: session store unavailable: it is down\n"


@pytest.mark.parametrize("command", [("list",), ("revoke", "alice"), ("sweep",)])
@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("", "Several backends are mounted. Set SESSION_BACKEND to one of: cookie, "),
        ("cookie", "SESSION_BACKEND=cookie cannot tell whose a session is"),
        ("flask-cookie", "SESSION_BACKEND=flask-cookie cannot tell whose a session is"),
        ("flask-session-filesystem", "cannot tell whose a session is"),
        ("redis", "The embedded Redis lives in the process that serves. Set REDIS_URL"),
    ],
)
def test_sessions_that_cannot_be_listed_are_one_line(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    expected: str,
    command: tuple[str, ...],
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", backend)
    result = invoke("sessions", *command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1
