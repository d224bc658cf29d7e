"""`kill -9` in the middle of writes: every session is its old or its new state, none is torn."""

import random
import time
from pathlib import Path

from backends.filesystem import WRITE_TIMEOUT_SECONDS, FileSystemStore
from tests.chaos.site import ground
from tests.chaos.trials import damaged_by

KILLS = 3


def test_an_application_killed_while_it_writes_files_leaves_no_session_torn_and_no_litter(
    tmp_path: Path,
) -> None:
    chance = random.Random(2)
    with ground("filesystem", tmp_path) as (site, _, sessions):
        damaged = [damaged_by(site.kill_workers, site, chance.randrange(60)) for _ in range(KILLS)]
        # One that is certainly there, whatever the kills struck.
        next(sessions.glob("??/*")).with_suffix(".12345678.tmp").write_text('{"half')
        later = FileSystemStore(sessions, lambda: time.time() + WRITE_TIMEOUT_SECONDS + 1)
        assert sum(later.sweep()) >= 1
    assert damaged == [0] * KILLS
    assert not list(sessions.rglob("*.tmp"))


def test_an_application_killed_while_it_writes_to_redis_leaves_no_session_torn(
    tmp_path: Path,
) -> None:
    chance = random.Random(3)
    with ground("redis", tmp_path) as (site, _, _):
        damaged = [damaged_by(site.kill_workers, site, chance.randrange(60)) for _ in range(KILLS)]
    assert damaged == [0] * KILLS


def test_a_redis_killed_while_it_writes_leaves_no_session_torn(tmp_path: Path) -> None:
    chance = random.Random(4)
    with ground("redis", tmp_path) as redis_ground:
        kill, site = redis_ground.kill_redis, redis_ground.site
        damaged = [damaged_by(kill, site, chance.randrange(60)) for _ in range(KILLS)]
    assert damaged == [0] * KILLS
