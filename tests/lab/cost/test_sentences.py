"""Sentences are made from the figures: another run has others."""

from dataclasses import replace

import pytest

from app.lab.bench.results import Bench, Growth, Recovery, Timing
from app.lab.cost.figures import SMALL, Figures, title_of
from app.lab.cost.sentences import say_all
from app.lab.cost.summary import format_summary
from tests.lab.cost.kept import kept_bench


def said(bench: Bench) -> dict[str, str]:
    return {each.id: " ".join(each.sentences) for each in say_all(Figures(bench))}


def timed(bench: Bench, name: str, operation: str, half: float, ratio: float) -> Bench:
    """The bench with another time of an operation on one backend."""

    def change(timing: Timing) -> Timing:
        if (timing.candidate, timing.operation, timing.size) != (name, operation, SMALL.size):
            return timing
        spread = replace(timing.cpu, quartiles=(half - 1, half, half + 1))
        return replace(timing, cpu=spread, wall=spread, ratio=ratio)

    return replace(bench, timings=list(map(change, bench.timings)))


@pytest.mark.parametrize(("operation", "verb"), [("read", "reads"), ("write", "writes")])
def test_the_cost_to_the_server_is_that_of_the_run(operation: str, verb: str) -> None:
    text = said(timed(kept_bench(), "redis", operation, 7_654, 9.87))["server"]
    assert f"A page that {verb} it takes" in text
    assert "7,654 µs on Redis" in text
    assert "9.87 of what it takes on what ships" in text


def test_the_wait_of_visitors_is_that_of_the_run() -> None:
    assert "7.65 ms on Redis" in said(timed(kept_bench(), "redis", "read", 7_654, 1))["visitors"]


def test_what_an_untouched_page_pays_is_the_most_of_all() -> None:
    text = said(timed(kept_bench(), "cookie", "untouched", 50, 0.77))["server"]
    assert "at most 77% of the same page" in text


@pytest.mark.parametrize(
    ("login", "ending"),
    [(120.0, "costs about the same, 1.20 of it."), (131.0, "costs 1.3 times as much.")],
)
def test_a_cost_is_said_to_grow_only_where_it_does(login: float, ending: str) -> None:
    grown = [
        Growth("redis", 100, 40_000, 0, 100.0, 90.0),
        Growth("redis", 5_000_000, 2_500_000_000, 0, login, 90.0),
    ]
    text = said(replace(kept_bench(), growth=grown))["growth"]
    assert f"Redis: a login beside 5,000,000 sessions instead of 100 {ending}" in text
    assert "Redis: a million sessions of 200 bytes take 500 MB of memory." in text
    assert "Filesystem" not in text


def test_the_time_after_an_outage_is_that_of_the_run() -> None:
    text = said(replace(kept_bench(), recoveries=[Recovery("redis", 4.25)]))["visitors"]
    assert "4.2 seconds after Redis is back" in text


def test_the_bytes_of_cookies_are_those_of_the_run() -> None:
    bench = kept_bench()
    sent = [
        replace(each, cookie_bytes=None if each.size > 1_000 else each.size * 3)
        for each in bench.sent
    ]
    text = said(replace(bench, sent=sent))["network"]
    assert "150 bytes of cookie with each request for 50 bytes of data" in text
    assert "3,000 for 1,000; more does not fit." in text


def test_the_readme_has_a_row_for_each_backend() -> None:
    figures = Figures(kept_bench())
    head, _, *rows = format_summary(figures)
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(map(title_of, figures.names))
    assert {row.count("|") for row in rows} == {head.count("|")}
