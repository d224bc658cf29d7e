"""A cart: the guest's in a cookie, the account's in the session, and nothing lost between."""

import re

import pytest

from app.demos.cart import MAX_QUANTITY, PRODUCTS, bill_for
from app.demos.preferences import RATES
from app.web.plain_cookies import GUEST_CART
from tests.support.visitor import Visitor

NAME = GUEST_CART.base_name

FORGED_CARTS = [
    *("jar", "jar:", "jar:0", "jar:-1", "jar:01", "jar:100", "jar:1.", ".jar:1", "jar:1..tea:1"),
    *("jar:1 tea:1", "jar:1\n", "JAR:1", "jar:1e1", "jar:%D9%A3", '{"jar":1}'),
    ".".join(["jar:1"] * 11),
]


def _add(visitor: Visitor, product: str, quantity: object = 1) -> int:
    return visitor.post("/cart/add", product=product, quantity=quantity).status_code


def _change(visitor: Visitor, product: str, quantity: object) -> int:
    return visitor.post("/cart/quantity", product=product, quantity=quantity).status_code


def _shown(visitor: Visitor) -> dict[str, int]:
    """What the page shows in the cart, by the product's name."""
    page = visitor.get("/cart").text
    quantities = re.findall(r'value="(\d+)" min="0" .*aria-label="Quantity of ([^"]+)"', page)
    return {name: int(quantity) for quantity, name in quantities}


def test_a_guests_cart_lies_in_a_cookie_and_in_no_session(visitor: Visitor) -> None:
    _add(visitor, "jar")
    _add(visitor, "tea", 3)
    _add(visitor, "jar")
    assert visitor.cookie(NAME) == "jar:2.tea:3"
    assert _shown(visitor) == {"Cookie jar": 2, "Black tea, 100 g": 3}
    assert not visitor.has_token


@pytest.mark.parametrize("logged_in", [False, True])
def test_quantities_change_and_a_product_with_none_leaves(
    visitor: Visitor, logged_in: bool
) -> None:
    if logged_in:
        visitor.log_in()
    _add(visitor, "jar", 2)
    _add(visitor, "mug")
    _change(visitor, "jar", 7)
    _change(visitor, "mug", 0)
    assert _shown(visitor) == {"Cookie jar": 7}
    _add(visitor, "jar", MAX_QUANTITY)
    assert _shown(visitor) == {"Cookie jar": MAX_QUANTITY}
    _change(visitor, "jar", 0)
    assert _shown(visitor) == {}
    assert visitor.cookie(NAME) is None


REFUSED: list[tuple[str, object]] = [
    *(("jar", quantity) for quantity in ("9" * 400, -1, MAX_QUANTITY + 1, "", "two", "1" * 6000)),
    *((product, 1) for product in ("nothing", "")),
]


def test_an_invalid_item_is_refused_and_changes_nothing(visitor: Visitor) -> None:
    _add(visitor, "tea")
    for product, quantity in REFUSED:
        assert _add(visitor, product, quantity) == 400
        assert _change(visitor, product, quantity) == 400
    assert _shown(visitor) == {"Black tea, 100 g": 1}


def test_a_forged_guest_cart_is_empty(visitor: Visitor) -> None:
    for forged in FORGED_CARTS:
        visitor.client.set_cookie(NAME, forged)
        assert _shown(visitor) == {}, forged
    visitor.client.set_cookie(NAME, "ghost:2.jar:1")
    assert _shown(visitor) == {"Cookie jar": 1}


def test_login_moves_the_guests_cart_into_the_session_once(visitor: Visitor) -> None:
    _add(visitor, "jar", 2)
    visitor.log_in()
    assert visitor.cookie(NAME) is None
    assert visitor.session().get("cart") == {"jar": 2}
    visitor.log_in()
    assert _shown(visitor) == {"Cookie jar": 2}


def test_login_adds_the_guests_quantities_up_to_the_limit(visitor: Visitor) -> None:
    visitor.log_in()
    _add(visitor, "jar", 2)
    _add(visitor, "mug", 1)
    visitor.client.set_cookie(NAME, f"jar:3.tea:1.mug:{MAX_QUANTITY}")
    visitor.log_in()
    assert visitor.session().get("cart") == {"jar": 5, "mug": MAX_QUANTITY, "tea": 1}


def test_the_cart_of_an_account_ends_with_its_session(visitor: Visitor) -> None:
    visitor.log_in()
    _add(visitor, "jar", 2)
    visitor.log_in("bob")
    assert _shown(visitor) == {}
    _add(visitor, "jar")
    visitor.post("/logout")
    assert _shown(visitor) == {}
    assert visitor.cookie(NAME) is None


def test_a_wrong_password_leaves_the_guests_cart(visitor: Visitor) -> None:
    _add(visitor, "jar")
    assert visitor.log_in("alice", "wrong").status_code == 401
    assert visitor.cookie(NAME) == "jar:1"


@pytest.mark.parametrize("currency", RATES)
def test_the_total_is_the_sum_of_the_prices_shown(currency: str) -> None:
    bill = bill_for(dict.fromkeys(PRODUCTS, 7), currency)
    assert [line.product for line in bill.lines] == list(PRODUCTS)
    assert bill.total == sum(line.price for line in bill.lines) > 0
    one = bill_for({"jar": 1}, currency).total
    assert bill_for({"jar": 7}, currency).total == 7 * one
