"""A cart: a guest's in a plain cookie, after login in the session."""

import re
from typing import NamedTuple

from flask import Blueprint, abort, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from app.accounts.access import is_logged_in
from app.demos.preferences import current_preferences, in_currency
from app.web.data_location import Place, in_plain_cookie, in_session
from app.web.plain_cookies import GUEST_CART, delete_plain, read_plain, set_plain

bp = Blueprint("cart", __name__)

MOST_OF_ONE = 99
Cart = dict[str, int]
"""How many of which product; never 0."""


class Product(NamedTuple):
    name: str
    cents: int
    """Its price in euro cents."""


PRODUCTS = {
    "jar": Product("Cookie jar", 1490),
    "tin": Product("Biscuit tin", 890),
    "mug": Product("Mug", 650),
    "tea": Product("Black tea, 100 g", 420),
}

PACKED = re.compile(r"[a-z]{1,9}:[1-9][0-9]?(\.[a-z]{1,9}:[1-9][0-9]?){0,9}")
"""A guest's cart as its cookie holds it: `jar:2.tea:1`."""


class ItemForm(FlaskForm):
    product = SelectField(choices=list(PRODUCTS))
    quantity = IntegerField(validators=[InputRequired(), NumberRange(0, MOST_OF_ONE)])


class Line(NamedTuple):
    """One product in a cart."""

    product: str
    name: str
    quantity: int
    price: int
    """Of all of them, in hundredths of the visitor's currency."""


class Bill(NamedTuple):
    """What a cart comes to in the visitor's currency."""

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
        products={
            product: (name, in_currency(cents, preferences.currency))
            for product, (name, cents) in PRODUCTS.items()
        },
        bill=bill_for(current_cart(), preferences.currency),
        preferences=preferences,
        most_of_one=MOST_OF_ONE,
        user=session.get("user"),
        places=[_place()],
    )


@bp.post("/cart/add")
def add() -> Response:
    product, quantity = _item()
    return _keep(_sum(current_cart(), {product: quantity}))


@bp.post("/cart/quantity")
def change_quantity() -> Response:
    """Have so many of a product; 0 takes it out."""
    product, quantity = _item()
    return _keep({**current_cart(), product: quantity})


def current_cart() -> Cart:
    """The session's cart for who is logged in, else the guest's."""
    return dict(session.get("cart", {})) if is_logged_in() else _guest_cart()


def cart_after_login(name: str) -> Cart:
    """This account's cart once the guest's is merged into it: quantities add up, to the limit.

    The cart of somebody else who is logged in on this browser stays theirs.
    """
    own = session.get("cart", {}) if session.get("user") == name else {}
    return _sum(own, _guest_cart())


def bill_for(cart: Cart, currency: str) -> Bill:
    """The cart's lines, priced; a product that the shop no longer has is left out."""
    return Bill(
        currency,
        [
            Line(
                product,
                PRODUCTS[product].name,
                quantity,
                quantity * in_currency(PRODUCTS[product].cents, currency),
            )
            for product, quantity in cart.items()
            if product in PRODUCTS
        ],
    )


def _item() -> tuple[str, int]:
    form = ItemForm()
    if not form.validate():
        abort(400, f"Choose a product of this shop, and a quantity from 0 to {MOST_OF_ONE}.")
    return form.product.data, form.quantity.data


def _sum(cart: Cart, other: Cart) -> Cart:
    products = dict.fromkeys((*cart, *other))
    return {
        product: min(cart.get(product, 0) + other.get(product, 0), MOST_OF_ONE)
        for product in products
    }


def _keep(cart: Cart) -> Response:
    """Keep the cart where this visitor's lies, and show it."""
    response = redirect(url_for("cart.index"))
    cart = {product: quantity for product, quantity in cart.items() if quantity}
    if is_logged_in():
        session["cart"] = cart
    elif cart:
        set_plain(response, GUEST_CART, _pack(cart))
    else:
        delete_plain(response, GUEST_CART)
    return response


def _guest_cart() -> Cart:
    """What the guest's cookie holds; nothing of it where it is not exactly as we write it."""
    packed = read_plain(GUEST_CART)
    if not PACKED.fullmatch(packed):
        return {}
    pairs = (item.partition(":") for item in packed.split("."))
    return {product: int(quantity) for product, _, quantity in pairs if product in PRODUCTS}


def _pack(cart: Cart) -> str:
    return ".".join(f"{product}:{quantity}" for product, quantity in cart.items())


def _place() -> Place:
    return in_session("Your cart") if is_logged_in() else in_plain_cookie(GUEST_CART)
