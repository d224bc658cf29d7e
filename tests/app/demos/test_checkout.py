"""A checkout in steps: none is skipped, and what is half-done lies in the session."""

import pytest

from tests.support.visitor import Visitor

ADDRESS = {
    "name": "Alice Liddell",
    "street": "1 Rabbit Hole",
    "postal_code": "OX1 1AA",
    "city": "Oxford",
    "country": "England",
}


@pytest.fixture
def buyer(visitor: Visitor) -> Visitor:
    """Somebody logged in with two cookie jars in the cart."""
    visitor.log_in()
    visitor.post("/cart/add", product="jar", quantity="2")
    return visitor


def _leads_to(visitor: Visitor, path: str) -> str:
    """Where the path ends after its redirects."""
    return visitor.get(path, follow_redirects=True).request.path


def test_three_steps_lead_to_an_order_and_empty_the_cart(buyer: Visitor) -> None:
    assert _leads_to(buyer, "/checkout") == "/checkout/address"
    buyer.post("/checkout/address", **ADDRESS)
    assert _leads_to(buyer, "/checkout") == "/checkout/delivery"
    buyer.post("/checkout/delivery", delivery="courier")
    assert _leads_to(buyer, "/checkout") == "/checkout/confirm"
    page = buyer.get("/checkout/confirm").text
    assert "Rabbit Hole" in page
    assert "EUR 39.70" in page
    ordered = buyer.submit("/checkout/confirm")
    assert ordered.request.path == "/checkout/done"
    assert "EUR 39.70" in ordered.text
    left = buyer.session()
    assert left["order"] == {"cart": {"jar": 2}, "delivery": "courier"}
    assert not {"cart", "checkout"} & left.keys()
    assert "Rabbit Hole" not in str(left)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("done", "skipped_to", "leads_to"),
    [
        ((), "delivery", "address"),
        ((), "confirm", "address"),
        (("address",), "confirm", "delivery"),
    ],
)
def test_no_step_can_be_skipped(
    buyer: Visitor, method: str, done: tuple[str, ...], skipped_to: str, leads_to: str
) -> None:
    for step in done:
        buyer.post(f"/checkout/{step}", **ADDRESS)
    request = getattr(buyer.client, method)
    response = request(f"/checkout/{skipped_to}", data={"delivery": "post"}, follow_redirects=True)
    assert response.request.path == f"/checkout/{leads_to}"
    left = buyer.session()
    assert left["cart"] == {"jar": 2}
    assert "order" not in left
    assert "delivery" not in left.get("checkout", {})


def test_without_a_cart_there_is_nothing_to_check_out(visitor: Visitor) -> None:
    visitor.log_in()
    for step in ("", "/address", "/delivery", "/confirm"):
        answer = visitor.get(f"/checkout{step}", follow_redirects=True)
        assert answer.request.path == "/cart"
        assert "Your cart is empty" in answer.text
    assert _leads_to(visitor, "/checkout/done") == "/cart"


def test_a_guest_logs_in_first(visitor: Visitor) -> None:
    visitor.post("/cart/add", product="jar", quantity="2")
    for step in ("", "/address", "/delivery", "/confirm", "/done"):
        assert _leads_to(visitor, f"/checkout{step}") == "/login"
    visitor.log_in()
    assert _leads_to(visitor, "/checkout") == "/checkout/address"


def test_an_incomplete_address_is_refused(buyer: Visitor) -> None:
    for missing in ADDRESS:
        for value in ("", "x" * 121):
            refused = buyer.post("/checkout/address", **{**ADDRESS, missing: value})
            assert refused.status_code == 400, missing
    assert "checkout" not in buyer.session()


def test_an_unknown_delivery_is_refused(buyer: Visitor) -> None:
    buyer.post("/checkout/address", **ADDRESS)
    for data in ({}, {"delivery": ""}, {"delivery": "pigeon"}):
        assert buyer.post("/checkout/delivery", **data).status_code == 400
    assert _leads_to(buyer, "/checkout") == "/checkout/delivery"


def test_an_earlier_step_can_be_changed_and_keeps_the_later_one(buyer: Visitor) -> None:
    buyer.post("/checkout/address", **ADDRESS)
    buyer.post("/checkout/delivery", delivery="collect")
    assert "1 Rabbit Hole" in buyer.get("/checkout/address").text
    buyer.post("/checkout/address", **{**ADDRESS, "street": "2 Rabbit Hole"})
    page = buyer.get("/checkout/confirm").text
    assert "2 Rabbit Hole" in page
    assert "I collect it" in page


def test_confirming_twice_orders_once(buyer: Visitor) -> None:
    buyer.post("/checkout/address", **ADDRESS)
    buyer.post("/checkout/delivery", delivery="post")
    buyer.post("/checkout/confirm")
    first = buyer.session()
    again = buyer.submit("/checkout/confirm")
    assert again.request.path == "/checkout/done"
    assert buyer.session() == first
