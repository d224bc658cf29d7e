"""`session-lab plan`: what is calculated follows from what was measured."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from app.__main__ import session_lab
from app.lab.cost import kept
from app.lab.cost.figures import Figures, title_of
from app.lab.plan import (
    DAY_SECONDS,
    LIMITS,
    NODE_BYTES,
    NODE_COMMANDS,
    NODE_FULL,
    WRITES,
    Curve,
    Demand,
    Need,
    check_predictions,
    find_fault,
    fit_growth,
    make_plan,
    print_plan,
)
from backends import BUILT_IN
from tests.lab.cost.kept import kept_bench

FIGURES = Figures(kept_bench())
NEED = Need(users=30_000, size=200, per_second=100, hours=8)


def test_the_sentence_counts_one_as_one_and_writes_millions_out() -> None:
    one = Need(users=1, size=50, per_second=1, hours=1)
    many = Need(users=10**9, size=10**6, per_second=10**6, hours=0.5)
    assert make_plan(FIGURES, one).sentence == (
        "1 user a day, 50 bytes in a session, 1 request a second, sessions of 1 hour: 1 is stored "
        "at once."
    )
    assert "1,000,000 requests a second, sessions of 0.5 hours" in make_plan(FIGURES, many).sentence


def demand(name: str, need: Need = NEED) -> Demand:
    found = make_plan(FIGURES, need).demands[name]
    assert found is not None
    return found


def test_as_many_are_stored_as_begin_while_one_lives() -> None:
    assert (NEED.sessions, NEED._replace(hours=48).sessions) == (10_000, 60_000)
    assert NEED._replace(users=1, hours=0.01).sessions == 1


@pytest.mark.parametrize(
    ("size", "value"), [(0, -10), (10, 10), (15, 20), (20, 30), (30, 50), (40, 70)]
)
def test_a_curve_goes_through_its_points_and_on(size: int, value: float) -> None:
    assert Curve([(10, 10), (20, 30), (30, 50)]).at(size) == value


def test_a_measured_size_needs_what_was_measured() -> None:
    for name in ("redis", "flask-session-redis"):
        read, write = (FIGURES.count(name, each) for each in ("read", "write"))
        mixed = (1 - WRITES) * read.redis_commands + WRITES * write.redis_commands
        assert demand(name).commands_a_second == pytest.approx(100 * mixed)
        assert demand(name).memory == pytest.approx(
            10_000 * max(fit_growth(FIGURES, name).slope, FIGURES.weights(name)[0][1])
        )
    sent = dict(FIGURES.sent("filesystem"))
    day = 100 * DAY_SECONDS
    assert demand("filesystem").received_a_day == pytest.approx(day * (sent[250] or 0))
    reads, writes = (FIGURES.microseconds("cookie", each) for each in ("read", "write"))
    cores = 100 * ((1 - WRITES) * reads + WRITES * writes) / 1e6
    assert demand("cookie").cores == pytest.approx(cores)


def test_each_place_is_only_needed_where_sessions_are() -> None:
    cookie, files, redis = (demand(name) for name in ("cookie", "filesystem", "redis"))
    assert (cookie.memory, cookie.disk, cookie.inodes, cookie.nodes) == (0, 0, 0, 0)
    assert (files.memory, files.nodes) == (0, 0)
    assert files.disk >= 10_000 * 4096 * 0.99
    assert 10_000 < files.inodes < 10_400
    assert (redis.disk, redis.inodes, redis.nodes) == (0, 0, 1)


def test_nodes_are_as_many_as_memory_or_commands_need() -> None:
    by_memory = Demand(0, 0, 1, 0, NODE_BYTES * NODE_FULL * 2.5, 0, 0, 0)
    assert (by_memory.nodes, Demand(0, 0, NODE_COMMANDS * 4.5, 0, 1, 0, 0, 0).nodes) == (3, 5)


def test_a_session_that_no_cookie_holds_is_planned_on_stores_alone() -> None:
    plan = make_plan(FIGURES, NEED._replace(size=5_000))
    missing = [name for name, needed in plan.demands.items() if needed is None]
    assert missing == [each.name for each in BUILT_IN.values() if each.state == "browser"]
    assert {plan.cells(row)[0] for row in plan.rows} == {"does not fit"}


def test_a_prediction_holds_for_ten_times_as_many() -> None:
    checks = list(check_predictions(FIGURES))
    assert {check.name for check in checks} == {"filesystem", "sqlite", "redis"}
    assert min(check.sessions for check in checks) == 100_000
    for check in checks:
        assert abs(check.error) < 0.15, check


def test_the_error_is_of_what_was_measured() -> None:
    grown = [
        replace(each, bytes=round(each.bytes * (2 if each.sessions > 10_000 else 1)))
        for each in FIGURES.bench.growth
    ]
    doubled = Figures(replace(FIGURES.bench, growth=grown))
    for check, true in zip(check_predictions(doubled), check_predictions(FIGURES), strict=True):
        assert 1 + check.error == pytest.approx((1 + true.error) / 2)


class TestCommand:
    def run(self, *arguments: str) -> tuple[int, str]:
        ended = CliRunner().invoke(session_lab, ["plan", *arguments], env={"COLUMNS": "140"})
        return ended.exit_code, ended.output

    def calculate(self, **changed: str) -> tuple[int, str]:
        given = {"users": "30000", "size": "200", "requests": "100", "hours": "8", **changed}
        return self.run(*(text for name in given for text in (f"--{name}", given[name])))

    def test_it_says_what_is_needed_and_how_that_is_known(self) -> None:
        status, text = self.calculate()
        assert status == 0
        for part in (
            *("10,000 are stored at once", "Redis memory", "Calculated:", "Assumed:"),
            "Measured, for such a session, and in brackets what 1,000 bytes more add:",
            *("How far that is off:", "100,000 sessions"),
        ):
            assert part in text

    @pytest.mark.parametrize("width", [40, 60, 80, 115])
    def test_no_backend_s_name_is_broken_where_there_is_little_room(self, width: int) -> None:
        shown = StringIO()
        print_plan(make_plan(FIGURES, NEED), Console(file=shown, width=width))
        table = shown.getvalue().partition("Calculated:")[0]
        for word in (word for name in FIGURES.names for word in title_of(name).split()):
            assert word in table.split()

    @pytest.mark.parametrize(
        ("name", "value"),
        [("users", "0"), ("size", "9999999"), ("requests", "-1"), ("hours", "nan")],
    )
    def test_what_cannot_be_calculated_with_is_one_line(self, name: str, value: str) -> None:
        status, text = self.calculate(**{name: value})
        assert status == 2
        assert f"--{name}: from " in text
        assert "Traceback" not in text

    def test_without_a_kept_bench_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kept, "KEPT", Path("nowhere.json"))
        said = "Error: No bench came with this installation: see make bench.\n"
        assert self.calculate() == (2, said)


@pytest.mark.parametrize("name", list(LIMITS))
def test_each_number_has_limits_and_an_example_within_them(name: str) -> None:
    limit = LIMITS[name]
    assert limit.least <= limit.example <= limit.most
    for value in (limit.least, limit.most):
        assert find_fault(_with(name, value)) is None
    for value in (limit.least / 2, limit.most * 2, float("nan"), float("inf")):
        assert find_fault(_with(name, value))


def _with(name: str, value: float) -> Need:
    changed: dict[str, Any] = {name: value}
    return NEED._replace(**changed)
