"""A checkout in three steps; the session keeps the finished ones."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Length

from app.accounts.access import Page, View, login_required
from app.demos.cart import Bill, Cart, Product, bill_for, current_cart
from app.demos.preferences import current_preferences
from app.languages.forms import PageForm
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_in_session

bp = Blueprint("checkout", __name__)

STEPS = {
    "address": lazy_gettext("Address"),
    "delivery": lazy_gettext("Delivery"),
    "confirm": lazy_gettext("Confirm"),
}

DELIVERIES = {
    "post": Product(lazy_gettext("By post, three to five days"), 390),
    "courier": Product(lazy_gettext("By courier, the next day"), 990),
    "collect": Product(lazy_gettext("I collect it"), 0),
}


class AddressForm(PageForm):
    name = StringField(lazy_gettext("Name"), [InputRequired(), Length(max=80)])
    street = StringField(lazy_gettext("Street and number"), [InputRequired(), Length(max=120)])
    postal_code = StringField(lazy_gettext("Postal code"), [InputRequired(), Length(max=12)])
    city = StringField(lazy_gettext("City"), [InputRequired(), Length(max=80)])
    country = StringField(lazy_gettext("Country"), [InputRequired(), Length(max=60)])


class DeliveryForm(PageForm):
    delivery = RadioField(
        validators=[InputRequired(lazy_gettext("Choose one."))], choices=list(DELIVERIES)
    )


class Order(NamedTuple):
    """A cart and its delivery; prices in hundredths of the bill's currency."""

    bill: Bill
    delivery: str
    delivery_price: int

    @property
    def total(self) -> int:
        return self.bill.total + self.delivery_price


def step(name: str) -> Callable[[View], View]:
    """Require a login, a cart, and the earlier steps; else redirect to what is missing."""

    earlier_steps = list(STEPS)[: list(STEPS).index(name)]

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded() -> Any:
            if not current_cart():
                if request.method == "POST" and "order" in session:
                    # Of two clicks the first one ordered, and the second one's answer is shown.
                    return redirect(url_for("checkout.done"))
                return redirect(url_for("cart.index", empty="yes"))
            if any(earlier not in _finished_steps() for earlier in earlier_steps):
                return redirect(url_for("checkout.index"))
            return view()

        return login_required(guarded)

    return decorate


@bp.get("/checkout")
@login_required
def index() -> Response:
    """Redirect to the first open step."""
    open_step = next(name for name in STEPS if name not in _finished_steps())
    return redirect(url_for(f"checkout.{open_step}"))


@bp.route("/checkout/address", methods=["GET", "POST"])
@step("address")
def address() -> Page:
    form = AddressForm(request.form, data=_finished_steps().get("address"))
    if form.validate_on_submit():
        return _finish_step("address", form.data)
    return _show_form("address", form)


@bp.route("/checkout/delivery", methods=["GET", "POST"])
@step("delivery")
def delivery() -> Page:
    form = DeliveryForm(request.form, delivery=_finished_steps().get("delivery"))
    if form.validate_on_submit():
        return _finish_step("delivery", form.delivery.data)
    return _show_form("delivery", form, deliveries=DELIVERIES)


@bp.get("/checkout/confirm")
@step("confirm")
def confirm() -> Page:
    order = _price_order(current_cart(), _finished_steps()["delivery"])
    return _render("confirm", order=order, address=_finished_steps()["address"])


@bp.post("/checkout/confirm")
@step("confirm")
def place_order() -> Page:
    session["order"] = {"cart": current_cart(), "delivery": _finished_steps()["delivery"]}
    del session["cart"], session["checkout"]
    return redirect(url_for("checkout.done"))


@bp.get("/checkout/done")
@login_required
def done() -> Page:
    if "order" not in session:
        return redirect(url_for("cart.index"))
    return _render("done", gettext("Your order"), order=_price_order(**session["order"]))


def _finished_steps() -> dict[str, Any]:
    """The data of the finished steps, by the step's name."""
    given: dict[str, Any] = session.get("checkout", {})
    return given


def _finish_step(name: str, given: Any) -> Response:
    session["checkout"] = {**_finished_steps(), name: given}
    return redirect(url_for("checkout.index"))


def _show_form(name: str, form: PageForm, **values: Any) -> Page:
    return _render(name, form=form, **values), 400 if form.errors else 200


def _render(name: str, what: str | None = None, **values: Any) -> str:
    return render_template(
        f"demos/checkout/{name}.html",
        steps=STEPS,
        step=name,
        finished_steps=_finished_steps(),
        user=session["user"],
        preferences=current_preferences(),
        locations=[locate_in_session(what or gettext("Your checkout"))],
        **values,
    )


def _price_order(cart: Cart, delivery: str) -> Order:
    bill = bill_for(cart, current_preferences().currency)
    chosen = DELIVERIES[delivery]
    return Order(bill, str(chosen.name), chosen.price_in(bill.currency))
