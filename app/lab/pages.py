"""The laboratory's pages, `/lab`. They never open a session."""

from collections import ChainMap
from dataclasses import replace
from typing import Any, NamedTuple

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.config import INSTANCE
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import Links, Matrix, add_filters, make_matrix
from app.lab.reports.report import LatestReport, Result, find_latest_report
from app.lab.runs.background import BackgroundRunner, RunProgress, Stage

bp = Blueprint("lab", __name__, url_prefix="/lab")

choice = Blueprint("choose", __name__)

SURPRISE = "surprise"
"""One of the verdicts that the filter offers."""


class Filter(NamedTuple):
    """What the matrix shows: one column, and the rows that have a verdict in it, and words."""

    subject: str
    verdict: str
    words: str

    def apply(self, whole: Matrix) -> Matrix:
        """The matrix with less in it."""
        columns = [column for column in whole.columns if self.subject in ("", column.name)]
        narrowed = replace(whole, columns=columns)
        claims = [
            claim
            for claim in whole.claims
            if self._accepts(narrowed.row(claim)) and self._is_about(claim)
        ]
        return replace(narrowed, claims=claims)

    def _is_about(self, claim: Claim) -> bool:
        """Whether each of the words is in its text."""
        quotes = (statement.quote for statement in claim.statements)
        parts = (claim.id, claim.sentence, claim.believed, claim.meaning, *claim.sources, *quotes)
        text = " ".join(parts).casefold()
        return all(word in text for word in self.words.casefold().split())

    def _accepts(self, results: list[Result]) -> bool:
        if self.verdict == SURPRISE:
            return any(result.is_surprise for result in results)
        return not self.verdict or any(result.verdict == self.verdict for result in results)


def init_app(app: Flask) -> None:
    """Add the pages; the reports of runs are kept in this installation's folder."""
    app.extensions["lab_runs"] = BackgroundRunner(INSTANCE / "lab")
    add_filters(app.jinja_env)
    app.register_blueprint(bp)
    app.register_blueprint(choice)


@bp.get("", strict_slashes=False)
def index() -> str:
    """Show the matrix and the progress of a run."""
    run = _runs().progress()
    latest = _find_report()
    whole = _add_run(_make_matrix(latest), run)
    wanted = Filter(*(request.args.get(name, "") for name in Filter._fields))
    return render_template(
        "lab/index.html",
        whole=whole,
        matrix=wanted.apply(whole),
        wanted=wanted,
        verdicts=(*Verdict, SURPRISE),
        latest=latest,
        run=run,
        stages=Stage,
        stopping=_runs().files.is_asked_to_stop,
    )


@bp.post("/run")
def start() -> Response:
    """Start a run of all claims, or of the one that the form names, and show it."""
    runs, claim = _runs(), request.form.get("claim")
    try:
        runs.start(_find_claim(claim).id if claim else None)
    except OSError as error:
        abort(500, f"A run cannot be kept in {runs.files.folder}: {error.strerror}.")
    page = url_for("lab.claim", claim=claim) if claim else url_for("lab.index")
    return redirect(page, code=303)


@bp.post("/stop")
def stop() -> Response:
    """Ask the run under way to end, and show how far it came."""
    _runs().files.ask_to_stop()
    return redirect(url_for("lab.index"), code=303)


@bp.get("/progress")
def progress() -> dict[str, Any]:
    """The stage of the last run and the cells that it has filled, as JSON."""
    run = _runs().progress()
    if run is None:
        abort(404, "No run was started in this installation.")
    cell = current_app.jinja_env.get_template("lab/_matrix.html").module.cell  # type: ignore[attr-defined] # a macro
    links = _links()
    cells = {f"{result.claim}/{result.subject}": cell(result, links) for result in run.results}
    return {"run": run.id, "stage": run.stage, "cells": cells}


@bp.get("/cost", strict_slashes=False)
def cost() -> str:
    """Show what a session costs, and plan for it."""
    # Imported here: a start of the application loads nothing that measures or draws.
    from app.lab.cost.page import render_page

    return render_page()


@choice.get("/choose", endpoint="index")
def choose() -> str:
    """Ask which backend to use, and recommend one."""
    # Imported here: a start of the application loads no figures.
    from app.lab.choose.page import render_page

    return render_page(_links())


@bp.get("/document", strict_slashes=False)
def document() -> str:
    """Show every statement of the document, and on which backends it is true."""
    # Imported here: a start of the application loads no page that nobody has asked for.
    from app.lab.document.page import render_page

    return render_page(_make_matrix(_find_report()))


@bp.get("/<claim>")
def claim(claim: str) -> str:
    """Show what is believed, what was measured, what it means and how to try it."""
    known = _find_claim(claim)
    run = _runs().progress()
    return render_template(
        "lab/claim.html",
        claim=known,
        matrix=_make_matrix(_find_report()),
        again=_runs().files.read_again(known.id),
        run=run if run and run.stage is Stage.RUNNING else None,
        **_neighbours(known),
    )


@bp.get("/<claim>/<subject>")
def evidence(claim: str, subject: str) -> str:
    """Show what the experiment recorded on one subject."""
    known, matrix = _find_claim(claim), _make_matrix(_find_report())
    column = next((column for column in matrix.columns if column.name == subject), None)
    if column is None:
        abort(404)
    return render_template(
        "lab/evidence.html",
        claim=known,
        matrix=matrix,
        column=column,
        result=matrix.result(known, column),
    )


def _runs() -> BackgroundRunner:
    runs: BackgroundRunner = current_app.extensions["lab_runs"]
    return runs


def _links() -> Links:
    return Links(f"{url_for('lab.index')}/", "/", url_for("lab.cost"), url_for("lab.document"))


def _find_report() -> LatestReport | None:
    return find_latest_report(_runs().files.report)


def _make_matrix(latest: LatestReport | None) -> Matrix:
    """The matrix of the report, with the results of what was run again since."""
    matrix = make_matrix(latest and latest.report, list(CLAIMS.values()), _links())
    newer = ChainMap(*(report.by_pair for report in _runs().files.list_again()))
    return replace(matrix, results={**matrix.results, **newer})


def _add_run(whole: Matrix, run: RunProgress | None) -> Matrix:
    """The matrix with the results of a run in progress in place of the last ones."""
    if run is None or run.stage is not Stage.RUNNING:
        return whole
    found = {(result.claim, result.subject): result for result in run.results}
    fresh = None if run.claim else frozenset(found)
    return replace(whole, results={**whole.results, **found}, fresh=fresh)


def _find_claim(name: str) -> Claim:
    if name not in CLAIMS:
        abort(404, "The laboratory has no claim of this name.")
    return CLAIMS[name]


def _neighbours(claim: Claim) -> dict[str, Claim | None]:
    claims = [None, *CLAIMS.values(), None]
    index = claims.index(claim)
    return {"before": claims[index - 1], "after": claims[index + 1]}
