"""A run: each claim on a fresh instance of each subject, in separate processes."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import product

from app.lab.browser import chromium
from app.lab.claim import CannotApply, Claim, Finding, Skipped, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report, Result, copy_claim_text, describe_circumstances
from app.lab.runs.pool import Crashed, run_in_processes
from app.lab.stores.redis_server import EMBEDDED, redis_version
from app.lab.subject.application import CreateApp
from app.lab.subject.evidence import Evidence
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Site
from app.lab.subject.source import BackendSource, RunOptions
from backends import Backend

EXPERIMENT_TIMEOUT_SECONDS = 120.0
"""The longest experiment takes a few seconds on an idle machine."""

OWN_BROWSER = "the laboratory's own, with the cookie rules of RFC 6265bis"
CHROMIUM = "Chromium"

SubjectSource = BackendSource | ExternalApp
"""A column of a run: the source of a subject for each claim."""

Watch = Callable[[Iterable[Result]], Iterable[Result]]


def make_options(create_app: CreateApp, *, in_chromium: bool) -> RunOptions:
    """The options of a run here: with a real Redis if redis-server is installed."""
    return RunOptions(create_app, redis_version() is not None, in_chromium)


def compare(
    claims: Sequence[Claim],
    backends: Sequence[Backend],
    options: RunOptions,
    watch: Watch,
    others: Sequence[SubjectSource] = (),
) -> Report:
    """Try every claim on `others` and on every backend.

    `watch` gets the results as they come. Raises `ConfigurationError` if Chromium is wanted and not
    installed.
    """
    if options.in_chromium:
        chromium.check_installed()
    moment, begun = datetime.now(UTC), time.perf_counter()
    sources = [*others, *(BackendSource(backend.name, options) for backend in backends)]
    with closing(run_claims(claims, sources)) as running:
        found = {(each.claim, each.subject): each for each in watch(running)}
    names = [source.name for source in sources]
    browser = CHROMIUM if options.in_chromium else OWN_BROWSER
    redis = _describe_redis(backends, options)
    return Report(
        describe_circumstances(moment, time.perf_counter() - begun, redis, browser),
        names,
        [found[claim.id, name] for claim, name in product(claims, names)],
        [copy_claim_text(claim) for claim in claims],
    )


def run_claims(claims: Sequence[Claim], sources: Sequence[SubjectSource]) -> Generator[Result]:
    """The result of every claim on every subject, as they finish."""
    isolated = [source for source in sources if not source.shares_state]
    shared = [source for source in sources if source.shares_state]
    yield from _run(claims, shared, processes=1)
    yield from _run(claims, isolated, processes=os.cpu_count() or 1)


def try_claim(claim: Claim, source: SubjectSource) -> Result:
    """Try one claim on one subject, in this process; an exception is a result too."""
    begun = time.perf_counter()
    try:
        verdict, finding, evidence = _run_experiment(claim, source)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        verdict, finding, evidence = Verdict.ERROR, Finding(False, "", reason), Evidence()
    return Result(
        claim.id,
        source.name,
        verdict,
        source.expected(claim),
        finding.figure,
        finding.because,
        time.perf_counter() - begun,
        evidence,
    )


def _run(
    claims: Sequence[Claim], sources: Sequence[SubjectSource], processes: int
) -> Iterator[Result]:
    # A claim cannot be pickled, so another process gets its name.
    trials = list(product([claim.id for claim in claims], sources))
    for (claim, source), outcome in run_in_processes(
        _try_trial, trials, processes, EXPERIMENT_TIMEOUT_SECONDS
    ):
        if isinstance(outcome, Crashed):
            expected = source.expected(CLAIMS[claim])
            reason = outcome.reason
            outcome = Result(claim, source.name, Verdict.ERROR, expected, "", reason, 0.0)
        yield outcome


def _try_trial(trial: tuple[str, SubjectSource]) -> Result:
    claim, source = trial
    return try_claim(CLAIMS[claim], source)


def _run_experiment(claim: Claim, source: SubjectSource) -> tuple[Verdict, Finding, Evidence]:
    site: Site | None = None
    try:
        with source.open(claim) as site:
            finding = claim.experiment(site)
            site.snapshot_at_end()
            verdict = Verdict.HOLDS if finding.holds else Verdict.FAILS
            return verdict, finding, site.recorder.evidence()
    except (CannotApply, Skipped) as reason:
        verdict = Verdict.SKIPPED if isinstance(reason, Skipped) else Verdict.CANNOT_APPLY
        evidence = site.recorder.evidence() if site else Evidence()
        return verdict, Finding(False, "", str(reason)), evidence


def _describe_redis(backends: Sequence[Backend], options: RunOptions) -> str:
    if not any(backend.on_redis for backend in backends):
        return "no Redis needed"
    return f"Redis {redis_version()}, started for each subject" if options.real_redis else EMBEDDED
