"""What sessions cost in other frameworks, beside the same frameworks without one."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.lab.bench.candidate import OPERATIONS, SHAPES
from app.lab.bench.peers import list_peers
from app.lab.bench.run import Options, run_bench
from tests.soak.conftest import Say
from tests.support.processes import run
from tests.support.services import RedisServer, require

ASK = """
import sys
from app.lab.bench.candidate import SHAPES
from app.lab.bench.peers import list_peers
from app.lab.bench.trial import Client
Client(list_peers()["starsessions-redis"].make(SHAPES[0], "", sys.argv[1]))
"""


def test_every_peer_is_measured_over_its_own_framework(tmp_path: Path, say: Say) -> None:
    require("redis-server", "redis-server")
    peers = list_peers()
    options = Options(tmp_path, 1_000, rounds=10, shapes=SHAPES[:1])
    # A thread of its own: the driver of Chromium keeps an event loop in that of the tests, and the
    # peers by ASGI need one too.
    with ThreadPoolExecutor(1) as thread:
        bench = thread.submit(run_bench, peers, options, iter).result()
    assert bench.left_out == []
    for name in peers:
        timings = [each for each in bench.timings if each.candidate == name]
        assert [each.operation for each in timings] == list(OPERATIONS)
        say(f"{name}, µs of a request", **{each.operation: each.cpu.least for each in timings})
        if peers[name].bare != name:
            assert all(each.cpu.least > 0 for each in timings if each.operation != "untouched")


def test_a_process_that_asked_them_leaves_nothing_open(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        ended = run([sys.executable, "-X", "dev", "-c", ASK, server.url])
    assert (ended.returncode, ended.stderr) == (0, "")
