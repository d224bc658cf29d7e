"""The laboratory's pages: what they show, that they cost no session, and runs."""

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from app import create_app
from app.lab.experiments import CLAIMS
from app.lab.reports import report as reports
from app.lab.reports.html import format_html
from app.lab.reports.matrix import QUESTIONS
from app.lab.reports.report import Report, parse_report
from app.lab.runs.background import BackgroundRunner, RunFiles, RunProgress, Stage, record_run
from app.lab.subject.source import RunOptions
from backends import BACKENDS
from tests.conftest import ACCOUNTS, OURS, SECRET
from tests.support.made_up_report import made_up_report
from tests.support.services import PATIENCE, LabServer
from tests.support.visitor import Visitor

pytestmark = pytest.mark.usefixtures("untraced_processes")

OURS_BY_NAME = [backend.name for backend in OURS]

WAITS = "import sys; sys.stdin.read()"
DIES = "raise SystemExit('the machine is on fire')"
ENDED = '{"event": "ended", "seconds": 0, "surprises": 0, "errors": 0}'
ENDS = f"import sys; open(sys.argv[1] + '/progress.jsonl', 'a').write('{ENDED}\\n')"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a test are kept in its own folder, and no report has come with the program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reports, "SHIPPED", tmp_path / "shipped.json")
    return tmp_path / "instance" / "lab"


@pytest.fixture
def report(folder: Path) -> Report:
    """What a run in this installation found out."""
    found = made_up_report()
    folder.mkdir(parents=True)
    RunFiles(folder).save_report(found)
    return found


def lab(**settings: Any) -> Visitor:
    """Somebody at an application with the laboratory, side by side unless told otherwise."""
    given = {"SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS, "LAB": True, "SESSION_BACKEND": None}
    return Visitor(create_app({**given, **settings}))


def addresses(report: Report) -> Iterator[str]:
    yield "/lab"
    for claim in report.claim_ids:
        yield f"/lab/{claim}"
        yield from (f"/lab/{claim}/{subject}" for subject in report.subjects)


@pytest.mark.parametrize("backend", [None, "cookie"])
def test_switched_off_there_is_no_page_and_no_way_to_one(backend: str | None) -> None:
    client = lab(LAB=False, SESSION_BACKEND=backend).client
    assert client.get("/lab").status_code == 404
    assert "/lab" not in re.findall(r'href="([^"]+)"', client.get("/").text)


def test_production_has_none_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB")
    settings = {"SESSION_BACKEND": "cookie", "SECRET_KEY": SECRET, "DEMO_ACCOUNTS": ACCOUNTS}
    app = create_app({**settings, "APP_PROFILE": "production"})
    assert not any(rule.rule.startswith("/lab") for rule in app.url_map.iter_rules())


@pytest.mark.parametrize("path", ["/", "/lab", "/cookie/", "/redis/login"])
def test_people_find_it_from_every_page(path: str) -> None:
    assert 'href="/lab"' in lab().client.get(path).text


def test_the_mounted_applications_lead_to_it_and_have_none_of_their_own() -> None:
    assert lab().client.get("/cookie/lab").status_code == 404


def test_every_page_can_be_read(report: Report) -> None:
    client = lab(SESSION_BACKEND="cookie").client
    assert {client.get(path).status_code for path in addresses(report)} == {200}


@pytest.mark.parametrize("path", ["/lab/nothing", "/lab/logout_is_final/memcached", "/lab/x/y"])
def test_what_there_is_not_is_a_404(path: str) -> None:
    assert lab().client.get(path).status_code == 404


def test_the_matrix_has_a_row_for_each_claim_and_real_headers(report: Report) -> None:
    text = lab().client.get("/lab").text
    assert text.count('scope="row"') == len(CLAIMS)
    assert text.count('scope="rowgroup"') == 2
    assert text.count('scope="col"') == 1 + len(BACKENDS)
    assert text.count("surprise: expected") == 1
    assert text.count("data-cell=") == len(report.results)


def test_a_verdict_is_a_sign_and_a_word_and_leads_to_its_evidence(report: Report) -> None:
    text = lab().client.get("/lab").text
    cell = re.search(r'data-cell="logout_is_final/cookie".*?</td>', text, re.DOTALL)
    assert cell is not None
    assert "✗" in cell[0]
    assert "fails" in cell[0]
    assert 'href="/lab/logout_is_final/cookie"' in cell[0]


def test_the_first_questions_are_answered_at_the_top(report: Report) -> None:
    text = lab().client.get("/lab").text
    for question in QUESTIONS:
        assert question.text in text
    assert text.count('class="answer"') == 4
    assert text.index('class="answer"') < text.index('class="matrix"')


def test_an_answer_is_never_given_that_was_not_measured() -> None:
    text = lab().client.get("/lab").text
    assert 'class="answer"' not in text
    assert "session-lab compare" in text


@pytest.mark.parametrize(
    ("query", "rows", "columns"),
    [
        ("subject=redis", len(CLAIMS), 1),
        ("verdict=surprise", 1, len(BACKENDS)),
        ("verdict=surprise&subject=cookie", 0, 0),
        ("verdict=error", 1, len(BACKENDS)),
        ("verdict=nonsense", 0, 0),
    ],
)
def test_the_matrix_is_narrowed_by_verdict_and_backend(
    query: str, rows: int, columns: int, report: Report
) -> None:
    text = lab().client.get(f"/lab?{query}").text
    assert text.count('scope="row"') == rows
    assert text.count('scope="col"') == (columns and 1 + columns)


def test_a_claim_tells_where_it_is_from_and_names_its_experiment(report: Report) -> None:
    client = lab().client
    asked = client.get("/lab/logout_is_final").text
    assert "OWASP ASVS 5.0, 7.4.1" in asked
    assert "app/lab/experiments/logout_is_final.py" in asked
    of_document = client.get("/lab/encrypted").text
    assert all(f"line {line}" in of_document for line in (100, 128))


def test_claims_lead_from_one_to_the_next(report: Report) -> None:
    client = lab().client
    path, seen = f"/lab/{report.claim_ids[0]}", [report.claim_ids[0]]
    while following := re.search(r'rel="next" href="([^"]+)"', client.get(path).text):
        path = following[1]
        seen.append(path.rpartition("/")[2])
    assert seen == list(CLAIMS)


def test_the_shipped_report_is_shown_until_there_is_one_of_our_own(
    report: Report, folder: Path
) -> None:
    own = folder / "report.json"
    own.rename(reports.SHIPPED)
    assert "They came with this program." in lab().client.get("/lab").text
    RunFiles(folder).save_report(report)
    assert "They are of the last run in this installation." in lab().client.get("/lab").text


@pytest.mark.parametrize("text", ["", "{}", '{"format": 0}', '{"format": 2}', "[]"])
def test_a_report_that_cannot_be_read_is_none(text: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(text)
    assert "There are none" in lab().client.get("/lab").text


class NoStore:
    """Fails whoever asks it anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the store was asked to {name}")


@pytest.mark.parametrize("name", OURS_BY_NAME)
def test_the_pages_touch_no_session_and_ask_no_store(
    name: str, report: Report, folder: Path
) -> None:
    visitor = lab(SESSION_BACKEND=name)
    visitor.log_in()
    RunFiles(folder).begin("0123abcd", 1)
    before = visitor.token
    if BACKENDS[name].state == "server":
        visitor.app.session_interface.store = NoStore()  # type: ignore[attr-defined]
    for path in ("/lab", "/lab/logout_is_final", f"/lab/logout_is_final/{name}", "/lab/progress"):
        answer = visitor.get(path)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
    assert visitor.token == before


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, RunFiles]:
    """What a real run finds out, of two claims on every backend."""
    files = RunFiles(tmp_path_factory.mktemp("real"))
    two = [CLAIMS["logout_is_final"], CLAIMS["parallel_writes_survive"]]
    return record_run(files, two, list(BACKENDS.values()), RunOptions(create_app)), files


def test_no_page_and_no_report_shows_a_token(real: tuple[Report, RunFiles], folder: Path) -> None:
    report, _ = real
    folder.mkdir(parents=True)
    RunFiles(folder).save_report(report)
    client = lab().client
    texts = [client.get(path).text for path in addresses(report)]
    for text in (*texts, format_html(report)):
        values = re.findall(r"\bsession_[a-z_]+=([^;<\s]+)", text)
        assert all("…(" in value for value in values), values
    assert any("session_cookie=" in text for text in texts)


def test_a_real_run_notes_each_result_as_it_comes_and_keeps_the_report(
    real: tuple[Report, RunFiles],
) -> None:
    report, files = real
    noted = [event for event in files.events() if event["event"] == "result"]
    assert {(event["claim"], event["subject"]) for event in noted} == {
        (result.claim, result.subject) for result in report.results
    }
    assert files.events()[-1]["event"] == "ended"
    assert parse_report(files.report.read_text()) == report


def test_a_run_of_the_module_begins_with_the_claims_that_there_are(folder: Path) -> None:
    kept = BackgroundRunner(folder)
    assert kept.start()
    while not running(kept).results:
        time.sleep(0.05)
    assert running(kept).total == len(CLAIMS) * len(BACKENDS)
    kept.stop()
    assert not kept.files.is_locked
    assert over(kept).stage is Stage.FAILED


def running(kept: BackgroundRunner) -> RunProgress:
    """The run under way."""
    last = kept.progress()
    assert last is not None
    assert last.stage is Stage.RUNNING, last.because
    return last


def command(code: str) -> tuple[str, ...]:
    """A run that does that, in a process that starts at once: it loads no package."""
    return (sys.executable, "-I", "-S", "-c", code)


def wait_until_free(files: RunFiles) -> None:
    """Wait until every process of the run is gone."""
    deadline = time.monotonic() + PATIENCE
    while files.is_locked:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def over(kept: BackgroundRunner) -> RunProgress:
    """The run, once it is over."""
    wait_until_free(kept.files)
    kept.stop()
    last = kept.progress()
    assert last is not None
    return last


def test_one_run_at_a_time_in_all_processes(folder: Path) -> None:
    first, elsewhere = (
        BackgroundRunner(folder, command=command(WAITS)),
        BackgroundRunner(folder, command=command(WAITS)),
    )
    assert first.start()
    assert not first.start()
    assert not elsewhere.start()
    last = elsewhere.progress()
    assert last is not None
    assert last.stage is Stage.RUNNING
    first.stop()
    assert elsewhere.start()
    elsewhere.stop()


@pytest.mark.parametrize(
    ("code", "because"),
    [(DIES, "the machine is on fire"), ("pass", "Its process was ended before it was done.")],
)
def test_a_run_that_dies_has_failed_and_says_why_in_one_line(
    code: str, because: str, folder: Path
) -> None:
    visitor = lab()
    kept = BackgroundRunner(folder, command=command(code))
    visitor.app.extensions["lab_runs"] = kept
    assert visitor.post("/lab/run").headers["Location"] == "/lab"
    assert over(kept).stage is Stage.FAILED
    assert f"The last run failed: {because}" in visitor.get("/lab").text


def test_a_run_that_ended_has_not_failed(folder: Path) -> None:
    kept = BackgroundRunner(folder, command=command(ENDS))
    kept.start()
    assert over(kept).stage is Stage.ENDED


def test_a_run_sees_no_setting_of_the_application(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_BACKEND", "cookie")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    names = "'SESSION_BACKEND', 'SECRET_KEY', 'REDIS_URL'"
    says = f"import os; print([os.environ.get(name) for name in ({names})])"
    kept = BackgroundRunner(folder, command(says))
    kept.start()
    assert over(kept).because == "[None, None, None]"


def test_a_run_that_cannot_be_kept_is_an_error_that_says_where(folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch()
    answer = lab().client.post("/lab/run")
    assert answer.status_code == 500
    assert f"A run cannot be kept in {folder}" in answer.text


def test_another_site_starts_no_run(folder: Path) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert lab().client.post("/lab/run", headers=headers).status_code == 403
    assert not folder.exists()


def under_way(report: Report, folder: Path, **settings: Any) -> tuple[Visitor, Callable[[], None]]:
    """A visitor of an application in which a run has two results; what ends that run."""
    visitor = lab(**settings)
    kept = BackgroundRunner(folder, command=command(WAITS))
    visitor.app.extensions["lab_runs"] = kept
    kept.start()
    for result in report.results[:2]:
        kept.files.add_result(result)
    return visitor, kept.stop


def test_whoever_comes_late_sees_where_it_stands(report: Report, folder: Path) -> None:
    visitor, stop = under_way(report, folder)
    text = visitor.get("/lab").text
    assert "A run is under way" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert text.count("data-waits") == len(report.results) - 2
    stop()
    assert "data-waits" not in visitor.get("/lab").text


def test_the_progress_is_every_cell_so_far_and_the_stage(report: Report, folder: Path) -> None:
    visitor, stop = under_way(report, folder)
    progress = visitor.client.get("/lab/progress").get_json()
    assert progress["stage"] == "running"
    assert f'data-run="{progress["run"]}"' in visitor.client.get("/lab").text
    first, second = report.results[:2]
    assert list(progress["cells"]) == [f"{r.claim}/{r.subject}" for r in (first, second)]
    page = f"/lab/{first.claim}/{first.subject}"
    assert f'href="{page}"' in progress["cells"][page.removeprefix("/lab/")]
    stop()
    assert visitor.get("/lab/progress").get_json() == {**progress, "stage": "failed"}


def test_before_the_first_run_there_is_no_progress() -> None:
    assert lab().get("/lab/progress").status_code == 404


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name
)
def test_a_stopped_server_leaves_no_run_behind(how: signal.Signals, tmp_path: Path) -> None:
    files = RunFiles(tmp_path / "instance" / "lab")
    with LabServer(tmp_path) as server:
        start = Request(f"{server.url}/lab/run", method="POST", headers={"Origin": server.url})
        urlopen(start, timeout=PATIENCE).close()
        assert files.is_locked
        status = server.stop(how)
    assert status == (-how if how is signal.SIGKILL else 0)
    wait_until_free(files)


def test_the_report_is_one_file_that_needs_no_other(report: Report) -> None:
    text = format_html(report)
    assert len(text.encode()) < 2_000_000
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


def test_what_an_experiment_did_stands_in_its_place_between_the_requests(report: Report) -> None:
    page = lab().client.get("/lab/logout_is_final/filesystem").text
    evidence = format_html(report).partition('id="logout_is_final--filesystem"')[2]
    for text, most in ((page, 8), (evidence.partition("</details>")[0], 6)):
        away, back = text.index("The store is taken away."), text.index("The store is back.")
        lines = [found.start() for found in re.finditer("exchange-line", text)]
        assert len(lines) == most
        assert lines[-3] < away < lines[-2]
        assert lines[-1] < back


def test_the_report_of_somebody_elses_application_names_it(report: Report) -> None:
    elsewhere = Report(report.circumstances, ["https://shop.example"], [])
    assert "<!doctype html>" in format_html(elsewhere)
