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

from tests.soak.conftest import Say
from tests.support.bare import Tab
from tests.support.services import PATIENCE, RedisServer
from tests.system.chaos.application import application
from tests.system.chaos.site import Site, ground
from tests.system.chaos.test_redis_outage import frozen, stopped
from tests.system.chaos.trials import flood, made_up_tokens

TOKENS = 100_000
OUTAGES = 7
OUTAGES_STOCK = 3
"""A freeze costs ten seconds there."""


def test_a_hundred_thousand_made_up_tokens(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture, say: Say
) -> None:
    app = application({"SESSION_BACKEND": "redis", "REDIS_URL": redis_server.url})
    tab = Tab(app)
    tab.post("/login")
    client = redis_server.client()
    client.config_resetstat()
    begun = time.monotonic()
    with caplog.at_level(logging.INFO, "backends.audit_log"):
        flood(app, "/who", islice(made_up_tokens(random.Random(1), tab.token), TOKENS))
    seconds = time.monotonic() - begun
    commands = {name.partition("|")[0] for name in client.info("commandstats")}
    commands -= {"cmdstat_config", "cmdstat_info", "cmdstat_client"}
    # Other events are there too where the log's level lets them through: the login's, for one.
    events: list[Any] = [getattr(record, "event", {}) for record in caplog.records]
    reports = [event for event in events if event.get("event") == "forged token"]
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
    backend: str, outage: Callable[[RedisServer], Any], tmp_path: Path, say: Say
) -> None:
    ours = backend == "redis"
    first: list[tuple[int, float]] = []
    public: list[tuple[int, float]] = []
    with ground(backend, tmp_path, workers=1) as (site, server, _):
        for _ in range(OUTAGES if ours else OUTAGES_STOCK):
            time.sleep(1)  # each outage is the first that the site knows of
            cookie = site.log_in()
            with outage(server):
                first.append(_timed(site, "/who", cookie))
                public.append(_timed(site, "/public", cookie))
    for what, answers in (("page with the session", first), ("public page", public)):
        say(
            f"{what} while Redis is {outage.__name__}, {backend}",
            times=len(answers),
            statuses={status or "no answer" for status, _ in answers},
            median=f"{statistics.median(seconds for _, seconds in answers):.3f} s",
            slowest=f"{max(seconds for _, seconds in answers):.3f} s",
        )
        # The slowest is told and not judged: it is the machine's, too.
        assert not ours or statistics.median(seconds for _, seconds in answers) < 1
    assert not ours or {status for status, _ in first} == {503}
    assert not ours or {status for status, _ in public} == {200}


def _timed(site: Site, path: str, cookie: str) -> tuple[int, float]:
    """The status and the seconds; status 0 where nothing came within `PATIENCE`."""
    try:
        answer = site.get(path, cookie)
    except TimeoutError:
        return 0, float(PATIENCE)
    return answer.status, answer.seconds
