"""Every experiment turns: it fails a subject that breaks its claim, and passes one that keeps it.

Without that, the laboratory could be green because it looks at nothing. That a defect turns no
other experiment is tried in `tests/soak/soak_known_wrongs.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.stores.redis_server import redis_version
from backends import BACKENDS
from backends.filesystem import FileSystemStore
from backends.store import Record
from tests.lab.known_wrongs import cookies, sessions, stores
from tests.lab.known_wrongs.wrong import Wrong, on_files, try_breaking, try_keeping
from tests.support.services import require


class TakesDamageForMalice(FileSystemStore):
    """Gives a session of somebody whose name has Alice's in it, where hers is damaged."""

    def load(self, key: str) -> Record | None:
        record = super().load(key)
        if record is not None:
            self.whole = record
            return record
        return self.whole._replace(fields={**self.whole.fields, "user": '"malice"'})


WRONGS = {**cookies.WRONGS, **sessions.WRONGS, **stores.WRONGS}
"""A known wrong for each claim, by the claim's id."""

HAS_REDIS = redis_version() is not None

BECAUSE = {"tamper_proof": "logged somebody in: cut off."}
"""What a verdict says at its end: here, how the accepted forgery was made."""


def _is_tried_by_a_run(wrong: Wrong) -> bool:
    """Whether its sound subject is one of those of `runs/test_whole_run.py`, which has no Redis."""
    return wrong.keeps is BACKENDS[wrong.keeps.name] and not wrong.keeps.on_redis


OWN = [name for name, wrong in WRONGS.items() if not _is_tried_by_a_run(wrong)]


def test_every_claim_has_a_known_wrong() -> None:
    assert set(WRONGS) == set(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_every_experiment_fails_the_subject_that_breaks_its_claim(claim: Claim) -> None:
    wrong = WRONGS[claim.id]
    _require_what_it_needs(wrong)
    result = try_breaking(wrong, claim, real_redis=HAS_REDIS)
    assert result.verdict is Verdict.FAILS, result.because
    assert result.because.endswith(BECAUSE.get(claim.id, ""))


@pytest.mark.parametrize("name", OWN)
def test_every_experiment_passes_the_subject_that_keeps_its_claim(name: str) -> None:
    _require_what_it_needs(WRONGS[name])
    result = try_keeping(WRONGS[name], CLAIMS[name], real_redis=HAS_REDIS)
    assert result.verdict is Verdict.HOLDS, result.because


def test_a_whole_run_expects_the_same_of_every_other_sound_subject() -> None:
    for name in WRONGS.keys() - OWN:
        expected = CLAIMS[name].expected_of(WRONGS[name].keeps, embedded=False)
        assert expected is Verdict.HOLDS, name


def test_a_damaged_session_that_becomes_somebody_elses_is_not_harmless() -> None:
    def with_malice(settings: Mapping[str, Any]) -> Flask:
        accounts = {**settings["DEMO_ACCOUNTS"], "malice": "an apple"}
        return create_app({**settings, "DEMO_ACCOUNTS": accounts})

    wrong = replace(on_files(store=TakesDamageForMalice), create_app=with_malice)
    assert try_breaking(wrong, CLAIMS["corrupt_record"], real_redis=False).verdict is Verdict.FAILS


def _require_what_it_needs(wrong: Wrong) -> None:
    """A Redis inside the process is none for what is asked of a server."""
    if wrong.keeps.on_redis:
        require("redis-server", "redis-server")
