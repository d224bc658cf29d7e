"""Tries claims on subjects: each pair for itself, fresh, in processes that share nothing."""

import logging
import os
import secrets
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.lab.browser.chromium import chromium
from app.lab.browser.client import Browser, MakeBrowser
from app.lab.claim import CannotApply, Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.places import Elsewhere, EmbeddedRedis, Folder, Place, RealRedis, SharedFiles
from app.lab.redis_server import forget
from app.lab.reports.report import Result
from app.lab.runs.pool import Crashed, run_in_processes
from app.lab.subject.application import CreateApp, Subject
from app.lab.subject.clock import set_clock
from app.lab.trial import try_on
from backends import BACKENDS, Backend

EXPERIMENT_TIMEOUT_SECONDS = 120.0
"""Then an experiment is given up; the longest takes a few seconds on an idle machine."""


@dataclass(frozen=True)
class Laboratory:
    """What experiments are made with."""

    create_app: CreateApp
    """A function with a name, so that other processes find it."""
    redis_url: str | None = None
    """A real server; without one, subjects that need Redis run on the embedded one."""
    chromium: bool = False
    """Whether claims that a browser has a part in are tried with a real one."""
    prefix: str = field(default_factory=lambda: f"session-lab-{secrets.token_hex(4)}:")
    """Of all its keys in a real Redis."""

    def try_claim(self, claim: Claim, backend: Backend) -> Result:
        """Try a claim on a backend; whatever goes wrong there is a result too."""
        expected = self.expected_of(claim, backend)
        return try_on(self._opened(claim, backend), claim, backend.name, expected)

    def expected_of(self, claim: Claim, backend: Backend) -> Verdict | None:
        """The verdict to expect here, where Redis is a real one or not."""
        return claim.expected_of(backend.name, embedded=self._embeds(backend))

    @contextmanager
    def subject(self, backend: Backend, make_browser: MakeBrowser = Browser) -> Iterator[Subject]:
        """A backend under experiment, with its folder, its store and its time."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="session-lab-")))
            clock = stack.enter_context(set_clock())
            stack.enter_context(_silent())
            place = self._place(backend, folder)
            subject = Subject(self.create_app, backend, folder, place, clock, make_browser)
            stack.callback(subject.close)
            yield subject

    @contextmanager
    def _opened(self, claim: Claim, backend: Backend) -> Iterator[Subject]:
        if claim.applies is not None and not claim.applies.is_met(backend):
            raise CannotApply(claim.applies.otherwise)
        with ExitStack() as stack:
            real = claim.in_chromium and self.chromium
            make_browser = stack.enter_context(chromium()) if real else Browser
            yield stack.enter_context(self.subject(backend, make_browser))

    def _embeds(self, backend: Backend) -> bool:
        return backend.on_redis and self.redis_url is None

    def _place(self, backend: Backend, folder: Path) -> Place | None:
        if backend.state == "browser":
            return None
        if backend.needs is None:
            kind = Folder if backend.file_per_session else SharedFiles
            return kind(folder / "sessions")
        if not backend.on_redis:
            return Elsewhere(backend.needs)
        if self.redis_url is None:
            return EmbeddedRedis()
        return RealRedis(self.redis_url, f"{self.prefix}{secrets.token_hex(4)}:")


def run(
    laboratory: Laboratory, claims: Sequence[Claim], backends: Sequence[Backend]
) -> Generator[Result]:
    """Every claim on every backend, as they end; one that fails does not stop the rest.

    Those that share a store are tried one after another, since each has a time of its own.
    Nothing of it is left in a real Redis once it has ended or is closed.
    """
    apart = [backend for backend in backends if not _share_a_store(backend)]
    try:
        yield from _spread(laboratory, claims, apart, os.cpu_count() or 1)
        yield from _spread(laboratory, claims, list(filter(_share_a_store, backends)), 1)
    finally:
        if laboratory.redis_url is not None:  # a process that was killed left its keys there
            forget(laboratory.redis_url, laboratory.prefix)


def _share_a_store(backend: Backend) -> bool:
    """Whether all its subjects are on one service, the user's."""
    return backend.needs is not None and not backend.on_redis


def _spread(
    laboratory: Laboratory, claims: Sequence[Claim], backends: Sequence[Backend], processes: int
) -> Iterator[Result]:
    trials = [
        _Trial(laboratory, claim.id, backend.name) for claim in claims for backend in backends
    ]
    for trial, outcome in run_in_processes(_try, trials, processes, EXPERIMENT_TIMEOUT_SECONDS):
        yield _crashed(trial, outcome.reason) if isinstance(outcome, Crashed) else outcome


class _Trial(NamedTuple):
    """What a process is told; claim and backend by their names, since neither can be pickled."""

    laboratory: Laboratory
    claim: str
    backend: str


def _try(trial: _Trial) -> Result:
    return trial.laboratory.try_claim(CLAIMS[trial.claim], BACKENDS[trial.backend])


def _crashed(trial: _Trial, reason: str) -> Result:
    expected = trial.laboratory.expected_of(CLAIMS[trial.claim], BACKENDS[trial.backend])
    return Result(trial.claim, trial.backend, Verdict.ERROR, expected, "", reason, 0.0)


@contextmanager
def _silent() -> Iterator[None]:
    """What subjects log of experiments that break them is not for whoever watches the verdicts."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
