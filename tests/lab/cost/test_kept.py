"""The bench that is kept has all that the pages show."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.lab.bench.results import Bench
from app.lab.cost import kept
from app.lab.reports.report import dump_by_line
from backends import BUILT_IN
from tests.lab.cost.kept import kept_bench

WHOLE = kept_bench()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept.json"
    monkeypatch.setattr(kept, "KEPT", path)
    return path


def test_the_one_that_came_is_whole() -> None:
    assert kept.find_lack(WHOLE) is None
    assert {each.candidate for each in WHOLE.timings} >= BUILT_IN.keys()


def test_a_whole_one_is_kept_and_read(tmp_path: Path, elsewhere: Path) -> None:
    made = tmp_path / "made.json"
    made.write_text(dump_by_line(WHOLE))
    kept.keep(made)
    figures = kept.read_kept()
    assert figures is not None
    assert figures.bench == WHOLE
    assert kept.read_kept() is figures  # it is read once


LACKING = {
    "stopped": replace(WHOLE, is_complete=False),
    "redis was not measured": replace(
        WHOLE, timings=[each for each in WHOLE.timings if each.candidate != "redis"]
    ),
    "no more than 10,000": replace(
        WHOLE, growth=[each for each in WHOLE.growth if each.sessions <= 10_000]
    ),
    "no server was loaded": replace(WHOLE, loads=[]),
}


@pytest.mark.parametrize(("told", "bench"), LACKING.items(), ids=list(LACKING))
def test_one_that_lacks_something_is_refused_in_one_line(
    told: str, bench: Bench, tmp_path: Path, elsewhere: Path
) -> None:
    made = tmp_path / "made.json"
    made.write_text(dump_by_line(bench))
    with pytest.raises(SystemExit, match=told) as ended:
        kept.main(made)
    assert "\n" not in str(ended.value)
    assert not elsewhere.exists()


def test_what_is_no_bench_is_refused_in_one_line(tmp_path: Path, elsewhere: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.json"):
        kept.main(tmp_path / "nowhere.json")
    (tmp_path / "made.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"made\.json"):
        kept.main(tmp_path / "made.json")
