"""A report as one HTML file."""

from app.lab.cost.kept import read_kept
from app.lab.cost.shown import show
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import Links, make_matrix
from app.lab.reports.one_file import render_page
from app.lab.reports.remedies import describe_remedies
from app.lab.reports.report import Report, shorten_report

MAX_EXCHANGES = 6
"""Exchanges of one experiment in the file; all of them would make it several times as long."""

ANCHORS = Links("#", "--")


def format_html(report: Report) -> str:
    """The matrix, each claim and its evidence."""
    claims = [CLAIMS[claim.id] for claim in report.claims if claim.id in CLAIMS]
    # Those that are kept are of our backends, and not of somebody's application.
    figures = None if report.remedies else read_kept()
    links = ANCHORS if figures is None else ANCHORS._replace(cost_page="")
    return render_page(
        "lab/report.html",
        circumstances=report.circumstances,
        matrix=make_matrix(shorten_report(report, MAX_EXCHANGES), claims, links),
        remedies=describe_remedies(report.remedies),
        cost=figures and show(figures),
    )
