"""Sessions on a master that three real Sentinels watch, and masters that are lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends import StoreUnavailable
from backends.timing.deadline import LIMIT_SECONDS
from tests.support.redis_topologies import SentinelTrio, is_master, wait_for_replica
from tests.support.services import until
from tests.system.chaos.failover import Answer, Browser, Crowd, check, silence, site, store_of


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[SentinelTrio]:
    """A trio of the test's own, which it may damage."""
    with SentinelTrio(tmp_path / "sentinel") as trio:
        yield trio


@pytest.fixture
def crowd(trio: SentinelTrio) -> Crowd:
    crowd = Crowd(site(REDIS_URL=trio.url))
    wait_for_replica(trio.master, trio.replica)
    return crowd


def test_sessions_survive_the_death_of_the_master(trio: SentinelTrio, crowd: Crowd) -> None:
    with crowd.asking(lambda: is_master(trio.replica)) as answers:
        trio.master.kill()
    check(answers, "Sentinel, the master killed")


def test_a_frozen_master_brings_no_ended_session_back(trio: SentinelTrio, crowd: Crowd) -> None:
    with crowd.asking(lambda: is_master(trio.replica)) as answers:
        trio.master.freeze()
    check(answers, "Sentinel, the master frozen")
    member = crowd.members[0]
    copy = Browser(member.app, member.token)
    member.log_out()
    trio.master.thaw()
    until(lambda: is_master(trio.master))
    assert {copy.read().status for _ in range(50)} == {200}


def test_writes_follow_a_replaced_master_that_runs_on(trio: SentinelTrio, crowd: Crowd) -> None:
    """The old one stays a master for ten seconds, and then loses what was written to it."""
    new = trio.replica.client()
    trio.hand_over()
    until(lambda: trio.named_master() == trio.replica.port)

    def arrives(member: Browser) -> bool:
        assert member.write("after").status == 200
        return b"after" in (new.get(member.record) or b"")

    until(lambda: arrives(crowd.members[0]))
    assert all(arrives(member) for member in crowd.members)
    assert is_master(trio.master)


def test_a_silent_trio_is_a_503_at_once_and_loses_nothing(trio: SentinelTrio, crowd: Crowd) -> None:
    with crowd.asking(lambda: True) as answers:
        silence(trio, answers)
    check(answers, "Sentinel, all silent")


def test_sessions_are_served_while_the_sentinels_are_silent(
    trio: SentinelTrio, crowd: Crowd
) -> None:
    for sentinel in trio.sentinels:
        sentinel.freeze()
    answers: list[Answer] = []

    def asked_them() -> bool:
        answers.append(crowd.members[0].read())
        return answers[-1].seconds > LIMIT_SECONDS / 2 - 0.05

    until(asked_them)
    assert {answer.status for answer in answers} == {200}


def test_an_unknown_service_is_named_in_the_failure(trio: SentinelTrio) -> None:
    app = site(REDIS_URL=trio.url.replace(trio.service, "shop"))
    with pytest.raises(StoreUnavailable) as failure:
        store_of(app).load("a" * 64)
    assert "No master found for 'shop'. Find out" in str(failure.value)
