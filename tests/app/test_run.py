"""`session-lab run`: one clear line for what cannot be, an address and a quiet end otherwise."""

import errno
import os
import runpy
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from app.__main__ import main
from app.config import VARIABLES
from app.server import Server, format_greeting, log_new_accounts
from app.serving.worker import Worker
from backends import BACKENDS
from tests.conftest import PRODUCTION, make_session_lab
from tests.support.covers import covers
from tests.support.processes import PROJECT, run
from tests.support.services import PATIENCE, LabServer, free_port

BIN = Path(sys.executable).parent


Refused = Callable[[dict[str, str]], str]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Refused:
    """The one line with which `session-lab run` refuses to start on those variables, asked here.

    A process of its own costs more; that it ends so too is tested below.
    """

    def ask(environment: dict[str, str]) -> str:
        for variable in VARIABLES:
            monkeypatch.delenv(variable.name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["session-lab", "run"])
        monkeypatch.setattr("app.server.Server.run", lambda _: pytest.fail("it started"))
        with pytest.raises(SystemExit) as ended:
            main()
        line = str(ended.value.code)
        assert capfd.readouterr() == ("", "")
        assert "\n" not in line
        assert line.startswith("session-lab: ")
        return line.removeprefix("session-lab: ")

    return ask


def _refused_by_process(folder: Path, environment: dict[str, str], *command: str | Path) -> str:
    """The one line with which a command, in a process of its own, refuses to start."""
    ended = run(command, folder, LabServer(folder, environment).environment)
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("session-lab: ")
    return line.removeprefix("session-lab: ")


INVALID = {
    "address without a scheme": (
        {"SESSION_BACKEND": "redis", "REDIS_URL": "localhost:6379"},
        "REDIS_URL cannot be read",
    ),
    "address of another machine": (
        {"HOST": "192.0.2.1", "PORT": "8080"},
        "HOST=192.0.2.1 PORT=8080: cannot listen there (Cannot assign requested address). Give one "
        "of this machine: ",
    ),
}


@pytest.mark.parametrize(("environment", "expected"), INVALID.values(), ids=INVALID)
def test_an_invalid_setting_is_refused_with_one_line(
    environment: dict[str, str], expected: str, refused: Refused
) -> None:
    assert refused(environment).startswith(expected)


def test_a_process_refuses_what_gunicorn_reads_for_itself(tmp_path: Path) -> None:
    line = _refused_by_process(tmp_path, {"WEB_CONCURRENCY": "nan"}, BIN / "session-lab", "run")
    assert line.startswith("WEB_CONCURRENCY: 'nan' is not a whole number")


@pytest.mark.parametrize("backend", ["redis", "flask-session-redis", ""])
def test_an_unreachable_redis_is_named_without_its_password(backend: str, refused: Refused) -> None:
    port = free_port()
    url = f"redis://lab:hunter2@127.0.0.1:{port}/0?client_name=hunter2"
    line = refused({"SESSION_BACKEND": backend, "REDIS_URL": url})
    assert line.startswith(f"REDIS_URL=redis://***@127.0.0.1:{port}/0 cannot be used: ")
    assert "hunter2" not in line
    unreadable = {"SESSION_BACKEND": backend, "REDIS_URL": "redis://:hunt/er2@localhost"}
    assert "hunt" not in refused(unreadable)


@pytest.mark.parametrize("backend", ["filesystem", "flask-session-filesystem", ""])
def test_a_session_folder_that_cannot_be_written_is_named(
    backend: str, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for each in BACKENDS:  # a folder that is there, and takes no file from root either
        (tmp_path / each).symlink_to("/proc/self/task")
    line = refused({"SESSION_BACKEND": backend, "SESSION_FILE_DIR": str(tmp_path)})
    assert line.startswith("SESSION_FILE_DIR: sessions cannot be written to ")
    folder = tmp_path / "file" / "sessions"
    line = refused({"SESSION_BACKEND": backend, "SESSION_FILE_DIR": str(folder)})
    assert line.startswith(f"SESSION_FILE_DIR: sessions cannot be written to {folder}")


def test_a_file_that_is_no_database_is_named_once(refused: Refused, tmp_path: Path) -> None:
    file = tmp_path / "instance/sessions/sqlite/sqlite/sessions.sqlite3"
    file.parent.mkdir(parents=True)
    file.write_text("no database" * 100)
    line = refused({"SESSION_BACKEND": "sqlite"})
    assert line.startswith(f"SESSION_FILE_DIR: session file {file}: file is not a database. ")


def test_a_port_in_use_is_named(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused({"SESSION_BACKEND": "cookie", "PORT": str(port)})
    assert line.startswith(f"PORT={port}: another program listens on 127.0.0.1 there.")


def test_a_port_that_this_user_may_not_take_is_named(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's refusal is made: root may take each port."""
    refusal = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr("socket.create_server", Mock(side_effect=refusal))
    line = refused({"SESSION_BACKEND": "cookie", "PORT": "80"})
    assert line.endswith(
        " PORT=80: cannot listen there (Permission denied). Take a PORT from 1024 on."
    )


def test_gunicorn_refuses_more_processes_on_an_embedded_redis() -> None:
    options = ("--workers", "2", "--bind", "127.0.0.1:0", "--log-level", "error")
    line = _refused_by_process(PROJECT, {}, BIN / "gunicorn", *options, "app:create_app()")
    assert line.startswith("WEB_CONCURRENCY=2: the embedded Redis lives in one process")


@pytest.mark.parametrize(("backend", "workers"), [("", 1), ("cookie", 4)])
def test_gunicorn_accepts_settings_that_lose_no_session(
    backend: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SESSION_BACKEND", backend)
    configuration = runpy.run_path(str(PROJECT / "gunicorn.conf.py"))
    on_starting: Callable[[Any], object] = configuration["on_starting"]
    assert on_starting(SimpleNamespace(cfg=SimpleNamespace(workers=workers))) is None


def _server(folder: Path) -> LabServer:
    return LabServer(folder, dict.fromkeys(("HOME", "TMPDIR", "XDG_RUNTIME_DIR"), str(folder)))


def _end(server: LabServer, how: signal.Signals) -> None:
    """By that signal, while somebody is connected who sends nothing."""
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        assert server.stop(how) == 0
        with suppress(ConnectionResetError):  # the kernel closes with RST or with FIN
            assert idle.recv(1) == b""
    [line] = server.errors.splitlines()
    assert "INFO accounts begin anew file=" in line
    assert {path.name for path in server.folder.iterdir()} == {"instance", server.log.name}


@covers("RF-23")
def test_it_serves_at_its_address_and_takes_three_full_cookies(tmp_path: Path) -> None:
    """Until a signal ends it, and leaves nothing but its instance folder."""
    cookies = "; ".join(f"{name}={name * 4000}" for name in "abc")
    with _server(tmp_path) as server:
        assert server.greeting == f"Session Lab (every backend, side by side): {server.url}"
        for path in ("/", "/cookie/login", "/redis/login"):
            with urlopen(server.url + path, timeout=PATIENCE) as page:
                assert page.status == 200
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{server.url}/nowhere", timeout=PATIENCE)
        assert _get(server, f"Cookie: {cookies}").startswith(b"HTTP/1.1 200 ")
        _end(server, signal.SIGTERM)


def test_ctrl_c_ends_it_too(tmp_path: Path) -> None:
    with _server(tmp_path) as server:
        _end(server, signal.SIGINT)


@pytest.mark.parametrize(
    ("before", "ended_by"), [(signal.SIG_DFL, [signal.SIGTERM]), (signal.SIG_IGN, [])]
)
def test_a_closed_terminal_ends_it_unless_it_was_started_by_nohup(
    before: signal.Handlers, ended_by: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would serve on, with a new worker that has no session of an embedded Redis."""
    handlers: dict[int, Any] = {signal.SIGHUP: before}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    monkeypatch.setattr("signal.getsignal", handlers.__getitem__)
    signals: list[int] = []
    arbiter = SimpleNamespace(signal=lambda number, _frame: signals.append(number))
    app = make_session_lab()
    server = Server(app, socket.create_server(("127.0.0.1", 0)))
    os.close(server.descriptor)
    server._begin(arbiter)
    handlers[signal.SIGHUP](signal.SIGHUP, None)
    assert signals == ended_by


def test_a_closed_terminal_leaves_it_to_the_first_process_what_becomes_of_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    for name in ("set_wakeup_fd", "siginterrupt"):
        monkeypatch.setattr(f"signal.{name}", lambda *_: None)
    worker = Worker.__new__(Worker)
    worker.PIPE = [0, 0]
    worker.init_signals()
    assert handlers[signal.SIGHUP] is signal.SIG_IGN


def _get(server: LabServer, header: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        request = f"GET /healthz HTTP/1.1\r\nHost: lab\r\n{header}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        return connection.recv(4096)


@pytest.mark.parametrize("backend", [None, "cookie"])
def test_a_start_without_the_file_says_once_that_the_accounts_begin_anew(
    backend: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    for _ in range(2):
        caplog.clear()
        log_new_accounts(make_session_lab(backend, SESSION_FILE_DIR=tmp_path))
        said.append(caplog.text.count("accounts begin anew"))
    assert said == [1, 0]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"HOST": "::1", "PORT": 8080}, "Session Lab (Signed cookie): http://[::1]:8080"),
        (
            {"backend": "redis", "PORT": 8080},
            "Session Lab (Redis): http://127.0.0.1:8080\n"
            "Redis is embedded: those sessions are gone when this process ends.",
        ),
        (
            {**PRODUCTION, "PORT": 8080},
            "Session Lab (Signed cookie): http://127.0.0.1:8080\n"
            "It answers by HTTPS only, to these names: localhost. Open it by its proxy.",
        ),
    ],
)
def test_the_greeting_has_an_address_and_says_embedded(
    settings: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    app = make_session_lab(**{"SESSION_FILE_DIR": tmp_path, "HOST": "127.0.0.1", **settings})
    assert format_greeting(app) == expected
