"""Pictures and sentences are made from the figures: they show what was measured."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from pygal.etree import etree

from app.lab.bench.candidate import OPERATIONS
from app.lab.bench.results import Bench, Growth, Recovery, Spread, Timing
from app.lab.browser.cookie_jar import MAX_COOKIE_BYTES
from app.lab.cost.figures import SMALL, Figures, title_of
from app.lab.cost.pictures import Picture, draw_all
from app.lab.cost.sentences import say_all
from app.lab.cost.summary import format_summary
from tests.lab.cost.kept import kept_bench

FIGURES = Figures(kept_bench())
LABEL_PIXELS = 13
"""The height of a label's line: lab.css draws it at 11 pixels."""
SVG = "{http://www.w3.org/2000/svg}"


@cache
def pictures() -> dict[str, Picture]:
    """All of them by their ids; drawn by the process that asks."""
    return {picture.id: picture for picture in draw_all(FIGURES)}


def parse(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)  # noqa: S314 - it was drawn here


def lengths_of(picture: Picture, series: int) -> list[float]:
    """Those of a series of bars."""
    return [
        float(rect.get("width", 0))
        for group in parse(picture).iter(f"{SVG}g")
        if f"serie-{series}" in group.get("class", "").split()
        for rect in group.iter(f"{SVG}rect")
    ]


def test_nothing_in_them_needs_a_style_or_a_script_of_its_own() -> None:
    for picture in pictures().values():
        for element in parse(picture).iter():
            assert element.tag not in (f"{SVG}style", f"{SVG}script", f"{SVG}image")
            assert not {"style", "fill", "stroke", "onclick", "href"} & set(element.keys())
        assert "<!--" not in picture.svg


def test_a_screen_reader_is_told_what_each_is_and_where_the_numbers_are() -> None:
    for picture in pictures().values():
        root = parse(picture)
        assert root.get("role") == "img"
        assert root.get("aria-label") == f"{picture.title}. The table below has its numbers."
        assert picture.rows
        assert {len(row) for row in picture.rows} == {len(picture.head)}
        assert len({*picture.rows}) == len(picture.rows)


def test_the_legend_names_each_series_and_no_two_look_alike() -> None:
    for picture in pictures().values():
        drawn = set(re.findall(r"\bserie-\d+", picture.svg))
        assert drawn == {name for name, _ in picture.legend}
        assert len({name for _, name in picture.legend}) == len(picture.legend)
        assert len(picture.legend) <= 6  # lab.css has a fill or dashes for so many


def test_they_are_drawn_the_same_where_lxml_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etree, "_lxml_etree", None)  # what cannot draw
    etree.to_lxml()
    assert [picture.svg for picture in draw_all(FIGURES)] == [
        each.svg for each in pictures().values()
    ]


def test_bars_are_as_long_as_what_was_measured() -> None:
    cases = [(pair, operation) for operation in OPERATIONS for pair in FIGURES.pairs][::-1]
    for series in (0, 1):
        halves = [
            max(0.0, FIGURES.timing(pair[series], operation).cpu.quartiles[1])
            for pair, operation in cases
        ]
        lengths = lengths_of(pictures()["overhead"], series)
        scale = max(lengths) / max(halves)
        assert lengths == pytest.approx([half * scale for half in halves], abs=1)


def test_no_label_runs_into_the_next() -> None:
    for picture in pictures().values():
        for axis in parse(picture).iter(f"{SVG}g"):
            if {"axis", "y"} <= set(axis.get("class", "").split()):
                places = [float(text.get("y", "nan")) for text in axis.iter(f"{SVG}text")]
                apart = [abs(after - one) for one, after in pairwise(places)]
                assert min(apart) > LABEL_PIXELS, picture.id


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ((10.1, 2.2, 9.2), "2 µs (2 to 9)"),
        ((-0.8, -3.2, 2.2), "0 µs (0 to 2)"),
        ((5.0, 9.0, 7.0), "9 µs (5 to 9)"),
        ((5.0, 6.0, 7.0), "6 µs (5 to 7)"),
    ],
)
def test_the_middle_is_the_measured_one_whatever_chance_made_of_the_others(
    measured: tuple[float, float, float], shown: str
) -> None:
    bench = kept_bench()
    timings = [
        replace(each, cpu=Spread(min(measured), measured)) if each.candidate == "redis" else each
        for each in bench.timings
    ]
    picture = next(draw_all(Figures(replace(bench, timings=timings))))
    assert {row[0]: row[1] for row in picture.rows}["Redis"] == shown


def test_the_cookie_grows_towards_the_limit_and_a_store_s_does_not() -> None:
    picture = pictures()["sent"]
    assert picture.legend[-1][1].startswith(f"{MAX_COOKIE_BYTES:,} bytes")
    columns = zip(*picture.rows, strict=True)
    by_title = dict(zip(picture.head, columns, strict=True))
    cookie = by_title["Signed cookie"]
    numbers = [int(cell.replace(",", "")) for cell in cookie if cell != "–"]
    assert numbers == sorted(numbers)
    assert MAX_COOKIE_BYTES * 0.9 < numbers[-1] <= MAX_COOKIE_BYTES
    assert cookie[-1] == "–"
    assert len(set(by_title["Filesystem · SQLite · Redis"])) == 1


def test_what_was_not_stored_is_said_to_be_calculated() -> None:
    stored = {
        title_of(name): FIGURES.growth(name)[-1].sessions
        for name in FIGURES.names
        if FIGURES.growth(name)
    }
    assert stored["Filesystem"] < 1_000_000 <= stored["Redis"]
    for title, *_, million in pictures()["stored"].rows:
        assert ("calculated from" in million) == (stored[title] < 1_000_000)


def test_every_command_and_round_trip_is_in_a_table() -> None:
    rows = {row[0]: row[1:] for row in pictures()["asked"].rows}
    assert rows["Redis"][0] == "nothing"
    assert rows["Redis"][1] == "1 command in 1 round trip"
    assert rows["Signed cookie"] == ("nothing",) * 5


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
