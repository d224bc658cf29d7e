"""The page `/lab/cost`: the kept figures, and a plan by a form."""

from flask import render_template, request
from wtforms import DecimalField, Field, IntegerField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, NumberRange, ValidationError

from app.lab.cost.kept import read_kept
from app.lab.cost.shown import show
from app.lab.plan import LIMITS, Need, make_plan
from app.languages.forms import PageForm


class _Within(NumberRange):
    """Refuses numbers that no `float` can hold too: `NumberRange` fails at them."""

    def __call__(self, form: BaseForm, field: Field) -> None:
        try:
            float(field.data or 0)
        except (ValueError, OverflowError):
            raise ValidationError(self.message) from None
        super().__call__(form, field)


def _must_be_within(name: str) -> list[InputRequired | NumberRange]:
    limit = LIMITS[name]
    return [
        InputRequired("Enter a number."),
        _Within(limit.least, limit.most, f"From {limit.least:,} to {limit.most:,}."),
    ]


class PlanForm(PageForm):
    """What a plan is for; its fields are named as in `Need`."""

    users = IntegerField("Users a day", _must_be_within("users"))
    size = IntegerField("Bytes of data in a session", _must_be_within("size"))
    per_second = DecimalField("Requests a second", _must_be_within("per_second"), places=None)
    hours = DecimalField("Hours that a session lives", _must_be_within("hours"), places=None)

    @property
    def need(self) -> Need:
        """What was entered. Only for a valid form."""
        return Need(
            int(self.users.data or 0),
            int(self.size.data or 0),
            float(self.per_second.data or 0),
            float(self.hours.data or 0),
        )


def render_page() -> str:
    """What a session costs, and the plan for what the request's query asks, or for an example."""
    figures = read_kept()
    examples = {name: limit.example for name, limit in LIMITS.items()}
    form = PlanForm(request.args or None, data=examples)
    is_valid = form.validate() if request.args else True
    plan = make_plan(figures, form.need) if figures and is_valid else None
    return render_template(
        "lab/cost.html",
        shown=figures and show(figures),
        form=form,
        plan=plan,
        command=plan and _say_command(plan.need),
    )


def _say_command(need: Need) -> str:
    """What gives the same plan in a terminal."""
    return (
        f".venv/bin/session-lab plan --users {need.users} --size {need.size}"
        f" --requests {need.per_second:.12g} --hours {need.hours:.12g}"
    )
