"""Each link in a document leads to a file and a heading, and each public name to what there is."""

import re
from pathlib import Path

import pytest

import backends
from tests.system.documents.documents import DOCUMENTS, ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")


def headings(document: Path) -> set[str]:
    """The anchors that a host makes of the headings."""
    found = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    dead = []
    for link in LINK.findall(document.read_text()):
        target, _, anchor = link.partition("#")
        if target.startswith(("http:", "https:")):
            continue
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in headings(path)):
            dead.append(link)
    assert dead == []


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        links = [link.partition("#")[0] for link in LINK.findall(document.read_text())]
        files = [(document.parent / link).resolve() for link in links if link.endswith(".md")]
        waiting += [path for path in files if path.exists()]
    assert set(DOCUMENTS) - reached == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


PAGE = (ROOT / "docs/public-api.md").read_text()


def test_the_names_of_the_page_are_those_of_the_package() -> None:
    table = PAGE.partition("| name |")[2].partition("\n\n")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert sorted(name for row in named for name in row) == sorted(backends.__all__)
