"""A run of the bench: every candidate with every shape in turn, for so many rounds."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from app.lab.bench.candidate import BARE, SHAPES, Candidate, Shape
from app.lab.bench.counting import count_requests
from app.lab.bench.growth import measure_among, measure_sent, time_recovery, weigh_session
from app.lab.bench.load import measure_load
from app.lab.bench.results import MANY_SESSIONS, Bench
from app.lab.bench.timing import compare_costs, time_requests, undisturbed
from app.lab.bench.trial import NO_REDIS, check_session, make_trials
from app.lab.reports.report import describe_circumstances
from app.lab.stores.redis import RealRedisHarness
from app.lab.stores.redis_server import redis_version

LOADED = ("untouched", "read", "write", "login")
STORED = (100, MANY_SESSIONS, 100_000, 1_000_000)
"""Sessions beside which others are measured."""
MOST_IN_FILES = 100_000
TURNS = 3
"""Of each candidate for each operation in each round."""


class Options(NamedTuple):
    """How much is measured, and where files are."""

    folder: Path
    most_stored: int = MANY_SESSIONS
    """Sessions beside which others are measured; in files never over `MOST_IN_FILES`."""
    http: bool = False
    rounds: int = 18
    shapes: tuple[Shape, ...] = SHAPES


class Step(NamedTuple):
    """A part of a run, and about how many seconds it takes."""

    seconds: float
    kind: str
    """The field of a `Bench` that its results are for."""
    measure: Callable[..., Iterable[Any]]
    """Called with a trial of each candidate."""
    shape: Shape
    candidates: Sequence[Candidate]


Watch = Callable[[Sequence[Step]], Iterable[Step]]
"""Yields each step when it is its turn."""


def run_bench(candidates: Mapping[str, Candidate], options: Options, watch: Watch) -> Bench:
    """Measure all candidates. Ctrl-C ends it, and what was measured is kept."""
    moment, begun = datetime.now(UTC), time.perf_counter()
    version, is_complete = redis_version(), False
    found: defaultdict[str, Any] = defaultdict(list)
    with ExitStack() as stack:
        redis = stack.enter_context(closing(RealRedisHarness())) if version else None
        stack.enter_context(undisturbed())
        with suppress(KeyboardInterrupt):
            for step in watch([*_list_steps([*candidates.values()], options)]):
                out = {each.candidate for each in found["left_out"] if each.shape == step.shape}
                if fit := [each for each in step.candidates if each.name not in out]:
                    with make_trials(fit, step.shape, options.folder, redis) as trials:
                        found[step.kind] += [*step.measure(*trials)]  # only as a whole
            is_complete = True
    circumstances = describe_circumstances(
        moment,
        time.perf_counter() - begun,
        f"Redis {version}, on a Unix socket" if version else NO_REDIS,
        "none: an application is asked in the process",
    )
    found["timings"] = [*compare_costs(candidates, found.pop("costs", ()))]
    return Bench(circumstances, str(options.folder), [*candidates], is_complete, **found)


def _list_steps(candidates: Sequence[Candidate], options: Options) -> Iterator[Step]:
    """All parts of the run; the rounds, on which most depends, come first."""
    of_each = [*product(options.shapes, candidates)]
    for shape, each in of_each:
        if not each.is_bare:
            yield Step(0.05, "left_out", check_session, shape, [each])
    for shape in options.shapes * options.rounds:
        yield Step(0.5, "costs", partial(time_requests, TURNS), shape, candidates)
    for shape, each in of_each:
        yield Step(0.15, "counts", count_requests, shape, [each])
        yield Step(0.05, "weights", weigh_session, shape, [each])
    small = options.shapes[0]
    for each in candidates:
        if not each.is_bare:
            yield Step(0.2, "sent", measure_sent, small, [each])
        if each.on_redis or each.in_files:
            most = options.most_stored if each.on_redis else min(options.most_stored, MOST_IN_FILES)
            for sessions in (number for number in STORED if number <= most):
                measure = partial(measure_among, sessions)
                yield Step(0.1 + sessions / 5000, "growth", measure, small, [each])
        if each.on_redis:
            yield Step(1.0, "recoveries", time_recovery, small, [each])
    served = [each for each in candidates if each.bare == BARE]  # gunicorn serves Flask
    for operation in LOADED if options.http else ():
        yield Step(20.0, "loads", partial(measure_load, operation), small, served)
