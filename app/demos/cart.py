"""A cart: in a plain cookie for a guest, in the session after login."""

import re
from collections import Counter
from typing import NamedTuple

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField
from wtforms.validators import AnyOf, InputRequired

from app.accounts.access import is_logged_in
from app.demos.preferences import current_preferences, in_currency
from app.languages.forms import PageForm
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_in_session, locate_plain_cookie
from app.web.plain_cookies import GUEST_CART, delete_plain, read_plain, set_plain

bp = Blueprint("cart", __name__)

MAX_QUANTITY = 99
Cart = dict[str, int]
"""The quantity of each product, never 0."""


class Product(NamedTuple):
    """Something to pay for."""

    name: LazyString
    cents: int
    """Its price in euro cents."""

    def price_in(self, currency: str) -> int:
        """Its price in hundredths of the currency."""
        return in_currency(self.cents, currency)


PRODUCTS = {
    "jar": Product(lazy_gettext("Cookie jar"), 1490),
    "tin": Product(lazy_gettext("Biscuit tin"), 890),
    "mug": Product(lazy_gettext("Mug"), 650),
    "tea": Product(lazy_gettext("Black tea, 100 g"), 420),
}

PACKED_CART = re.compile(r"[a-z]{1,9}:[1-9][0-9]?(\.[a-z]{1,9}:[1-9][0-9]?){0,9}")
"""A guest's cart in its cookie: `jar:2.tea:1`."""


class ItemForm(PageForm):
    product = SelectField(choices=list(PRODUCTS))
    quantity = IntegerField(validators=[InputRequired(), AnyOf(range(MAX_QUANTITY + 1))])


class Line(NamedTuple):
    """One product in a cart."""

    product: str
    name: str
    quantity: int
    price: int
    """Of all of them, in hundredths of the visitor's currency."""


class Bill(NamedTuple):
    """The priced lines of a cart, in the visitor's currency."""

    currency: str
    lines: list[Line]

    @property
    def total(self) -> int:
        """In hundredths of the currency: the sum of the prices that are shown."""
        return sum(line.price for line in self.lines)


@bp.get("/cart")
def index() -> str:
    preferences = current_preferences()
    return render_template(
        "demos/cart.html",
        products=PRODUCTS,
        bill=bill_for(current_cart(), preferences.currency),
        preferences=preferences,
        max_quantity=MAX_QUANTITY,
        user=session.get("user"),
        locations=[
            locate_in_session(gettext("Your cart"))
            if is_logged_in()
            else locate_plain_cookie(GUEST_CART)
        ],
    )


@bp.post("/cart/add")
def add() -> Response:
    product, quantity = _item()
    return _save(_add_carts(current_cart(), {product: quantity}))


@bp.post("/cart/quantity")
def change_quantity() -> Response:
    """Set the quantity of a product; 0 removes it."""
    product, quantity = _item()
    return _save({**current_cart(), product: quantity})


def current_cart() -> Cart:
    """The session's cart after login, else the guest's."""
    return dict(session.get("cart", {})) if is_logged_in() else _guest_cart()


def cart_after_login(name: str) -> Cart:
    """The account's cart with the guest's added, each quantity up to the limit.

    The cart of another account that is logged in on this browser is not taken over.
    """
    own = session.get("cart", {}) if session.get("user") == name else {}
    return _add_carts(own, _guest_cart())


def bill_for(cart: Cart, currency: str) -> Bill:
    """The cart's lines with prices; products that the shop no longer has are left out."""
    return Bill(
        currency,
        [
            Line(
                product,
                str(PRODUCTS[product].name),
                quantity,
                quantity * PRODUCTS[product].price_in(currency),
            )
            for product, quantity in cart.items()
            if product in PRODUCTS
        ],
    )


def _item() -> tuple[str, int]:
    form = ItemForm(request.form)
    if not form.validate():
        abort(
            400,
            gettext(
                "Choose a product of this shop, and a quantity from 0 to %(max)d.", max=MAX_QUANTITY
            ),
        )
    return form.product.data, form.quantity.data


def _add_carts(cart: Cart, other: Cart) -> Cart:
    both = Counter(cart) + Counter(other)
    return {product: min(quantity, MAX_QUANTITY) for product, quantity in both.items()}


def _save(cart: Cart) -> Response:
    """Save the cart in the session or the guest's cookie, and show it."""
    response = redirect(url_for("cart.index"))
    cart = {product: quantity for product, quantity in cart.items() if quantity}
    if is_logged_in():
        session["cart"] = cart
    elif cart:
        packed = ".".join(f"{product}:{quantity}" for product, quantity in cart.items())
        set_plain(response, GUEST_CART, packed)
    else:
        delete_plain(response, GUEST_CART)
    return response


def _guest_cart() -> Cart:
    """The cart in the guest's cookie; empty unless the format is exactly right."""
    packed = read_plain(GUEST_CART)
    if not PACKED_CART.fullmatch(packed):
        return {}
    pairs = (item.partition(":") for item in packed.split("."))
    return {product: int(quantity) for product, _, quantity in pairs if product in PRODUCTS}
