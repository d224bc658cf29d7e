"""The menu: every page of a part in its group, also those around a mount."""

import re
from collections.abc import Mapping

import pytest

from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor

DEMOS = ("articles", "cart", "uploads", "preferences", "building-blocks")
YOU = ("sessions", "account", "admin")


def read_menu(page: str) -> Mapping[str, list[str]]:
    """The addresses of each group, by its label."""
    menu = page.partition('<nav class="menu-wide"')[2].partition("</nav>")[0]
    assert menu.count("<a ") == menu.count('<a class="menu-link" href=')
    labels, *groups = menu.split('<span class="menu-label">')
    assert "<a " not in labels
    return {
        group.partition("<")[0]: re.findall('<a class="menu-link" href="([^"]*)"', group)
        for group in groups
    }


@pytest.mark.parametrize("backend", ["cookie", None])
@pytest.mark.parametrize("lab", [True, False])
def test_each_link_of_the_menu_is_in_its_group(
    make_lab: MakeLab, backend: str | None, lab: bool
) -> None:
    mount = "" if backend else "/cookie"
    visitor = Visitor(make_lab(backend, LAB=lab))
    visitor.post(f"{mount}/login", username="alice", password="wonderland")
    around = {"What is true": ["/lab", "/choose"]} if lab else {}
    assert read_menu(visitor.get(f"{mount}/dashboard").text) == {
        "Start": [*([] if backend else ["/"]), f"{mount}/dashboard"],
        "Demos": [f"{mount}/{name}" for name in DEMOS],
        "You": [f"{mount}/{name}" for name in YOU],
        **around,
    }
