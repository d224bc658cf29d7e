"""Publish a report: `python -m app.lab.reports.publish REPORT`.

A shorter one is kept in app/lab/data, and build/report.html is written. `make readme` makes the
tables of README.md, docs/matrix.md and docs/document-checked.md from the report that is kept.
"""

import sys
from pathlib import Path

from app.lab.measuring import write_whole
from app.lab.reports.html import format_html
from app.lab.reports.markdown import EXPERIMENTS, format_matrix, format_rows, format_statements
from app.lab.reports.report import SHIPPED, dump_by_line, read_report, shorten_report
from app.lab.stores.redis_server import EMBEDDED
from backends import BUILT_IN

HTML = Path("build/report.html")

SAYS_MOST = (
    *("server_side", "encrypted", "over_capacity_is_refused", "logout_is_final"),
    *("regenerated_at_login", "leaked_key_logs_nobody_in", "parallel_writes_survive"),
    "store_down",
)
"""The claims in README.md: what people are told, then what goes wrong."""

MAX_EXCHANGES = 8
"""Exchanges of one experiment in the report that is kept."""


def publish(made: Path) -> None:
    """Keep the report, and write its HTML.

    Raises `ValueError` for a file that is not a report, or of a run that others cannot repeat.
    """
    report = shorten_report(read_report(made), MAX_EXCHANGES)
    if report.circumstances.redis == EMBEDDED:
        raise ValueError("it was made without a real Redis: apt-get install redis-server")
    others = [subject for subject in report.subjects if subject not in BUILT_IN]
    if others:
        raise ValueError(f"{', '.join(others)} is of another package: uninstall that for this run")
    write_whole(SHIPPED, dump_by_line(report))
    HTML.parent.mkdir(exist_ok=True)
    write_whole(HTML, format_html(report))


def make_matrix() -> str:
    """The matrix of docs/matrix.md."""
    return "\n".join(format_matrix(read_report(SHIPPED), f"../{EXPERIMENTS}"))


def make_readme_answer() -> str:
    """The rows of README.md that say most."""
    return "\n".join(format_rows(read_report(SHIPPED), SAYS_MOST, EXPERIMENTS))


def make_checked_statements() -> str:
    """The part of docs/document-checked.md that was measured."""
    return "\n".join(format_statements(read_report(SHIPPED)))


def main(made: Path) -> None:
    """Publish the report; exit with one line if that is impossible."""
    try:
        publish(made)
    except (OSError, ValueError) as error:
        sys.exit(f"{made}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
