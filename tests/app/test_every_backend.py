"""Each feature works on every backend: on stores, on cookies, and on what ships."""

from io import BytesIO

import pytest

from app import dashboard
from backends import BACKENDS
from tests.app.conftest import MakeLab
from tests.app.demos.test_checkout import ADDRESS
from tests.support.visitor import Visitor

pytestmark = pytest.mark.parametrize("name", BACKENDS)


@pytest.fixture
def alice(name: str, make_lab: MakeLab) -> Visitor:
    return Visitor(make_lab(name)).logged_in()


def test_each_feature_keeps_what_it_stores(alice: Visitor) -> None:
    assert "Welcome alice" in alice.get("/dashboard").text
    written = alice.submit("/dashboard/note", note="<b>milk</b> & honey")
    assert "&lt;b&gt;milk&lt;/b&gt; &amp; honey" in written.text
    alice.post("/uploads", file=(BytesIO(b"\x00\xff"), "two.txt"))
    assert alice.get("/uploads/file").data == b"\x00\xff"
    assert "Cookie jar" in alice.submit("/cart/add", product="jar", quantity="2").text
    alice.post("/checkout/address", **ADDRESS)
    alice.post("/checkout/delivery", delivery="courier")
    ordered = alice.submit("/checkout/confirm")
    assert ordered.request.path == "/checkout/done"
    assert "EUR 39.70" in ordered.text
    for path in ("/", "/dashboard", "/sessions", "/admin", "/account", "/inspect"):
        assert alice.get(path).status_code == 200, path
    alice.post("/logout")
    assert not alice.is_in


def test_the_dashboard_stops_adding(alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "MAX_PIECES", 2)
    for path in ("/dashboard/note", "/dashboard/grow"):
        assert [alice.post(path).status_code for _ in range(3)][-1] == 413, path
    assert len(alice.session()["notes"]) == 2
    refused = alice.post("/dashboard/note").text
    assert "You have done this 2 times" in refused
    assert "a new session begins empty" in refused
    assert "try it with less" not in refused


def test_a_new_password_keeps_this_session_and_ends_the_others(alice: Visitor) -> None:
    phone = Visitor(alice.app).logged_in()
    changed = alice.submit(
        "/account/password", current="wonderland", new="looking-glass", end_others="y"
    )
    assert "Your password is changed" in changed.text
    assert (alice.is_in, phone.is_in) == (True, False)
