"""Figures: many repetitions of the trials of tests/system/chaos, also on Flask-Session.

`make soak` runs and prints them; `make test` does not collect these files.
"""

import random
import statistics
import time
from pathlib import Path

import pytest

from backends import BUILT_IN
from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from tests.soak.conftest import Say
from tests.system.chaos.site import ground
from tests.system.chaos.trials import damaged_by, keys_lost, survives_a_logout

RUNS = 20
"""Each of fifty parallel requests."""

LOGOUTS = 1000
LOGOUTS_STOCK = 200
"""Fewer are enough: about half of them fail."""

KILLS = 200

ON_SERVER = [backend for backend in BUILT_IN.values() if backend.state == "server"]
OURS = [backend.name for backend in ON_SERVER if not backend.stock]
STOCK = [backend.name for backend in ON_SERVER if backend.stock]


@pytest.mark.parametrize("backend", [*OURS, *STOCK])
def test_parallel_requests_that_each_set_their_own_key(
    backend: str, tmp_path: Path, say: Say
) -> None:
    with ground(backend, tmp_path) as (site, _, _):
        lost = [keys_lost(site) for _ in range(RUNS)]
    kept = [50 - number for number in lost]
    say(
        f"50 parallel keys on {backend}",
        runs=RUNS,
        kept_median=statistics.median(kept),
        kept_least=min(kept),
        runs_with_a_loss=sum(map(bool, lost)),
    )
    assert backend in STOCK or not any(lost)


@pytest.mark.parametrize("backend", [*OURS, *STOCK])
def test_a_logout_among_eight_page_loads(backend: str, tmp_path: Path, say: Say) -> None:
    chance = random.Random(1)
    rounds = LOGOUTS if backend in OURS else LOGOUTS_STOCK
    with ground(backend, tmp_path) as (site, _, _):
        alive = sum(survives_a_logout(site, chance) for _ in range(rounds))
    say(f"logout among 8 page loads on {backend}", rounds=rounds, alive=alive)
    assert backend in STOCK or alive == 0


@pytest.mark.parametrize("backend", OURS)
def test_the_application_is_killed_while_it_writes(backend: str, tmp_path: Path, say: Say) -> None:
    chance = random.Random(2)
    with ground(backend, tmp_path) as (site, _, sessions):
        kill = site.kill_workers
        damaged = [damaged_by(kill, site, chance.randrange(60)) for _ in range(KILLS)]
        left = len(list(sessions.rglob("*.tmp")))
        later = FileSystemStore(sessions, lambda: time.time() + WRITE_TIMEOUT_SECONDS + 1)
        swept = sum(later.sweep())
    say(
        f"kill -9 of the application on {backend}",
        kills=KILLS,
        torn=sum(damaged),
        temporary_files=left,
        swept=swept,
        left_after_the_sweep=len(list(sessions.rglob("*.tmp"))),
    )
    assert sum(damaged) == 0
    assert not list(sessions.rglob("*.tmp"))


def test_redis_is_killed_while_it_writes(tmp_path: Path, say: Say) -> None:
    chance = random.Random(3)
    with ground("redis", tmp_path) as redis_ground:
        kill, site = redis_ground.kill_redis, redis_ground.site
        damaged = [damaged_by(kill, site, chance.randrange(60)) for _ in range(KILLS)]
    say("kill -9 of Redis, appendonly yes", kills=KILLS, torn=sum(damaged))
    assert sum(damaged) == 0
