"""The error page says what happened to this request, and leads on from there."""

import resource

import pytest

from tests.app.conftest import MakeLab
from tests.support.limits import limited
from tests.support.visitor import Visitor


def test_a_405_says_whether_the_address_is_of_a_page_or_of_a_form(bob: Visitor) -> None:
    opened = bob.get("/dashboard/note")
    sent = bob.post("/dashboard")
    assert (opened.status_code, sent.status_code) == (405, 405)
    assert "Opening it does nothing." in opened.text
    assert "Opening it does nothing." not in sent.text
    assert "takes no form" in sent.text


def test_each_403_says_what_is_true_of_it(bob: Visitor) -> None:
    """And leads to the login where somebody else may."""
    refused = bob.get("/admin").text
    assert "for administrators only" in refused
    assert "use the form there" not in refused
    assert 'href="/login?next=/admin"' in refused
    assert 'href="/login"' in bob.post("/admin/disable", user="alice").text
    bob.client.environ_base["HTTP_ORIGIN"] = "https://evil.example"
    foreign = bob.post("/dashboard/note", note="x")
    assert foreign.status_code == 403
    assert "did not come from a page of this site" in foreign.text
    assert "use the form there" in foreign.text
    assert "/login" not in foreign.text


@pytest.mark.parametrize(("address", "status"), [("/nothing", 404), ("/login", 500)])
def test_an_error_without_open_files_has_a_plain_page(
    make_lab: MakeLab, address: str, status: int
) -> None:
    app = make_lab()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    client.get("/healthz")  # the client itself needs files at first
    with limited(resource.RLIMIT_NOFILE, 0):
        response = client.get(address)
    assert response.status_code == status
    assert response.text.count("<h1>") == 1
