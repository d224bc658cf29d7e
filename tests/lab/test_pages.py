"""The laboratory's pages: what they show, and that they cost no session."""

import itertools
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.lab.claim import Topic
from app.lab.experiments import CLAIMS
from app.lab.reports import report as reports
from app.lab.reports.html import format_html
from app.lab.reports.matrix import QUESTIONS
from app.lab.reports.report import Report, parse_report, shorten_report
from app.lab.runs.background import BackgroundRunner, RunFiles, Stage, record_run
from app.lab.subject.evidence import MAX_EXCHANGES, SESSION_HEADERS
from app.lab.subject.source import RunOptions
from backends import BACKENDS
from tests.lab.conftest import make_lab, stay_in_process
from tests.lab.reports.made_reports import faulty_html, faulty_run
from tests.lab.runs.test_background import WAITS, over, run_of
from tests.support.visitor import Visitor


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a test are kept in its own folder, and no report has come with the program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reports, "SHIPPED", tmp_path / "shipped.json")
    return tmp_path / "instance" / "lab"


@pytest.fixture
def report(folder: Path) -> Report:
    """What a run in this installation found out."""
    found = faulty_run()
    folder.mkdir(parents=True)
    RunFiles(folder).save_report(found)
    return found


def lab(runs: BackgroundRunner | None = None, **settings: Any) -> Visitor:
    """Somebody at an application with the laboratory, which has runs of its own or these."""
    app = make_lab(**settings)
    if runs is not None:
        app.extensions["lab_runs"] = runs
    return Visitor(app)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A browser at an application whose last run found faults, for tests that read."""
    folder = tmp_path_factory.mktemp("read")
    RunFiles(folder).save_report(faulty_run())
    return make_lab(folder).test_client()


@pytest.mark.parametrize("backend", [None, "cookie"])
def test_switched_off_there_is_no_page_and_no_way_to_one(backend: str | None) -> None:
    client = lab(LAB=False, SESSION_BACKEND=backend).client
    assert client.get("/lab").status_code == 404
    assert "/lab" not in re.findall(r'href="([^"]+)"', client.get("/").text)


def test_every_page_leads_to_it_and_no_mounted_application_has_it() -> None:
    client = lab(SESSION_BACKEND=None).client
    for path in ("/", "/lab", "/cookie/", "/redis/login"):
        assert 'href="/lab"' in client.get(path).text, path
    assert client.get("/cookie/lab").status_code == 404


def test_claims_lead_from_one_to_the_next_and_the_evidence_of_each_is_there(
    reader: FlaskClient,
) -> None:
    subjects = itertools.cycle(BACKENDS)
    path, seen = f"/lab/{next(iter(CLAIMS))}", []
    while path:
        page = reader.get(path).text
        assert reader.get(f"{path}/{next(subjects)}").status_code == 200
        seen.append(path.removeprefix("/lab/"))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1] if following else ""
    assert seen == list(CLAIMS)


@pytest.mark.parametrize("path", ["/lab/nothing", "/lab/logout_is_final/memcached", "/lab/x/y"])
def test_an_unknown_claim_or_backend_is_a_404(reader: FlaskClient, path: str) -> None:
    assert reader.get(path).status_code == 404


def test_the_matrix_has_real_headers_and_follows_the_first_questions(reader: FlaskClient) -> None:
    text = reader.get("/lab").text
    assert text.count('scope="row"') == len(CLAIMS)
    assert text.count('scope="rowgroup"') == len(Topic)
    assert text.count('scope="col"') == 1 + len(BACKENDS)
    assert text.count("surprise: expected") == 1
    assert text.count("data-cell=") == len(CLAIMS) * len(BACKENDS)
    first, _ = text.split('class="matrix"')
    assert first.count('class="answer"') == len(QUESTIONS)
    assert all(question.text in first for question in QUESTIONS)
    # A verdict is a sign and a word, and leads to its evidence.
    cell = re.search(r'data-cell="logout_is_final/cookie".*?</td>', text, re.DOTALL)
    assert cell is not None
    for part in ("✗", "fails", 'href="/lab/logout_is_final/cookie"'):
        assert part in cell[0]


@pytest.mark.parametrize(
    ("query", "rows", "columns"),
    [
        ("subject=redis", len(CLAIMS), 1),
        ("verdict=surprise", 1, len(BACKENDS)),
        ("verdict=surprise&subject=cookie", 0, 0),
        ("verdict=error", 1, len(BACKENDS)),
        ("verdict=nonsense", 0, 0),
        ("words=PICKLE+executed", 1, len(BACKENDS)),
        ("words=pickle+nonsense", 0, 0),
    ],
)
def test_the_matrix_is_narrowed_by_verdict_backend_and_words(
    query: str, rows: int, columns: int, reader: FlaskClient
) -> None:
    text = reader.get(f"/lab?{query}").text
    assert text.count('scope="row"') == rows
    assert text.count('scope="col"') == (columns and 1 + columns)


def test_a_claim_tells_where_it_is_from_what_is_at_stake_and_its_experiment(
    reader: FlaskClient,
) -> None:
    asked = reader.get("/lab/logout_is_final").text
    assert "OWASP ASVS 5.0, 7.4.1" in asked
    assert "app/lab/experiments/logout_is_final.py" in asked
    assert f"Where it fails, <strong>{CLAIMS['logout_is_final'].stakes}" in asked


def test_the_shipped_report_is_shown_until_there_is_an_own_one(
    report: Report, folder: Path
) -> None:
    (folder / "report.json").rename(reports.SHIPPED)
    client = lab().client
    assert "They came with this program." in client.get("/lab").text
    RunFiles(folder).save_report(report)
    assert "They are of the last run in this installation." in client.get("/lab").text


def test_no_answer_is_given_without_a_report_that_can_be_read(folder: Path) -> None:
    client = lab().client
    folder.mkdir(parents=True)
    for text in (None, "", "{}", '{"format": 0}', '{"format": 1}', "[]"):
        if text is not None:
            (folder / "report.json").write_text(text)
        shown = client.get("/lab").text
        assert "There are none" in shown, text
        assert "session-lab compare" in shown
        assert 'class="answer"' not in shown


class NoStore:
    """A store that fails at any use."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the store was asked to {name}")


@pytest.mark.parametrize("name", ["cookie", "filesystem"])
@pytest.mark.usefixtures("report")
def test_the_pages_touch_no_session_and_ask_no_store(name: str, folder: Path) -> None:
    visitor = lab(SESSION_BACKEND=name)
    visitor.log_in()
    RunFiles(folder).begin("0123abcd", 1)
    before = visitor.token
    if BACKENDS[name].state == "server":
        visitor.app.session_interface.store = NoStore()  # type: ignore[attr-defined]  # set on all of ours
    evidence = f"/lab/logout_is_final/{name}"
    for path in ("/lab", "/lab/document", "/lab/logout_is_final", evidence, "/lab/progress"):
        assert not visitor.uses_session(path)
    assert visitor.token == before


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, RunFiles]:
    """What a real run finds out, of two claims on three backends."""
    files = RunFiles(tmp_path_factory.mktemp("real"))
    two = [CLAIMS["logout_is_final"], CLAIMS["parallel_writes_survive"]]
    three = [BACKENDS[name] for name in ("cookie", "filesystem", "flask-cookie")]
    with pytest.MonkeyPatch.context() as patch:
        stay_in_process(patch)
        return record_run(files, two, three, RunOptions(create_app)), files


@pytest.fixture
def shown(real: tuple[Report, RunFiles]) -> Visitor:
    """Somebody who reads what the real run found out."""
    return Visitor(make_lab(real[1].folder))


def test_no_page_and_no_report_shows_a_token(real: tuple[Report, RunFiles], shown: Visitor) -> None:
    claims = [f"/lab/{claim.id}" for claim in real[0].claims]
    pages = [*claims, *(f"{claim}/{name}" for claim in claims for name in real[0].subjects)]
    texts = [shown.get(path).text for path in ("/lab", *pages)]
    for text in (*texts, format_html(real[0])):
        values = re.findall(r"\bsession_[a-z_]+=([^;<\s]+)", text)
        assert all("…(" in value for value in values), values
    assert any("session_cookie=" in text for text in texts)


def test_the_request_that_decides_is_said_to_decide(
    real: tuple[Report, RunFiles], shown: Visitor
) -> None:
    report, _ = real
    page = shown.get("/lab/logout_is_final/cookie").text
    assert 'href="#decides"' in page
    _, replay = page.split('id="decides"')
    assert replay.index("This decides the verdict") < replay.index("Somebody with a copied token")
    assert page.count("This decides") == 1
    again = shown.get("/lab/logout_is_final/flask-cookie").text
    assert "gets token A, new." in again
    assert "gets token A, which was given before." in again  # Flask's token is its content
    assert format_html(report).count("This decides the verdict") == len(report.results)


def test_a_real_run_notes_each_result_as_it_comes_and_keeps_the_report(
    real: tuple[Report, RunFiles],
) -> None:
    report, files = real
    noted = [event for event in files.events() if event["event"] == "result"]
    assert {(event["claim"], event["subject"]) for event in noted} == {
        (result.claim, result.subject) for result in report.results
    }
    assert files.events()[-1]["event"] == "ended"
    kept = parse_report(files.report.read_text())
    assert kept == shorten_report(report, MAX_EXCHANGES)
    exchanges = [each for result in kept.results for each in result.evidence.exchanges]
    assert exchanges
    names = {name.lower() for each in exchanges for name, _ in each.request_headers}
    assert names <= set(SESSION_HEADERS)


@pytest.mark.parametrize(
    ("code", "because"),
    [
        ("raise SystemExit('the machine is on fire')", "the machine is on fire"),
        ("pass", "Its process was ended before it was done."),
    ],
)
def test_a_run_that_dies_has_failed_and_says_why_in_one_line(
    code: str, because: str, folder: Path
) -> None:
    kept = run_of(code, folder)
    visitor = lab(kept)
    assert visitor.post("/lab/run").headers["Location"] == "/lab"
    assert over(kept).stage is Stage.FAILED
    assert f"The last run failed: {because}" in visitor.get("/lab").text


def test_a_run_that_cannot_be_kept_is_an_error_that_says_where(folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch()
    answer = lab().post("/lab/run")
    assert answer.status_code == 500
    assert f"A run cannot be kept in {folder}" in answer.text


RUN_IN_ONE_PROCESS = """
import runpy
from app.lab.runs import runner
runner.run_claims = lambda claims, sources: (runner.try_claim(claims[0], each) for each in sources)
runpy.run_module("app.lab.runs.background", run_name="__main__")
"""
"""A run of one claim, without the processes that another test of runs is about."""


def test_one_claim_is_run_again_from_its_page(folder: Path) -> None:
    kept = BackgroundRunner(folder, (sys.executable, "-c", RUN_IN_ONE_PROCESS))
    visitor = lab(kept)
    assert "Run this one again" in visitor.get("/lab/two_logins_differ").text
    begun = visitor.post("/lab/run", claim="two_logins_differ")
    assert begun.headers["Location"] == "/lab/two_logins_differ"
    assert "A run is under way" in visitor.get("/lab/two_logins_differ").text
    assert over(kept).stage is Stage.ENDED
    assert "It was run again here on" in visitor.get("/lab/two_logins_differ").text
    again = kept.files.read_again("two_logins_differ")
    assert again is not None
    assert {result.subject for result in again.results} == set(BACKENDS)
    assert not kept.files.report.exists()  # the other results are those of before


def test_what_was_run_again_is_shown_until_the_next_run_of_all(
    report: Report, folder: Path
) -> None:
    visitor, files = lab(), RunFiles(folder)
    files.save_report(report)
    claim = report.claims[0]
    found = [result for result in report.results if result.claim == claim.id]
    results = [replace(result, figure="another figure") for result in found]
    files.save_again(replace(report, claims=[claim], results=results))
    assert visitor.get(f"/lab/{claim.id}").text.count("another figure") == len(results)
    assert "another figure" in visitor.get("/lab").text
    files.save_report(report)
    assert "another figure" not in visitor.get(f"/lab/{claim.id}").text


@pytest.mark.parametrize("path", ["/lab/run", "/lab/stop"])
def test_another_site_and_an_unknown_claim_start_and_stop_no_run(path: str, folder: Path) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    client = lab().client
    assert client.post(path, headers=headers).status_code == 403
    assert client.post("/lab/run", data={"claim": "../x"}).status_code == 404
    assert not folder.exists()


def test_a_page_says_that_a_run_is_being_stopped_and_then_that_it_was(folder: Path) -> None:
    kept = run_of(WAITS, folder)
    visitor = lab(kept)
    kept.start()
    assert ">Stop it</button>" in visitor.get("/lab").text
    assert visitor.post("/lab/stop").headers["Location"] == "/lab"
    assert "It is being stopped …" in visitor.get("/lab").text
    kept.stop()
    text = visitor.get("/lab").text
    assert "The last run was stopped after 0 of" in text
    assert ">Run all" in text
    assert visitor.get("/lab/progress").get_json()["stage"] == "stopped"


def test_a_page_and_its_progress_say_how_far_a_run_is(report: Report, folder: Path) -> None:
    visitor = lab()
    assert visitor.get("/lab/progress").status_code == 404
    kept = visitor.app.extensions["lab_runs"] = run_of(WAITS, folder)
    kept.start()
    first, second = report.results[:2]
    for result in (first, second):
        kept.files.add_result(result)

    progress, text = visitor.get("/lab/progress").get_json(), visitor.get("/lab").text
    assert progress["stage"] == "running"
    assert f'data-run="{progress["run"]}"' in text
    assert list(progress["cells"]) == [f"{r.claim}/{r.subject}" for r in (first, second)]
    page = f"/lab/{first.claim}/{first.subject}"
    assert f'href="{page}"' in progress["cells"][page.removeprefix("/lab/")]
    assert "A run is under way" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert text.count("data-waits") == len(report.results) - 2

    kept.stop()
    assert visitor.get("/lab/progress").get_json() == {**progress, "stage": "failed"}
    assert "data-waits" not in visitor.get("/lab").text


def test_the_report_is_one_file_that_needs_no_other() -> None:
    report, text = faulty_run(), faulty_html()
    assert len(text.encode()) < 350_000 * len(report.subjects)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert "url(" not in text
    assert "@import" not in text
    ids = set(re.findall(r' id="([^"]+)"', text))
    wanted = set(re.findall(r'href="#([^"]+)"', text))
    unproved = {
        f"{result.claim}--{result.subject}"
        for result in report.results
        if not result.evidence.exchanges
    }
    assert wanted - ids <= unproved


def test_an_intervention_stands_between_the_requests_around_it(reader: FlaskClient) -> None:
    page = reader.get("/lab/store_down/redis").text
    evidence = faulty_html().partition('id="store_down--redis"')[2]
    for text, most in ((page, 8), (evidence.partition("</details>")[0], 6)):
        away, back = text.index("The store is taken away."), text.index("The store is back.")
        lines = [found.start() for found in re.finditer("exchange-line", text)]
        assert len(lines) == most
        assert lines[0] < away < lines[1] < lines[2] < back < lines[-1]
