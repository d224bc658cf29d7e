"""A checkout in three steps; what is done half-way lies in the session."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from flask import Blueprint, redirect, render_template, session, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Length

from app.accounts.access import login_required
from app.demos.cart import Bill, Cart, bill_for, current_cart
from app.demos.preferences import current_preferences, in_currency
from app.web.data_location import in_session

bp = Blueprint("checkout", __name__)

STEPS = {"address": "Address", "delivery": "Delivery", "confirm": "Confirm"}
Page = str | tuple[str, int] | Response
View = Callable[[], Page]


class Delivery(NamedTuple):
    name: str
    cents: int
    """Its price in euro cents."""


DELIVERIES = {
    "post": Delivery("By post, three to five days", 390),
    "courier": Delivery("By courier, the next day", 990),
    "collect": Delivery("I collect it", 0),
}


class AddressForm(FlaskForm):
    name = StringField("Name", [InputRequired(), Length(max=80)])
    street = StringField("Street and number", [InputRequired(), Length(max=120)])
    postal_code = StringField("Postal code", [InputRequired(), Length(max=12)])
    city = StringField("City", [InputRequired(), Length(max=80)])
    country = StringField("Country", [InputRequired(), Length(max=60)])


class DeliveryForm(FlaskForm):
    delivery = RadioField(validators=[InputRequired("Choose one.")], choices=list(DELIVERIES))


class Order(NamedTuple):
    """A cart and its delivery; prices in hundredths of the bill's currency."""

    bill: Bill
    delivery: str
    delivery_price: int

    @property
    def total(self) -> int:
        return self.bill.total + self.delivery_price


def step(name: str) -> Callable[[View], View]:
    """Let nobody skip a step: lead to the first open one. Needs a login and something to buy."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded() -> Page:
            if not current_cart():
                return redirect(url_for("cart.index"))
            if any(earlier not in _half_way() for earlier in _before(name)):
                return redirect(url_for("checkout.index"))
            return view()

        return login_required(guarded)

    return decorate


@bp.get("/checkout")
@login_required
def index() -> Response:
    """Go on with the first step that is open."""
    open_step = next(name for name in STEPS if name not in _half_way())
    return redirect(url_for(f"checkout.{open_step}"))


@bp.route("/checkout/address", methods=["GET", "POST"])
@step("address")
def address() -> Page:
    form = AddressForm(data=_half_way().get("address"))
    return _go_on("address", form.data) if form.validate_on_submit() else _ask("address", form)


@bp.route("/checkout/delivery", methods=["GET", "POST"])
@step("delivery")
def delivery() -> Page:
    form = DeliveryForm(delivery=_half_way().get("delivery"))
    if form.validate_on_submit():
        return _go_on("delivery", form.delivery.data)
    currency = current_preferences().currency
    choices = {
        name: (delivery.name, in_currency(delivery.cents, currency))
        for name, delivery in DELIVERIES.items()
    }
    return _ask("delivery", form, choices=choices)


@bp.get("/checkout/confirm")
@step("confirm")
def confirm() -> Page:
    order = _priced(current_cart(), _half_way()["delivery"])
    return _page("confirm", order=order, address=_half_way()["address"])


@bp.post("/checkout/confirm")
@step("confirm")
def place_order() -> Page:
    session["order"] = {"cart": current_cart(), "delivery": _half_way()["delivery"]}
    del session["cart"], session["checkout"]
    return redirect(url_for("checkout.done"))


@bp.get("/checkout/done")
@login_required
def done() -> Page:
    if "order" not in session:
        return redirect(url_for("cart.index"))
    return _page("done", "Your order", order=_priced(**session["order"]))


def _before(name: str) -> list[str]:
    return list(STEPS)[: list(STEPS).index(name)]


def _half_way() -> dict[str, Any]:
    """What the finished steps have given, by the step's name."""
    given: dict[str, Any] = session.get("checkout", {})
    return given


def _go_on(name: str, given: Any) -> Response:
    session["checkout"] = {**_half_way(), name: given}
    return redirect(url_for("checkout.index"))


def _ask(name: str, form: FlaskForm, **values: Any) -> Page:
    return _page(name, form=form, **values), 400 if form.errors else 200


def _page(name: str, what: str = "Your checkout", **values: Any) -> str:
    return render_template(
        f"demos/checkout/{name}.html",
        steps=STEPS,
        step=name,
        half_way=_half_way(),
        user=session["user"],
        preferences=current_preferences(),
        places=[in_session(what)],
        **values,
    )


def _priced(cart: Cart, delivery: str) -> Order:
    bill = bill_for(cart, current_preferences().currency)
    chosen = DELIVERIES[delivery]
    return Order(bill, chosen.name, in_currency(chosen.cents, bill.currency))
