"""`session-lab plan`: what so many users need on each backend, from what was measured."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import ceil
from statistics import LinearRegression, linear_regression
from typing import NamedTuple, NoReturn

from rich.console import Console
from rich.table import Column, Table

from app.lab.bench.results import MANY_SESSIONS
from app.lab.cost.figures import Figures, format_bytes, title_of
from app.lab.cost.kept import read_kept
from app.lab.measuring import some
from app.lab.output import CannotRun, errors_on_one_line
from app.lab.reports.terminal import open_console, split_columns
from app.web.formatting import format_number
from backends import BACKENDS, Backend

DAY_SECONDS = 24 * 3600
WRITES = 0.1
NODE_BYTES = 8 * 10**9
NODE_FULL = 0.75
NODE_COMMANDS = 50_000

GAP = 2
"""Columns of the terminal between two of a table."""

ASSUMPTIONS = (
    "Each user logs in once a day, at any hour. As many sessions are stored as begin while one "
    "lives (Little’s law: L = λW).",
    f"{WRITES:.0%} of the requests write the session, all others read it.",
    f"A Redis node has {NODE_BYTES / 10**9:.0f} GB, {NODE_FULL:.0%} of it for sessions, and "
    f"answers {NODE_COMMANDS:,} commands a second.",
    "Cores are those of the application, as fast as the one that was measured, and only for what "
    "the session adds to a page. Redis takes one more for itself.",
    "Lists of a user’s sessions, backups and replicas are not in it.",
)


class Limit(NamedTuple):
    """What a plan takes of one number."""

    least: float
    most: float
    example: float


LIMITS = {
    "users": Limit(1, 10**9, 10_000),
    "size": Limit(50, 10**6, 500),
    "per_second": Limit(0.01, 10**6, 50),
    "hours": Limit(0.01, 24 * 400, 8),
}
"""By the name in `Need`."""


class Need(NamedTuple):
    """Who visits, how often, and what is kept of them."""

    users: int
    """People who log in on one day."""
    size: int
    """Bytes of data in a session."""
    per_second: float
    """Requests a second, of all users together."""
    hours: float
    """From a login to the end of its session."""

    @property
    def sessions(self) -> int:
        """How many are stored at once."""
        return ceil(self.users * self.hours / 24)


def find_fault(need: Need) -> str | None:
    """Which number is beyond its limits, in one line; `None` if all can be calculated with."""
    for name, limit in LIMITS.items():
        if not limit.least <= getattr(need, name) <= limit.most:
            asked = {"per_second": "requests"}.get(name, name)
            return f"--{asked}: from {limit.least:,} to {limit.most:,}."
    return None


class Demand(NamedTuple):
    """What a backend needs for it. Bytes, but for what has another name."""

    received_a_day: float
    """In `Cookie`, from visitors."""
    answered_a_day: float
    """In `Set-Cookie`, to visitors."""
    commands_a_second: float
    """To Redis."""
    redis_traffic_a_day: float
    memory: float
    """Of Redis."""
    disk: float
    inodes: int
    """Files and folders."""
    cores: float
    """The part of a processor, or how many."""

    @property
    def nodes(self) -> int:
        """Of Redis."""
        by_memory = self.memory / (NODE_BYTES * NODE_FULL)
        return ceil(max(by_memory, self.commands_a_second / NODE_COMMANDS))


class Curve:
    """A quantity by the size of a session, between the sizes that were measured."""

    def __init__(self, points: Sequence[tuple[int, float]]) -> None:
        self._points = points

    def at(self, size: int) -> float:
        """On the line through the two nearest points; beyond the last it goes on."""
        (left, low), _ = self._segment(size)
        return low + self.slope(size) * (size - left)

    def slope(self, size: int) -> float:
        """What one byte more adds."""
        (left, low), (right, high) = self._segment(size)
        return (high - low) / (right - left)

    def _segment(self, size: int) -> tuple[tuple[int, float], tuple[int, float]]:
        segments = list(pairwise(self._points))
        return next((each for each in segments if size <= each[1][0]), segments[-1])


class Row(NamedTuple):
    """A quantity of every backend."""

    label: str
    formula: str
    show: Callable[[Demand], str]


def _bytes(value: float) -> str:
    return format_bytes(value) if value else "–"


def _count(value: float) -> str:
    return format_number(ceil(value)) if value else "–"


ROWS = (
    Row(
        "From visitors a day",
        "requests a day × bytes of Cookie",
        lambda demand: _bytes(demand.received_a_day),
    ),
    Row(
        "To visitors a day",
        "requests a day × bytes of Set-Cookie, of a read and of a write",
        lambda demand: _bytes(demand.answered_a_day),
    ),
    Row(
        "Redis commands a second",
        "requests a second × commands of a read and of a write",
        lambda demand: _count(demand.commands_a_second),
    ),
    Row(
        "Redis traffic a day",
        "requests a day × bytes to and from Redis",
        lambda demand: _bytes(demand.redis_traffic_a_day),
    ),
    Row(
        "Redis memory",
        "sessions × (bytes of one + its place in the table of keys)",
        lambda demand: _bytes(demand.memory),
    ),
    Row(
        "Redis nodes",
        "the larger of memory and commands, by what one node has",
        lambda demand: _count(demand.nodes),
    ),
    Row("Disk", "sessions × bytes of a file’s blocks", lambda demand: _bytes(demand.disk)),
    Row("Inodes", "sessions + folders", lambda demand: _count(demand.inodes)),
    Row(
        "Cores",
        "requests a second × microseconds of a read and of a write",
        lambda demand: f"{demand.cores:.2g}",
    ),
)


class Plan(NamedTuple):
    """What every backend needs; `None` for one that cannot hold such a session."""

    need: Need
    demands: dict[str, Demand | None]
    slopes: list[tuple[str, list[str]]]
    """What it is calculated from, by the title of the backend."""
    checks: list[str]
    """How far such a calculation is off, in sentences."""
    rows: Sequence[Row] = ROWS
    assumptions: Sequence[str] = ASSUMPTIONS

    @property
    def titles(self) -> list[str]:
        return [title_of(name) for name in self.demands]

    @property
    def sentence(self) -> str:
        """What it is for."""
        need = self.need
        are = "is" if need.sessions == 1 else "are"
        return (
            f"{some(need.users, 'user')} a day, {some(need.size, 'byte')} in a session, "
            f"{some(need.per_second, 'request')} a second, sessions of "
            f"{some(need.hours, 'hour')}: {need.sessions:,} {are} stored at once."
        )

    def cells(self, row: Row) -> list[str]:
        """The row’s figure of each backend."""
        return [row.show(each) if each else "does not fit" for each in self.demands.values()]


def make_plan(figures: Figures, need: Need) -> Plan:
    return Plan(
        need,
        {name: _find_demand(figures, name, need) for name in figures.names},
        list(_describe_slopes(figures, need.size)),
        list(map(_describe_check, check_predictions(figures))),
    )


def _find_demand(figures: Figures, name: str, need: Need) -> Demand | None:
    kept = figures.kept(name)
    if len(kept) < len(figures.sent(name)) and need.size > kept[-1][0]:
        return None
    requests = need.per_second * DAY_SECONDS
    bytes_each = _find_weight(figures, name, need.size)
    backend = BACKENDS[name]

    def count(what: str) -> float:
        def list_points(operation: str) -> list[tuple[int, float]]:
            return [(each.size, getattr(each, what)) for each in figures.counts(name, operation)]

        return _mix(list_points, need.size)

    return Demand(
        requests * Curve(kept).at(need.size),
        requests * count("set_cookie_bytes"),
        need.per_second * count("redis_commands"),
        requests * count("redis_bytes"),
        need.sessions * bytes_each if backend.on_redis else 0,
        need.sessions * bytes_each if backend.on_disk else 0,
        _count_files(figures, backend, need.sessions) if backend.on_disk else 0,
        need.per_second * _mix(partial(figures.times, name), need.size) / 10**6,
    )


def _mix(points: Callable[[str], Sequence[tuple[int, float]]], size: int) -> float:
    """What a request takes on average: most read, and some write."""
    read, write = (Curve(points(each)).at(size) for each in ("read", "write"))
    return (1 - WRITES) * read + WRITES * write


def _find_weight(figures: Figures, name: str, size: int) -> float:
    """The bytes that one of many such sessions takes on the server."""
    weights = figures.weights(name)
    if not figures.growth(name):
        return 0
    # What one of many takes more than one alone: its place in the table of keys.
    share = max(0.0, fit_growth(figures, name).slope - weights[0][1])
    return Curve(weights).at(size) + share


def _count_files(figures: Figures, backend: Backend, sessions: int) -> int:
    """With the folders, and with what is there however many sessions there are."""
    last = figures.growth(backend.name)[-1]
    if not backend.file_per_session:
        return last.inodes
    return max(0, last.inodes - last.sessions) + sessions


def fit_growth(figures: Figures, name: str) -> LinearRegression:
    """The line through the runs of up to 10,000 sessions: bytes by their number."""
    known = [each for each in figures.growth(name) if each.sessions <= MANY_SESSIONS]
    return linear_regression([each.sessions for each in known], [each.bytes for each in known])


class Check(NamedTuple):
    """What was predicted of a larger run, and what it took."""

    name: str
    sessions: int
    predicted: float
    measured: int

    @property
    def error(self) -> float:
        """Of the prediction, as a part of what was measured."""
        return self.predicted / self.measured - 1


def check_predictions(figures: Figures) -> Iterator[Check]:
    """Hold each line against the runs that are ten and more times larger than what it is from."""
    for pair in figures.pairs:
        for each in figures.growth(pair.ours):
            if each.sessions > MANY_SESSIONS:
                slope, at_none = fit_growth(figures, pair.ours)
                predicted = at_none + slope * each.sessions
                yield Check(pair.ours, each.sessions, predicted, each.bytes)


def _describe_check(check: Check) -> str:
    return (
        f"{title_of(check.name)}, {check.sessions:,} sessions: {_bytes(check.predicted)} "
        f"calculated from up to {MANY_SESSIONS:,}, {_bytes(check.measured)} measured, "
        f"{check.error:+.1%}."
    )


def _describe_slopes(figures: Figures, size: int) -> Iterator[tuple[str, list[str]]]:
    for name in figures.names:
        kept = figures.kept(name)
        said = [_say_slope(kept, min(size, kept[-1][0]), "bytes of Cookie")]
        if figures.growth(name):
            said.append(_say_slope(figures.weights(name), size, "bytes on the server"))
        said += [
            _say_slope(figures.times(name, each), size, f"µs for a {each}")
            for each in ("read", "write")
        ]
        yield title_of(name), said


def _say_slope(points: Sequence[tuple[int, float]], size: int, what: str) -> str:
    curve = Curve(points)
    more = round(curve.slope(size) * 1000)
    # What adds nothing is measured as a little more or less, by chance.
    return f"{curve.at(size):,.0f} {what}" + (f" (+{more:,})" if more > 0 else "")


def run_command(need: Need) -> NoReturn:
    """Print the plan, and exit. Raises `CannotRun` without a kept bench."""
    figures = read_kept()
    if figures is None:
        raise CannotRun("No bench came with this installation: see make bench.")
    with errors_on_one_line("Standard output"):
        print_plan(make_plan(figures, need), open_console(sys.stdout))
    sys.exit(0)


def print_plan(plan: Plan, to: Console) -> None:
    """The plan for people: its table, and what it is calculated from."""
    to.print(plan.sentence, "", sep="\n")
    columns = list(zip(plan.titles, *map(plan.cells, plan.rows), strict=True))
    room = to.width - max(len(row.label) for row in plan.rows)
    for part in split_columns(columns, lambda column: GAP + _measure(column), room):
        table = Table(Column("It needs", no_wrap=True), box=None, pad_edge=False)
        for column in part:
            table.add_column(column[0], justify="right", width=_measure(column))
        for row, *cells in zip(plan.rows, *(cells for _, *cells in part), strict=True):
            table.add_row(row.label, *cells)
        to.print(table, "", sep="\n")
    for title, lines in (
        ("Calculated:", [f"{row.label} = {row.formula}" for row in plan.rows]),
        ("Assumed:", plan.assumptions),
        (
            "Measured, for such a session, and in brackets what 1,000 bytes more add:",
            [f"{name}: {'; '.join(said)}" for name, said in plan.slopes],
        ),
        ("How far that is off:", plan.checks),
    ):
        to.print(title, *(f"- {line}" for line in lines), "", sep="\n")


def _measure(column: tuple[str, ...]) -> int:
    """The columns of the terminal that its longest word and its cells need."""
    title, *cells = column
    return max(map(len, (*title.split(), *cells)))
