"""Every experiment turns: it fails a subject that breaks its claim, and passes one that keeps it.

Without that, the laboratory could be green because it looks at nothing.
"""

from collections.abc import Iterator

import pytest

from app import create_app
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.redis_server import redis_for
from app.lab.results import Result
from app.lab.runner import Laboratory
from backends import BACKENDS, Backend
from tests.lab.known_wrongs import cookies, sessions, stores
from tests.services import require

WRONGS = {**cookies.WRONGS, **sessions.WRONGS, **stores.WRONGS}


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str | None]:
    with redis_for(None) as url:
        yield url


def test_every_claim_has_a_known_wrong() -> None:
    assert set(WRONGS) == set(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
class TestEveryExperiment:
    def test_fails_the_subject_that_breaks_its_claim(
        self, claim: Claim, redis_url: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong = WRONGS[claim.id]
        laboratory = Laboratory(wrong.create_app, redis_url)
        assert _tried(laboratory, claim, wrong.breaks, monkeypatch).verdict is Verdict.FAILS

    def test_passes_the_subject_that_keeps_its_claim(
        self, claim: Claim, redis_url: str | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        laboratory = Laboratory(create_app, redis_url)
        result = _tried(laboratory, claim, WRONGS[claim.id].keeps, monkeypatch)
        assert result.verdict is Verdict.HOLDS, result.because


def _tried(
    laboratory: Laboratory, claim: Claim, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> Result:
    monkeypatch.setitem(BACKENDS, backend.name, backend)
    result = laboratory.try_claim(claim, backend)
    if result.verdict is Verdict.SKIPPED:
        require("redis-server", "redis-server")
    return result
