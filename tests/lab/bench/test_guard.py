"""No change makes a session cost more than was recorded, beside what ships.

Only counts are compared, which depend on no clock. `python -m tests.lab.bench.test_guard` records
them anew for its version of Python, after a change that is worth its price.
"""

import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.lab.bench import counting
from app.lab.bench.candidate import SHAPES, list_candidates
from app.lab.bench.results import Bench
from app.lab.bench.run import Options, Step, run_bench
from tests.support.services import require

RECORDED = Path(__file__).with_name("recorded_ratios.json")
VERSION = ".".join(platform.python_version_tuple()[:2])
"""What a call of the standard library calls differs from version to version."""
TOLERANCE = 1.15
TOLERANCE_OF_A_SWEEP = 1.3
"""Of what a login does with files: it sweeps one more at times, of nine operations in all."""
COUNTED = ("python_calls", "redis_commands", "round_trips", "redis_bytes", "file_calls")
SHAPES_COUNTED = (SHAPES[0], SHAPES[3], SHAPES[5])
TRIALS = 5
"""Fewer than in the bench: what they differ by is within the tolerance."""


def count_all(folder: Path) -> Bench:
    """Counts of every candidate, without a time."""
    options = Options(folder, 100, rounds=0, shapes=SHAPES_COUNTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "TRIALS", TRIALS)
        return run_bench(list_candidates(), options, _only_counts)


def _only_counts(planned: Sequence[Step]) -> Iterator[Step]:
    """Leave out what cannot hold the data, and count the others."""
    return (step for step in planned if step.kind in ("left_out", "counts"))


def ratios(bench: Bench) -> Iterator[tuple[str, float]]:
    """What a session costs to what ships for the same place, by backend, data and operation."""
    candidates = list_candidates()
    counts = {(each.candidate, each.shape, each.operation): each for each in bench.counts}
    for (name, shape, operation), count in counts.items():
        candidate = candidates[name]
        if candidate.ships is None:
            continue
        shipped = counts[candidate.ships, shape, operation]
        bare = counts[candidate.bare, shape, operation]
        case = f"{name}, {operation}, {shape}"
        for what in COUNTED:
            mine, theirs = (getattr(each, what) - getattr(bare, what) for each in (count, shipped))
            if theirs or mine:
                yield f"{case}: {what}", round(mine / max(1, theirs), 3)


def test_no_request_costs_more_than_was_recorded(tmp_path: Path) -> None:
    require("redis-server", "redis-server")
    recorded = read_recorded()
    found = dict(ratios(count_all(tmp_path)))
    assert found.keys() == recorded.keys()
    dearer = [
        f"{case}: {found[case]} of what ships, {recorded[case]} was recorded"
        for case in found
        if found[case] > recorded[case] * tolerance(case) + 0.01
    ]
    assert not dearer, "\n".join(dearer)


def tolerance(case: str) -> float:
    sweeps = " login, " in case and case.endswith("file_calls")
    return TOLERANCE_OF_A_SWEEP if sweeps else TOLERANCE


def test_each_kind_of_count_is_guarded() -> None:
    assert {case.rpartition(": ")[2] for case in read_recorded()} == {*COUNTED}


def read_recorded() -> dict[str, float]:
    """The ratios of this version of Python; of the newest that there is, if it has none."""
    versions: dict[str, dict[str, float]] = json.loads(RECORDED.read_text())
    return versions.get(VERSION) or versions[max(versions)]


def record(folder: Path) -> None:
    """Keep what is counted now as the ratios of this version."""
    versions = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    versions[VERSION] = dict(ratios(count_all(folder)))
    RECORDED.write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        record(Path(made))
