"""The page `/choose`, and the same as a table in the readme."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from flask import render_template, request, url_for

from app.lab.choose.advice import Adviser
from app.lab.choose.questions import Answers, ChoiceQuestion, Option, make_questions
from app.lab.claim import FAILS, HOLDS, Verdict
from app.lab.cost.figures import Figures
from app.lab.cost.kept import read_kept
from app.lab.cost.summary import summarize
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import Links
from app.lab.reports.report import SHIPPED, read_report
from app.readme import format_table
from backends import Backend


class Given(NamedTuple):
    """An answer that was given."""

    question: ChoiceQuestion
    option: Option
    again: str
    """The address at which it can be given again."""


def render_page(links: Links) -> str:
    """The next question with its answers, or the recommendation."""
    figures = read_kept()
    adviser = Adviser(make_questions(figures), read_report(SHIPPED))
    answers = adviser.read_answers(request.args)
    question = adviser.next_question(answers)
    advice = None if question else adviser.advise(answers)
    return render_template(
        "lab/choose.html",
        given=_list_given(adviser, answers),
        question=question,
        choices=_list_choices(adviser, answers, question) if question else [],
        claims=CLAIMS,
        divide=partial(_divide, adviser),
        advice=advice,
        costs_on=partial(_list_costs, figures),
        short=_say_in_short(adviser),
        fails=FAILS,
        number=len(answers) + 1,
        links=links,
    )


def _say_in_short(adviser: Adviser) -> str:
    """The three usual cases in one sentence."""
    cases = (
        {"logout": "soft", "hidden": "open", "size": "small"},
        {"logout": "final", "servers": "one"},
        {"logout": "final", "servers": "several", "redis": "yes"},
    )
    small, one, several = (_name_advised(adviser, adviser.read_answers(case)) for case in cases)
    return (
        f"{small} where a logout need not be final, nothing in a session is secret, and sessions "
        f"stay small. Otherwise, as in a shop, {one} on one server, and {several} on several."
    )


def make_readme_part() -> str:
    """Every way through the questions, as a table for the documents."""
    adviser = Adviser(make_questions(read_kept()), read_report(SHIPPED))
    rows = [
        (*_list_words(adviser, answers), f"**{_name_advised(adviser, answers)}**")
        for answers in adviser.walk()
    ]
    heads = (*(question.text for question in adviser.questions), "use")
    return "\n".join(format_table(heads, rows))


def _list_words(adviser: Adviser, answers: Answers) -> Iterator[str]:
    for question in adviser.questions:
        option = answers.get(question.id)
        yield "any" if option is None else "yes" if option is question.yes else "no"


def _name_advised(adviser: Adviser, answers: Answers) -> str:
    backend = adviser.advise(answers).backend
    return backend.title if backend else "none of these"


def _list_given(adviser: Adviser, answers: Answers) -> list[Given]:
    given = []
    before: Answers = {}
    for question in adviser.questions:
        if question.id in answers:
            given.append(Given(question, answers[question.id], _address(before)))
            before[question.id] = answers[question.id]
    return given


def _list_choices(
    adviser: Adviser, answers: Answers, question: ChoiceQuestion
) -> Iterator[tuple[Option, str, list[Backend]]]:
    """Each answer that can be given, the address that gives it, and the backends that stay."""
    for option in question.options:
        then = {**answers, question.id: option}
        yield option, _address(then), adviser.list_left(then)


def _divide(adviser: Adviser, claim: str) -> dict[Verdict, list[Backend]]:
    """The backends on which the claim holds, and the others."""
    return {
        verdict: [each for each in adviser.backends if adviser.holds(claim, each) is holds]
        for verdict, holds in ((HOLDS, True), (FAILS, False))
    }


def _address(answers: Answers) -> str:
    query: dict[str, Any] = {name: option.value for name, option in answers.items()}
    return url_for("choose.index", **query)


def _list_costs(figures: Figures | None, backend: Backend) -> dict[str, str]:
    """What it costs, by whom it costs: the processor first. Empty without figures."""
    for line in summarize(figures) if figures else ():
        if line.title == backend.title:
            return {head: str(cell) for head, cell in line.cells.items()}
    return {}
