"""The laboratory's pages in the running application, `/lab`. They never look at a session."""

from dataclasses import replace
from typing import Any, NamedTuple

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.config import INSTANCE
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.known import known_report
from app.lab.reports.report import Result
from app.lab.reports.sheet import Links, Sheet, add_filters, sheet
from app.lab.runs.background import Run, Runs, Stage

bp = Blueprint("lab", __name__, url_prefix="/lab")

SURPRISE = "surprise"
"""Stands among the verdicts of the filter."""


class PageLinks(NamedTuple):
    """Each claim, and each of its pieces of evidence, has an address of its own."""

    root: str

    def claim(self, claim: str) -> str:
        return f"{self.root}/{claim}"

    def evidence(self, claim: str, subject: str) -> str:
        return f"{self.root}/{claim}/{subject}"


class Filter(NamedTuple):
    """What of the matrix is to be seen: one column, the rows with a verdict in it."""

    subject: str
    verdict: str

    def apply(self, whole: Sheet) -> Sheet:
        subjects = [s for s in whole.subjects if self.subject in ("", s.name)]
        narrowed = replace(whole, subjects=subjects)
        claims = [claim for claim in whole.claims if self._wants(narrowed.of(claim))]
        return replace(narrowed, claims=claims)

    def _wants(self, results: list[Result]) -> bool:
        if self.verdict == SURPRISE:
            return any(result.is_surprise for result in results)
        return not self.verdict or any(result.verdict == self.verdict for result in results)


def init_app(app: Flask) -> None:
    """Offer the pages, and keep what runs find out in this installation's folder."""
    app.extensions["lab_runs"] = Runs(INSTANCE / "lab")
    add_filters(app.jinja_env)
    app.register_blueprint(bp)


@bp.get("", strict_slashes=False)
def index() -> str:
    """The matrix, and how far a run is."""
    run = _runs().last()
    whole = _with_run(_sheet(), run)
    wanted = Filter(request.args.get("subject", ""), request.args.get("verdict", ""))
    return render_template(
        "lab/index.html",
        whole=whole,
        sheet=wanted.apply(whole),
        wanted=wanted,
        verdicts=(*Verdict, SURPRISE),
        known=known_report(_runs().files.report),
        run=run,
        stages=Stage,
    )


@bp.post("/run")
def start() -> Response:
    """Start a run, unless one is under way, and go where it is seen."""
    runs = _runs()
    try:
        runs.start()
    except OSError as error:
        abort(500, f"A run cannot be kept in {runs.files.folder}: {error.strerror}.")
    return redirect(url_for("lab.index"), code=303)


@bp.get("/progress")
def progress() -> dict[str, Any]:
    """How far the last run is, with the cells of the matrix that it has filled, as JSON."""
    run = _runs().last()
    if run is None:
        abort(404, "No run was started in this installation.")
    cell = current_app.jinja_env.get_template("lab/_matrix.html").module.cell  # type: ignore[attr-defined] # a macro
    links = _links()
    cells = {f"{result.claim}/{result.subject}": cell(result, links) for result in run.results}
    return {"run": run.id, "stage": run.stage, "cells": cells}


@bp.get("/<claim>")
def claim(claim: str) -> str:
    """One claim: what is believed, what was found out, what it means, how to try it."""
    known = _claim(claim)
    return render_template("lab/claim.html", claim=known, sheet=_sheet(), **_neighbours(known))


@bp.get("/<claim>/<subject>")
def evidence(claim: str, subject: str) -> str:
    """What the experiment left on one subject."""
    known, whole = _claim(claim), _sheet()
    column = next((column for column in whole.subjects if column.name == subject), None)
    if column is None:
        abort(404)
    return render_template(
        "lab/evidence.html",
        claim=known,
        sheet=whole,
        column=column,
        result=whole.result(known, column),
    )


def _runs() -> Runs:
    runs: Runs = current_app.extensions["lab_runs"]
    return runs


def _links() -> Links:
    return PageLinks(url_for("lab.index"))


def _sheet() -> Sheet:
    known = known_report(_runs().files.report)
    return sheet(known and known.report, list(CLAIMS.values()), _links())


def _with_run(whole: Sheet, run: Run | None) -> Sheet:
    """What a run has found out so far, before what the last report says."""
    if run is None or run.stage is not Stage.RUNNING:
        return whole
    found = {(result.claim, result.subject): result for result in run.results}
    return replace(whole, results={**whole.results, **found}, fresh=frozenset(found))


def _claim(name: str) -> Claim:
    if name not in CLAIMS:
        abort(404, "The laboratory has no claim of this name.")
    return CLAIMS[name]


def _neighbours(claim: Claim) -> dict[str, Claim | None]:
    """The claims before and after it."""
    claims = [None, *CLAIMS.values(), None]
    place = claims.index(claim)
    return {"before": claims[place - 1], "after": claims[place + 1]}
