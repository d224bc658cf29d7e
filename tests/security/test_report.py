"""SECURITY.md says what the tests say, and no demand is forgotten."""

from pathlib import Path

from tests.security.report import document, main, proofs
from tests.security.requirements import DEMANDS, WITHOUT_TEST

SECURITY = Path(__file__).parents[2] / "SECURITY.md"


def test_security_md_is_what_the_tests_make_of_it() -> None:
    assert SECURITY.read_text() == document(), (
        "SECURITY.md is out of date: python -m tests.security.report SECURITY.md"
    )


def test_every_demand_has_a_test_or_a_reason_and_never_both() -> None:
    covered = {number for proof in proofs() for number in proof.promise.requirements}
    assert covered | WITHOUT_TEST.keys() == DEMANDS.keys()
    assert covered & WITHOUT_TEST.keys() == set()


def test_every_row_has_as_many_cells_as_its_head() -> None:
    tables = document().split("Without a test:")
    for table in tables:
        assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    main(tmp_path / "SECURITY.md")
    assert (tmp_path / "SECURITY.md").read_text() == document()
