"""`session-lab bench`: what it writes, and how it ends."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from rich.console import Console

from app.__main__ import session_lab
from app.lab.bench import command
from app.lab.bench.candidate import BARE, SHAPES, list_candidates
from app.lab.bench.report import print_bench
from app.lab.bench.results import Bench, Load, parse_bench
from app.lab.bench.run import Options, run_bench
from backends import BUILT_IN
from tests.lab.cost.kept import kept_bench

NAMED = ("left_out", "costs")
"""The kinds of steps that tell which candidates are measured."""

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "bench.schema.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A short bench of what needs no service, with all that a longer one can have."""
    known = list_candidates()
    candidates = {name: known[name] for name in (BARE, "flask-cookie", "cookie", "filesystem")}
    folder = tmp_path_factory.mktemp("bench")
    options = Options(folder, 100, rounds=1, shapes=SHAPES[3:5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.lab.bench.counting.TRIALS", 1)
        patch.setattr("app.lab.bench.growth.SESSIONS", 10)
        bench = run_bench(candidates, options, iter)
    return replace(bench, loads=[Load("cookie", "read", 1235, 0.8, 1.25, 7.0)])


Invoke = Callable[..., Result]


@pytest.fixture
def invoke(made: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Calls the command, which finds what was made."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, bench: Bench = made) -> Result:
        monkeypatch.setattr(command, "run_bench", lambda *_: bench)
        return CliRunner().invoke(session_lab, ["bench", *arguments])

    return call


def test_a_table_has_what_was_measured(invoke: Invoke) -> None:
    ended = invoke()
    assert ended.exit_code == 0
    for part in (
        "Time of a request: 2,000 B, 19 fields",
        "filesystem",
        "×",
        "1,235",
        "Not measured",
    ):
        assert part in ended.output


@pytest.mark.parametrize("width", [50, 80])
def test_no_name_is_broken_in_a_word_where_there_is_little_room(width: int) -> None:
    shown = StringIO()
    print_bench(kept_bench(), Console(file=shown, width=width))
    parts = {part for name in BUILT_IN for part in name.replace("-", "- ").split()}
    assert parts <= set(shown.getvalue().partition("What a browser sends")[2].split())


def test_json_is_what_was_measured_and_fits_its_schema(invoke: Invoke, made: Bench) -> None:
    text = invoke("--format", "json").output
    assert parse_bench(text) == made
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(text))


@pytest.mark.parametrize("ending", ["md", "html", "json", "txt"])
def test_the_ending_of_a_file_decides_its_form(invoke: Invoke, ending: str) -> None:
    ended = invoke("--output", f"bench.{ending}")
    text = Path(f"bench.{ending}").read_text()
    assert (ended.exit_code, ended.stderr) == (0, f"Written: bench.{ending}\n")
    begins = {"md": "# What", "html": "<!doctype", "json": "{", "txt": "Time of a request"}[ending]
    assert text.startswith(begins)
    assert "src=" not in text  # the page loads nothing
    assert "https:" not in text


def test_a_stopped_bench_is_written_and_ends_as_ctrl_c_does(invoke: Invoke, made: Bench) -> None:
    ended = invoke(bench=replace(made, is_complete=False))
    assert ended.exit_code == 130
    assert "Stopped before its end." in ended.output


def test_what_cannot_be_written_is_one_line(invoke: Invoke) -> None:
    ended = invoke("--output", "nowhere/bench.json")
    assert (ended.exit_code, ended.output) == (2, "Error: nowhere/bench.json cannot be written.\n")


def test_candidates_without_their_service_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    options = Options(tmp_path, 100, rounds=1, shapes=SHAPES[:1])
    bench = run_bench(
        list_candidates(), options, lambda steps: [s for s in steps if s.kind in NAMED]
    )
    needy = [each for each in bench.left_out if "apt-get install redis-server" in each.because]
    assert [each.candidate for each in needy] == ["flask-session-redis", "redis"]
    others = {each.name for each in BUILT_IN.values() if not each.needs}
    assert {each.candidate for each in bench.timings} == {BARE, *others}


def test_a_server_under_load_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.lab.bench.load.TURN_SECONDS", 0.1)
    monkeypatch.setattr("app.lab.bench.load.TURNS", 1)
    monkeypatch.setattr("app.lab.bench.run.LOADED", ("read", "login"))  # a server for each
    options = Options(tmp_path, 100, http=True, rounds=0, shapes=SHAPES[:1])
    bench = run_bench({BARE: list_candidates()[BARE]}, options, iter)
    assert [each.operation for each in bench.loads] == ["read", "login"]
    for each in bench.loads:
        assert (each.per_second > 0, each.to_bare) == (True, 1.0)
        assert 0 < each.p50_ms <= each.p99_ms
