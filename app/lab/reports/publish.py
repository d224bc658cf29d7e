"""Makes README.md's matrix and docs/ from a run: `python -m app.lab.reports.publish REPORT`.

The report that is kept is a shorter one; everything else is made from it. Its HTML is not kept.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from app.lab.reports.checked_document import checked_document
from app.lab.reports.markdown import EXPERIMENTS, SIGNS, matrix
from app.lab.reports.report import Report, dumped, loaded
from app.lab.reports.schema import report_schema
from app.lab.stores.redis import EMBEDDED
from app.lab.subject.evidence import Evidence, ShownExchange, shorten_evidence
from app.readme import with_part
from backends import BUILT_IN

KEPT = Path("app/lab/data/report.json")
HTML = Path("build/report.html")

MOST_EXCHANGES = 8
"""Of an experiment, in the report that is kept: the first and the last ones."""

TELLING = ("cookie", "set-cookie", "location", "origin", "retry-after", "vary")
"""The headers that say something about a session."""


def published(report: Report) -> Mapping[Path, Callable[[str], str]]:
    """Each file of git that is made from the kept report, as a function of its text so far."""
    return {
        Path("README.md"): lambda text: with_part(text, "matrix", _readme(report)),
        Path("docs/document-checked.md"): lambda _: checked_document(report),
        Path("docs/report.schema.json"): lambda _: report_schema(),
    }


def for_keeping(report: Report) -> Report:
    """The report with so little of its evidence that it can be kept among the sources."""
    return replace(
        report,
        results=[
            replace(result, seconds=round(result.seconds, 2), evidence=_short(result.evidence))
            for result in report.results
        ],
    )


def publish(made: Path, project: Path) -> None:
    """Keep the report, and write what is made from it.

    Raises `ValueError` for a file that is no report, of a run without a real Redis, or of subjects
    that others have not.
    """
    report = for_keeping(loaded(made.read_text(encoding="utf-8")))
    if report.about.redis == EMBEDDED:
        raise ValueError("it was made without a real Redis: apt-get install redis-server")
    others = [subject for subject in report.subjects if subject not in BUILT_IN]
    if others:
        raise ValueError(f"{', '.join(others)} is of another package: uninstall that for this run")
    (project / KEPT).write_text(dumped(report), encoding="utf-8")
    for path, make in published(report).items():
        file = project / path
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(make(text), encoding="utf-8")
    html = project / HTML
    html.parent.mkdir(exist_ok=True)
    html.write_text(_html(report), encoding="utf-8")


def _readme(report: Report) -> Iterable[str]:
    return [SIGNS, "", *matrix(report, EXPERIMENTS)]


def _html(report: Report) -> str:
    from app.lab.reports.html import html_report  # here: it needs the application's templates

    return html_report(report)


def _short(evidence: Evidence) -> Evidence:
    kept = shorten_evidence(evidence, MOST_EXCHANGES)
    return replace(kept, exchanges=[_without_the_usual(each) for each in kept.exchanges])


def _without_the_usual(exchange: ShownExchange) -> ShownExchange:
    return replace(
        exchange,
        request_headers=_telling(exchange.request_headers),
        response_headers=_telling(exchange.response_headers),
    )


def _telling(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() in TELLING]


def main(made: Path) -> None:
    """Publish it in this folder. Exits with one line where that cannot be."""
    try:
        publish(made, Path())
    except (OSError, ValueError) as error:
        sys.exit(f"{made}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
