"""Every claim about a browser, with Debian's Chromium, on every subject.

`make soak` runs it; `make test` tries those that a browser decides, on the signed cookie.
"""

import pytest

from app.lab.claim import Claim
from backends import BUILT_IN
from tests.lab.browser.test_chromium import IN_CHROMIUM, check_verdict, needs_chromium, program

__all__ = ["program"]


@needs_chromium
@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("claim", IN_CHROMIUM, ids=lambda claim: claim.id)
def test_chromium_comes_to_the_verdict_of_the_jar(claim: Claim, name: str) -> None:
    check_verdict(claim, name)
