"""Every claim that a browser has a part in, with Debian's Chromium, on every subject.

`make soak` runs it; `make test` tries one subject of each kind.
"""

from collections.abc import Iterator

import pytest

from app.lab.claim import Claim
from app.lab.redis_server import redis_for
from backends import BUILT_IN
from tests.lab.test_chromium import IN_CHROMIUM, comes_to_the_expected_verdict
from tests.support.services import require


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str | None]:
    require("chromium", "chromium")
    with redis_for(None) as url:
        yield url


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("claim", IN_CHROMIUM, ids=lambda claim: claim.id)
def test_chromium_comes_to_the_verdict_of_the_jar(
    claim: Claim, name: str, redis_url: str | None
) -> None:
    comes_to_the_expected_verdict(claim, name, redis_url)
