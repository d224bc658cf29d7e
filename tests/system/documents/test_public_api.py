"""What docs/public-api.md calls public is what there is."""

import re

import backends
from tests.system.documents.documents import ROOT

PAGE = (ROOT / "docs/public-api.md").read_text()


def test_the_names_of_the_page_are_those_of_the_package() -> None:
    table = PAGE.partition("| name |")[2].partition("\n\n")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert sorted(name for row in named for name in row) == sorted(backends.__all__)
