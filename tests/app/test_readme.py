"""README.md says what the code says."""

from pathlib import Path

import pytest

from app.config import VARIABLES, Variable
from app.readme import main, rewritten
from backends import BUILT_IN

README = Path(__file__).parents[2] / "README.md"

MARKERS = """\
before
<!-- begin: variables -->
stale
<!-- end: variables -->
between
<!-- begin: backends -->
<!-- end: backends -->
after
"""


def test_readme_is_up_to_date() -> None:
    text = README.read_text()
    assert rewritten(text) == text, "README.md is out of date: make readme"


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_every_variable_is_in_the_readme_with_its_meaning(variable: Variable) -> None:
    assert f"| `{variable.name}` | {variable.meaning} |" in README.read_text()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_backend_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README.read_text()


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for part in rewritten(MARKERS).split("<!-- end: variables -->"):
        counts = {line.count("|") for line in part.splitlines() if line.startswith("|")}
        assert len(counts) == 1


def test_only_text_between_the_markers_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(MARKERS)
    main(file)
    made = file.read_text()
    assert "stale" not in made
    assert [line for line in made.splitlines() if line in ("before", "between", "after")] == [
        "before",
        "between",
        "after",
    ]
    assert rewritten(made) == made


def test_a_file_without_markers_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("nothing is generated here\n")
    with pytest.raises(SystemExit, match="there is no place for the variables"):
        main(file)
    assert file.read_text() == "nothing is generated here\n"
