"""The error page says what happened to this request, and leads on from there."""

import pytest

from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor


@pytest.fixture
def bob(make_lab: MakeLab) -> Visitor:
    return Visitor(make_lab("filesystem")).logged_in("bob")


def test_a_405_says_whether_the_address_is_of_a_page_or_of_a_form(bob: Visitor) -> None:
    opened = bob.get("/dashboard/note")
    sent = bob.post("/dashboard")
    assert (opened.status_code, sent.status_code) == (405, 405)
    assert "Opening it does nothing." in opened.text
    assert "Opening it does nothing." not in sent.text
    assert "takes no form" in sent.text


def test_a_403_leads_to_the_login_of_somebody_who_may(bob: Visitor) -> None:
    assert 'href="/login?next=/admin"' in bob.get("/admin").text
    assert 'href="/login"' in bob.post("/admin/disable", user="alice").text
    bob.client.environ_base["HTTP_ORIGIN"] = "https://evil.example"
    assert "/login" not in bob.post("/cart/add", product="jar").text
