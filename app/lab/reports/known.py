"""The report that is shown where nobody has run anything just now."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from app.lab.reports.report import Report, loaded

SHIPPED = Path(__file__).parents[1] / "data" / "report.json"
"""Comes with the package, so that the pages say something before the first run."""


class KnownReport(NamedTuple):
    report: Report
    is_shipped: bool
    """Whether somebody else's machine made it."""


def known_report(own: Path) -> KnownReport | None:
    """This installation's own report, else the shipped one; `None` where neither can be read."""
    for path in (own, SHIPPED):
        report = _read(path)
        if report is not None:
            return KnownReport(report, path is SHIPPED)
    return None


def _read(path: Path) -> Report | None:
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):  # not there, or of another version of this program
        return None


@lru_cache(maxsize=4)
def _parsed(path: Path, _changed: int) -> Report:
    return loaded(path.read_text(encoding="utf-8"))
