"""Every claim is complete: sentences for a reader, and an expected verdict."""

import inspect
from pathlib import Path

import pytest

from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from backends import BUILT_IN

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
class TestEveryClaim:
    def test_has_an_expected_verdict_for_each_backend(self, claim: Claim) -> None:
        assert set(claim.expected) == set(BUILT_IN)

    def test_names_its_origin(self, claim: Claim) -> None:
        assert claim.statements or claim.sources
        assert not any("**" in statement.quote for statement in claim.statements)

    def test_applies_to_every_backend_if_it_is_over_http(self, claim: Claim) -> None:
        assert not (claim.over_http and claim.applies)

    def test_is_in_whole_sentences_and_can_be_tried_by_hand(self, claim: Claim) -> None:
        assert claim.try_it
        for text in (claim.sentence, claim.believed, claim.meaning, *claim.try_it):
            assert text.strip() == text
            assert text.endswith((".", "?", "!"))

    def test_names_the_file_of_its_experiment(self, claim: Claim) -> None:
        assert (PROJECT / claim.file).samefile(inspect.getfile(claim.experiment))
