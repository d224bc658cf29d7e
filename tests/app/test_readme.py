"""The tables of README.md; `make check` compares what it has with what is made here."""

from app.readme import format_table, make_backends_table


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    rows = [line for line in make_backends_table().splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_a_table_has_a_head_a_rule_and_rows() -> None:
    rows = ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
    assert list(format_table(["a", "b"], [["1", "2"]])) == rows
