"""README.md has the tables that are made from the code; `make check` compares them."""

from pathlib import Path

from app.config import VARIABLES
from app.readme import format_table, make_backends_table
from backends import BUILT_IN

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_every_variable_is_in_the_readme_with_its_meaning() -> None:
    missing = [
        each.name for each in VARIABLES if f"| `{each.name}` | {each.meaning} |" not in README
    ]
    assert missing == []


def test_every_backend_is_in_the_readme() -> None:
    assert [name for name in BUILT_IN if f"| `{name}` |" not in README] == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    rows = [line for line in make_backends_table().splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_a_table_has_a_head_a_rule_and_rows() -> None:
    assert list(format_table(["a", "b"], [["1", "2"]])) == [
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |",
    ]
