"""docs/requirements.md is generated from the tests, and no requirement is forgotten."""

from pathlib import Path

from app.readme import make_backends_table
from tests.security.report import REQUIREMENTS, WITHOUT_TEST, document, find_proofs

SECURITY = Path(__file__).parents[2] / "docs" / "requirements.md"


def test_security_md_is_up_to_date() -> None:
    assert SECURITY.read_text() == document(), (
        "docs/requirements.md is out of date: python -m tests.security.report docs/requirements.md"
    )


def test_every_requirement_has_either_a_test_or_a_reason() -> None:
    covered = {number for proof in find_proofs() for number in proof.promise.requirements}
    assert covered | WITHOUT_TEST.keys() == REQUIREMENTS.keys()
    assert covered & WITHOUT_TEST.keys() == set()


def test_every_row_has_as_many_cells_as_its_head() -> None:
    for table in (*document().split("Without a test:"), make_backends_table()):
        assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
