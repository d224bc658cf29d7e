"""The bench that is kept with the program: `python -m app.lab.cost.kept BENCH` keeps another."""

import sys
from functools import cache
from pathlib import Path

from app.lab.bench.report import describe_run
from app.lab.bench.results import MANY_SESSIONS, Bench, parse_bench
from app.lab.cost.figures import SMALL, Figures
from app.lab.cost.summary import format_summary
from app.lab.measuring import write_whole
from app.lab.reports.report import dump_by_line
from backends import BUILT_IN

KEPT = Path(__file__).parents[1] / "data" / "bench.json"


def read_kept() -> Figures | None:
    """The figures of the kept bench; `None` if there is none that this version can read."""
    try:
        return _read(KEPT, KEPT.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None


@cache
def _read(path: Path, _changed: int) -> Figures:
    return Figures(parse_bench(path.read_text(encoding="utf-8")))


def keep(made: Path) -> None:
    """Keep the bench of this file. Raises `ValueError` for one that lacks what the pages show."""
    bench = parse_bench(made.read_text(encoding="utf-8"))
    fault = find_lack(bench)
    if fault:
        raise ValueError(f"{fault}: session-lab bench --full --http, with redis-server")
    write_whole(KEPT, dump_by_line(bench))


def make_readme_part() -> str:
    """The part of docs/choosing.md that says what a session costs."""
    figures = read_kept()
    assert figures is not None, f"{KEPT} cannot be read"
    lines = format_summary(figures)
    note = f"On top of the same page without a session, with {SMALL.size} bytes of data in it."
    return "\n".join((*lines, "", note, f"Measured {describe_run(figures.bench)}."))


def find_lack(bench: Bench) -> str | None:
    """What the pages would miss in it; `None` if they have all they show."""
    if not bench.is_complete:
        return "it was stopped before its end"
    missing = BUILT_IN.keys() - {each.candidate for each in bench.timings}
    if missing:
        return f"{', '.join(sorted(missing))} was not measured"
    if max((each.sessions for each in bench.growth), default=0) <= MANY_SESSIONS:
        return f"no more than {MANY_SESSIONS:,} sessions were stored"
    return None if bench.loads else "no server was loaded"


def main(made: Path) -> None:
    """Keep the bench; exit with one line if that is impossible."""
    try:
        keep(made)
    except (OSError, ValueError) as error:
        sys.exit(f"{made}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
