"""How costs are compared, on costs that were made up."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.lab.bench.candidate import OPERATIONS, SHAPES, Candidate
from app.lab.bench.timing import Cost, compare_costs


def make(*_: object) -> Any:
    raise AssertionError("nobody is asked")


CANDIDATES = {
    "bare": Candidate("bare", make),
    "ships": Candidate("ships", make),
    "ours": Candidate("ours", make, ships="ships"),
}


def find_ratios(
    *, bare: Sequence[float], ships: Sequence[float], ours: Sequence[float]
) -> set[Any]:
    """The ratios of ours, of all operations, where each request costs so much."""
    costs = [
        ((SHAPES[0], operation, name), Cost(each, each))
        for name, taken in (("bare", bare), ("ships", ships), ("ours", ours))
        for operation in OPERATIONS
        for each in taken
    ]
    timings = compare_costs(CANDIDATES, costs)
    return {each.ratio for each in timings if each.candidate == "ours"}


@pytest.mark.parametrize("slow", [40, 5_000])
def test_what_slows_three_quarters_of_the_requests_changes_no_ratio(slow: float) -> None:
    bare, ours = [10] * 8, [18, *[slow] * 6, 22]
    assert find_ratios(bare=bare, ships=[30, 30, *[50] * 6], ours=ours) == {0.5}


def test_there_is_no_ratio_to_what_costs_nothing() -> None:
    assert find_ratios(bare=[10] * 8, ships=[10] * 8, ours=[20] * 8) == {None}
