"""The comparison of two recordings, and the differences that are meant."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tests.backends.extensions.recording import Answer

ABSENT = "(absent)"


class Difference(NamedTuple):
    """A part of an answer that is not the same on Flask's session and on a backend."""

    step: str
    part: str
    plain: str
    ours: str


class MeantDifferences(NamedTuple):
    """Differences in one scenario, for one reason, on each of the backends that are named."""

    scenario: str
    backends: frozenset[str]
    reason: str
    differences: tuple[Difference, ...]


def find_differences(
    plain: Mapping[str, Answer], ours: Mapping[str, Answer]
) -> Iterator[Difference]:
    """All differences, in the order of the steps."""
    for step in {**plain, **ours}:
        pair = plain.get(step, {}), ours.get(step, {})
        for part in {**pair[0], **pair[1]}:
            texts = pair[0].get(part, ABSENT), pair[1].get(part, ABSENT)
            if texts[0] != texts[1]:
                yield Difference(step, part, *texts)


def check_differences(
    found: Iterable[Difference], scenario: str, backend: str, meant: Iterable[MeantDifferences]
) -> None:
    """Raise AssertionError unless exactly the differences that are meant were found."""
    found = list(found)
    expected = [
        difference
        for row in meant
        if row.scenario == scenario and backend in row.backends
        for difference in row.differences
    ]
    unexpected = [difference for difference in found if difference not in expected]
    missing = [difference for difference in expected if difference not in found]
    assert not unexpected, "not meant:\n" + describe(unexpected)
    assert not missing, "meant, but does not occur:\n" + describe(missing)


def describe(differences: Iterable[Difference]) -> str:
    return "\n".join(
        f"{step}, {part}:\n  plain Flask: {plain!r}\n  here:        {ours!r}"
        for step, part, plain, ours in differences
    )
