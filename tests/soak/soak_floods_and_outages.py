"""Figures: a hundred thousand made-up tokens, and the time an outage costs.

`make soak` runs and prints them; `make test` does not collect these files.
"""

import logging
import random
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.site import Site, application, ground
from tests.chaos.test_redis_outage import frozen, stopped
from tests.chaos.tokens import flood, made_up_tokens
from tests.services import PATIENCE, RedisServer
from tests.soak.conftest import Say

TOKENS = 100_000
OUTAGES = 7
OUTAGES_STOCK = 3
"""Flask-Session waits ten seconds for a frozen Redis."""


def test_a_hundred_thousand_made_up_tokens(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture, say: Say
) -> None:
    app = application({"SESSION_BACKEND": "redis", "REDIS_URL": redis_server.url})
    visitor = app.test_client()
    visitor.post("/login")
    cookie = visitor.get_cookie("session")
    assert cookie is not None
    client = redis_server.client()
    client.config_resetstat()
    begun = time.monotonic()
    with caplog.at_level(logging.INFO, "backends.events"):
        flood(app, "/who", islice(made_up_tokens(random.Random(1), cookie.value), TOKENS))
    seconds = time.monotonic() - begun
    commands = {name.partition("|")[0] for name in client.info("commandstats")}
    commands -= {"cmdstat_config", "cmdstat_info", "cmdstat_client"}
    logged: list[Any] = [getattr(record, "event", {}) for record in caplog.records]
    reports = [event for event in logged if event.get("event") == "forged token"]
    say(
        f"{TOKENS} made-up tokens",
        seconds=round(seconds),
        kinds_of_store_commands=len(commands),
        events=len(reports),
        counted_by_them=sum(report["more"] + 1 for report in reports),
    )
    client.close()
    assert not commands
    assert len(reports) <= 1 + seconds


@pytest.mark.parametrize("outage", [stopped, frozen])
@pytest.mark.parametrize("backend", ["redis", "flask-session-redis"])
def test_the_seconds_that_an_outage_costs(
    backend: str,
    outage: Callable[[RedisServer], Any],
    tmp_path: Path,
    say: Say,
) -> None:
    ours = backend == "redis"
    first: list[tuple[int, float]] = []
    public: list[tuple[int, float]] = []
    with ground(backend, tmp_path, workers=1) as (site, server, _):
        for _ in range(OUTAGES if ours else OUTAGES_STOCK):
            time.sleep(1)  # the site must have forgotten the last outage
            cookie = site.log_in()
            with outage(server):
                first.append(_time_request(site, "/who", cookie))
                public.append(_time_request(site, "/public", cookie))
    for what, answers in (("page with the session", first), ("public page", public)):
        say(
            f"{what} while Redis is {outage.__name__}, {backend}",
            times=len(answers),
            statuses={status or "no answer" for status, _ in answers},
            median=f"{statistics.median(seconds for _, seconds in answers):.3f} s",
            slowest=f"{max(seconds for _, seconds in answers):.3f} s",
        )
    assert not ours or all(status == 503 and seconds < 1 for status, seconds in first)
    assert not ours or all(status == 200 and seconds < 1 for status, seconds in public)


def _time_request(site: Site, path: str, cookie: str) -> tuple[int, float]:
    """The status and the seconds; status 0 without a response in time."""
    try:
        answer = site.get(path, cookie)
    except TimeoutError:
        return 0, float(PATIENCE)
    return answer.status, answer.seconds
