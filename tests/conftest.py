"""Fixtures for every test: a clock, an application on each backend, real services."""

import itertools
import os
import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fakeredis
import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from werkzeug.security import generate_password_hash

from app import create_app
from app.web.compiled import CompiledRule
from backends import BACKENDS, Backend, Clock
from backends.store import wall_clock
from backends.timing import deadline
from tests.support.bare import SECRET as SECRET
from tests.support.bare import Views, make_bare
from tests.support.clock import SetClock
from tests.support.redis_topologies import RedisClusterTrio
from tests.support.services import BY_DESIGN, CHROMIUM, PATIENCE, RedisServer, require, untraced
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ACCOUNTS = {
    # One round, because a test is not there to be slow.
    name: generate_password_hash(password, "pbkdf2:sha256:1")
    for name, password in (("alice", "wonderland"), ("bob", "builder"))
}
PRODUCTION: dict[str, Any] = {
    "APP_PROFILE": "production",
    "PREFERRED_URL_SCHEME": "https",
    "ALLOWED_HOSTS": ["localhost"],
}
NUMBERS = itertools.count()
"""Of the tests' files of accounts."""
OURS = [backend for backend in BACKENDS.values() if not backend.stock]


# How long an example takes says how busy the machine is.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under REQUIRE_SERVICES=1 a skip is a failure that says what the skip says: what to do."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and os.environ.get("REQUIRE_SERVICES") == "1":
        assert isinstance(report.longrepr, tuple)
        why = report.longrepr[2]
        if not why.startswith(f"Skipped: {BY_DESIGN}"):
            report.outcome, report.longrepr = "failed", f"{why} (REQUIRE_SERVICES=1)"
    return report


@pytest.fixture(autouse=True, scope="session")
def signals_for_children() -> Iterator[None]:
    """Start processes with default signals, even where pytest was told to ignore some.

    `nohup` ignores SIGHUP, and a shell's `&` SIGINT: a child inherits that, but no handler.
    """
    given = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT)}
    ignored = [number for number, handler in given.items() if handler is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(autouse=True, scope="session")
def quick_applications() -> Iterator[None]:
    """Applications of tests do nothing that takes long, and is not what a test is about."""

    def cheap(password: str, kind: str = "scrypt") -> str:
        return generate_password_hash(password, "scrypt:128:8:1" if kind == "scrypt" else kind)

    with pytest.MonkeyPatch.context() as patch:
        # Bare ones share the code of their rules, as those of Session Lab do.
        patch.setattr(Flask, "url_rule_class", CompiledRule)
        # A test that opens every page would start a run of the laboratory.
        patch.setenv("LAB", "off")
        # A changed password, and nobody's, is hashed as quickly as those of `ACCOUNTS`.
        patch.setattr("app.accounts.database.generate_password_hash", cheap)
        yield


@pytest.fixture(scope="module")
def untraced_processes() -> Iterator[None]:
    """Coverage does not trace the processes that the tests of a module start.

    It is for processes that reach nothing alone: traced, each starts at half the speed.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - untraced(os.environ).keys():
            patch.delenv(name)
        yield


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="session")
def accounts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: a folder for each costs more than many a test."""
    return tmp_path_factory.mktemp("accounts")


@pytest.fixture(autouse=True)
def accounts_file(accounts_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a test changes in an account ends with the test."""
    path = accounts_folder / f"{next(NUMBERS)}.sqlite3"
    monkeypatch.setenv("ACCOUNTS_FILE", str(path))
    return path


@pytest.fixture
def ample_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes longer than a visitor may wait, which says nothing of what is tested."""
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", PATIENCE)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis for the run; each test that fills it starts with it empty."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterTrio]:
    """One real cluster for the run."""
    with RedisClusterTrio(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium, headless."""
    require("chromium", "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-quic", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def make_session_lab(
    backend: str | None = "cookie", clock: Clock = wall_clock, **settings: Any
) -> Flask:
    """Session Lab on that backend, or on all side by side, with the accounts of the tests."""
    given = {"SESSION_BACKEND": backend, "SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS}
    return create_app({**given, **settings}, clock)


Where = Mapping[str, Any]
"""The settings that tell a backend where its sessions rest."""


PLACES = [
    (backend, kind)
    for backend in OURS
    for kind in (("real", "embedded") if backend.on_redis else ("real",))
]
"""Each of our backends: on a real service if it needs one, and embedded."""


def place(
    request: pytest.FixtureRequest, tmp_path: Path, at: tuple[Backend, str] | None = None
) -> tuple[Backend, Where]:
    """One of our backends, that of the parameter unless one is given, and an empty place for it."""
    backend, kind = at or request.param
    where: dict[str, Any] = {"SESSION_FILE_DIR": tmp_path / "sessions"}
    if backend.on_redis and kind == "real":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.client().flushall()
        where["REDIS_URL"] = server.url
    elif backend.on_redis:
        where["SESSION_REDIS"] = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    return backend, where


@pytest.fixture(params=PLACES, ids=lambda pair: f"{pair[0].name}-{pair[1]}")
def placed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Backend, Where]:
    """Each of our backends in each place."""
    return place(request, tmp_path)


@pytest.fixture
def backend(placed: tuple[Backend, Where]) -> Backend:
    return placed[0]


@pytest.fixture
def make_app(placed: tuple[Backend, Where], clock: SetClock) -> Callable[..., Flask]:
    """Make a bare Flask application with nothing but the backend, for views of the test's own."""
    backend, where = placed

    def make(**config: Any) -> Flask:
        return make_bare(backend.name, clock, **{"TESTING": True, **where, **config})

    return make


@pytest.fixture
def bare_app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


@pytest.fixture
def views() -> Views:
    """Views of a test's own for `tests.support.bare.add_views`, each at `/do/NAME`."""
    return {}


@pytest.fixture
def lab_app(placed: tuple[Backend, Where]) -> Flask:
    """Session Lab itself on the backend."""
    backend, where = placed
    return make_session_lab(backend.name, **where)


@pytest.fixture
def visitor(lab_app: Flask) -> Visitor:
    return Visitor(lab_app)
