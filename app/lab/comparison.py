"""One run of the laboratory, from the choice of claims and backends to its report."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import chain

from app.lab.browser import chromium
from app.lab.claim import Claim
from app.lab.redis_server import in_words, redis_for
from app.lab.reports.report import Report, Result, about, in_order, said
from app.lab.runner import Laboratory, run
from app.lab.subject.application import CreateApp
from app.lab.subject.external import ForeignApp
from backends import Backend

JAR = "the laboratory's own, with the cookie rules of RFC 6265bis"
CHROMIUM = "Chromium"

Watch = Callable[[Iterable[Result]], Iterable[Result]]


def compare(
    create_app: CreateApp,
    claims: Sequence[Claim],
    backends: Sequence[Backend],
    *,
    redis_url: str | None,
    in_chromium: bool,
    watch: Watch,
    foreign: ForeignApp | None = None,
) -> Report:
    """Try every claim on every backend; `watch` is handed the results as they come.

    A `foreign` application is tried before the backends. Raises `ConfigurationError` where it
    cannot be.
    Raises `ConfigurationError` where the Redis at `redis_url` cannot be used, and `Skipped` where
    Chromium is asked for and not to be had.
    """
    if in_chromium:
        chromium.check()  # now, and not in each experiment
    moment, begun = datetime.now(UTC), time.perf_counter()
    names = [*([foreign.name] if foreign else []), *(backend.name for backend in backends)]
    with _redis(backends, redis_url) as (url, redis):
        laboratory = Laboratory(create_app, url, in_chromium)
        abroad = foreign.run(claims, in_chromium=in_chromium) if foreign else ()
        with closing(run(laboratory, claims, backends)) as here:
            results = list(watch(chain(abroad, here)))
    browser = CHROMIUM if in_chromium else JAR
    return Report(
        about(moment, time.perf_counter() - begun, redis, browser),
        names,
        in_order(results, [claim.id for claim in claims], names),
        [said(claim) for claim in claims],
    )


@contextmanager
def _redis(backends: Sequence[Backend], given: str | None) -> Iterator[tuple[str | None, str]]:
    """The address of the Redis to use, and what it is in words."""
    if not any(backend.on_redis for backend in backends):
        yield None, "no Redis needed"
        return
    with redis_for(given) as url:
        yield url, in_words(url, started=not given)
