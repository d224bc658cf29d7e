"""The source of a run's subjects on a backend: each claim opens a fresh one."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.lab.browser.chromium import open_browsers
from app.lab.browser.client import Browser, MakeBrowser
from app.lab.claim import CannotApply, Claim, Verdict
from app.lab.stores.files import FilesHarness, SharedFilesHarness
from app.lab.stores.harness import NoStore, StoreHarness, UnknownService
from app.lab.subject.application import CreateApp, Subject
from app.web.log import log_disabled
from backends import BACKENDS, BUILT_IN, Backend


@dataclass(frozen=True)
class RunOptions:
    """The options of a run. Can be pickled, for the processes of the run."""

    create_app: CreateApp
    """Must be a function of a module, so that it can be pickled."""
    real_redis: bool = False
    """Whether each subject on Redis gets a redis-server; if not, the embedded Redis."""
    in_chromium: bool = False
    """Whether claims about the browser are tried with Chromium."""


@dataclass(frozen=True)
class BackendSource:
    """The real application on the backend of that name. Can be pickled."""

    name: str
    options: RunOptions

    @property
    def backend(self) -> Backend:
        return BACKENDS[self.name]

    @property
    def shares_state(self) -> bool:
        """Whether claims must be tried one by one: all subjects use the same unknown service."""
        return self.backend.needs is not None and not self.backend.on_redis

    def expected(self, claim: Claim) -> Verdict | None:
        """The expected verdict; `None` if none is expected."""
        if self.name not in BUILT_IN:
            return None  # a store of others promises what it likes
        embedded = self.backend.on_redis and not self.options.real_redis
        return claim.expected_of(self.backend, embedded=embedded)

    @contextmanager
    def open(self, claim: Claim) -> Iterator[Subject]:
        """The running subject, for one claim. May raise `CannotApply` and `Skipped`."""
        if claim.applies is not None and not claim.applies.is_met(self.backend):
            raise CannotApply(claim.applies.otherwise)
        browsers = open_browsers(claim, in_chromium=self.options.in_chromium)
        with browsers as make_browser, self.start(make_browser) as subject:
            yield subject

    @contextmanager
    def start(self, make_browser: MakeBrowser = Browser) -> Iterator[Subject]:
        """Start the application with a folder, a store and a clock of its own.

        Flask-Session, cachelib, itsdangerous and the embedded Redis take no clock as an argument,
        so the process's own stands still until it is moved. `time.monotonic` goes on: timeouts are
        real.
        """
        import time_machine  # here: it replaces functions of `time` when it is imported

        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="session-lab-")))
            clock = stack.enter_context(time_machine.travel(time.time(), tick=False))
            stack.enter_context(log_disabled())  # experiments break subjects on purpose
            harness = self._make_harness(folder / "sessions")
            create_app = self.options.create_app
            subject = Subject(create_app, self.backend, folder, harness, clock, make_browser)
            stack.callback(subject.close)
            yield subject

    def _make_harness(self, folder: Path) -> StoreHarness:
        backend = self.backend
        if backend.state == "browser":
            return NoStore()
        if backend.on_redis:
            # Here: a run, and each of its processes, loads a Redis only when a trial needs one.
            from app.lab.stores.redis import EmbeddedRedisHarness, RealRedisHarness

            return RealRedisHarness() if self.options.real_redis else EmbeddedRedisHarness()
        if backend.needs is not None:
            return UnknownService(backend.needs)
        return FilesHarness(folder) if backend.file_per_session else SharedFilesHarness(folder)
