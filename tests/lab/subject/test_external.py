"""The laboratory on applications that are not its own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.lab.claim import CannotApply, Claim, Finding, Skipped, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from app.lab.runs.runner import try_claim
from app.lab.subject.external import ExternalApp, find_form
from app.lab.subject.site import Paths, Site
from backends import ConfigurationError

pytestmark = pytest.mark.usefixtures("untraced_processes")

ACCOUNT = {"name": "ada", "password": "engine"}

STOCK = """
import os
from flask import Flask, redirect, request, session

app = Flask(__name__)
app.secret_key = "a key"

@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST" and request.form.get("password") == "engine":
        session["name"] = request.form["name"]
        return redirect("/news")
    return "<form method=post><input name=name><input name=password type=password></form>"

@app.get("/dashboard")
def dashboard():
    return f"Hello {session['name']}" if "name" in session else redirect("/login")

@app.post("/logout")
def logout():
    session.clear()
    return redirect("/")
"""

FLASK_SESSION = """
from stock import app
from cachelib.file import FileSystemCache
from flask_session import Session

def create_app(folder="sessions"):
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(folder))
    Session(app)
    return app
"""

GUARDED = """
import secrets
from flask import Flask, abort, redirect, request, session

app = Flask(__name__)
app.secret_key = "a key"

FORM = '''<form action=/search><input type=hidden name=token value=wrong></form>
<form action="{path}" method="POST">{inputs}
<input type="hidden" name="token" value="{token}"/></form>'''

def form(path, inputs=""):
    token = session.setdefault("token", secrets.token_hex())
    return FORM.format(path=path, inputs=inputs, token=token)

@app.before_request
def guard():
    if request.method == "POST" and request.form.get("token") != session.get("token", "none"):
        abort(400)

@app.get("/account/login")
def login():
    return form("", "<input name=name><input name=password>")

@app.post("/account/login")
def check():
    session["user"] = request.form["name"]
    return "welcome"

@app.get("/account")
def account():
    return form("out?from=account") if "user" in session else abort(403)

@app.post("/out")
def out():
    session.clear()
    return "bye"
"""

BY_LINK = STOCK.replace('app.post("/logout")', 'app.get("/logout")')

TWO_COOKIES = STOCK.replace(
    'return redirect("/news")',
    'answer = redirect("/news"); answer.set_cookie("device", "known"); return answer',
).replace('if "name" in session', 'if "name" in session and "device" in request.cookies')

POLITE = STOCK.replace(
    "def login():\n",
    'def login():\n    if "name" in session:\n        return redirect("/dashboard")\n',
)
"""Sends whoever is logged in away from its login."""

POLITE_TO_GUESTS = POLITE.replace(
    '    return "<form', '    session["guest"] = True\n    return "<form'
)
"""Has a session for whoever is shown its login."""

KEEPS_THE_ID = FLASK_SESSION.replace("from stock", "from polite_to_guests")


def remembering(folder: Path) -> str:
    """An application that notes each of its starts, and loses its key with each."""
    return STOCK + f"\nopen({str(folder / 'starts')!r}, 'a').write('started ')\n"


@pytest.fixture(scope="module")
def applications(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the applications lie in."""
    lie_in = tmp_path_factory.mktemp("applications")
    for name, code in {
        "stock": STOCK,
        "filed": FLASK_SESSION,
        "guarded": GUARDED,
        "by_link": BY_LINK,
        "guessed": STOCK.replace("a key", "dev"),
        "two_cookies": TWO_COOKIES,
        "polite": POLITE,
        "polite_to_guests": POLITE_TO_GUESTS,
        "keeps_the_id": KEEPS_THE_ID,
        "app": STOCK,  # as this application's own package is called
        "remembering": remembering(lie_in),
        "open_house": STOCK.replace('else redirect("/login")', 'else "Log in first"'),
        "stays_in": STOCK.replace("session.clear()", "pass"),
        "broken": "import a_module_that_nobody_has",
        "breaking": "def create_app():\n    raise RuntimeError('no database')",
        "strict": STOCK.replace('return "<form', "return '', 401\n    return \"<form"),
    }.items():
        (lie_in / f"{name}.py").write_text(code)
    return lie_in


@pytest.fixture(autouse=True)
def folder(applications: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(applications)
    return applications


def application(target: str, cookie_name: str = "session", **paths: str) -> ExternalApp:
    return ExternalApp(target, Paths(fields=ACCOUNT, **paths), cookie_name)


def run(app: ExternalApp, claims: Sequence[Claim]) -> list[Result]:
    """What a run makes of it, in this process."""
    app.check()
    return [try_claim(claim, app) for claim in claims]


def verdicts(app: ExternalApp, claims: Sequence[Claim]) -> dict[str, Verdict]:
    return {result.claim: result.verdict for result in run(app, claims)}


GUARDED_APP = application("guarded", login="/account/login", private="/account", logout="/out")

FINAL = CLAIMS["logout_is_final"]


RAISED = {
    CannotApply("no"): Verdict.CANNOT_APPLY,
    Skipped("no"): Verdict.SKIPPED,
    ValueError("no"): Verdict.ERROR,
}


@pytest.fixture(scope="module")
def results(applications: Path) -> list[Result]:
    """Of a run of an application that remembers its starts: one logout, and what goes wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(applications)
        claims = [FINAL, *map(raising, RAISED)]
        return run(application("remembering"), claims)


class TestVerdicts:
    @pytest.mark.parametrize(
        ("app", "verdict"),
        [
            (application("stock"), Verdict.FAILS),
            (application("stock:app"), Verdict.FAILS),
            (application("filed:create_app"), Verdict.HOLDS),
            (application("filed:create_app('elsewhere')"), Verdict.HOLDS),
            (application("by_link"), Verdict.FAILS),
            (application("app"), Verdict.FAILS),
            (GUARDED_APP, Verdict.FAILS),
        ],
        ids=lambda value: value.target if isinstance(value, ExternalApp) else value,
    )
    def test_whether_the_logout_is_final(self, app: ExternalApp, verdict: Verdict) -> None:
        [result] = run(app, [FINAL])
        assert (result.verdict, result.expected) == (verdict, None)
        assert result.subject == app.name

    @pytest.mark.parametrize(
        ("app", "verdict", "figure"),
        [
            (application("filed:create_app"), Verdict.FAILS, "the same token, the old one alive"),
            (application("polite"), Verdict.CANNOT_APPLY, ""),
            (
                application("polite_to_guests"),
                Verdict.HOLDS,
                "another token, the old one dead",
            ),
            (
                application("keeps_the_id:create_app"),
                Verdict.FAILS,
                "the same token, the old one alive",
            ),
        ],
        ids=lambda value: value.target if isinstance(value, ExternalApp) else None,
    )
    def test_whether_a_login_gives_another_token(
        self, app: ExternalApp, verdict: Verdict, figure: str
    ) -> None:
        [result] = run(app, [CLAIMS["regenerated_at_login"]])
        assert (result.verdict, result.figure) == (verdict, figure)

    @pytest.mark.parametrize("name", ["ada", "grace"])
    def test_a_secret_key_that_can_be_guessed_is_named(self, name: str) -> None:
        app = ExternalApp("guessed", Paths(fields={**ACCOUNT, "name": name}))
        [result] = run(app, [CLAIMS["tamper_proof"]])
        assert result.verdict is Verdict.FAILS
        assert result.because.endswith("logged somebody in: signed with the secret key “dev”.")

    @pytest.mark.parametrize("claim", ["logout_is_final", "regenerated_at_login"])
    def test_a_token_that_logs_nobody_in_by_itself_is_not_taken_for_dead(self, claim: str) -> None:
        with (
            application("two_cookies").start() as site,
            pytest.raises(RuntimeError, match="with the cookie session alone"),
        ):
            CLAIMS[claim].experiment(site)

    def test_every_claim_that_needs_only_http_can_be_tried(self) -> None:
        claims = [claim for claim in CLAIMS.values() if claim.over_http]
        found = verdicts(application("stock"), claims)
        assert found.keys() == {claim.id for claim in claims}
        assert Verdict.ERROR not in found.values()

    def test_the_login_is_in_the_evidence_and_the_token_is_not(self, results: list[Result]) -> None:
        exchanges = results[0].evidence.exchanges
        assert [(shown.method, shown.status) for shown in exchanges][:2] == [
            ("GET", 200),
            ("POST", 302),
        ]
        [set_cookie] = [
            value for name, value in exchanges[1].response_headers if name == "Set-Cookie"
        ]
        assert " characters)" in set_cookie

    def test_each_experiment_has_a_start_of_its_own(
        self, results: list[Result], folder: Path
    ) -> None:
        starts = (folder / "starts").read_text().split()
        assert starts == ["started"] * (1 + len(results))

    def test_the_environment_is_the_applications_except_for_how_it_is_served(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLASK_RUN_PORT", "1")
        monkeypatch.setenv("FLASK_DEBUG", "1")
        monkeypatch.setenv("FLASK_APP", "broken")
        application("stock").check()

    def test_what_an_experiment_raises_is_a_result(self, results: list[Result]) -> None:
        assert [result.verdict for result in results[1:]] == list(RAISED.values())
        assert all(result.because.endswith("no") for result in results[1:])


def raising(error: Exception) -> Claim:
    def experiment(_site: Site) -> Finding:
        raise error

    return replace(FINAL, experiment=experiment)


REFUSED = {
    "a wrong form": (
        ExternalApp("stock", Paths(fields={"name": "ada"})),
        "POST /login was answered 200, and GET /dashboard after it 302: "
        "give its form by --field NAME=VALUE. It asks for: name, password.",
    ),
    "a login that is refused": (
        ExternalApp("strict", Paths(fields={"name": "ada"})),
        "POST /login was answered 401, and GET /dashboard after it 302: "
        "give its form by --field NAME=VALUE.",
    ),
    "another login": (
        application("stock", login="/log-in"),
        "POST /log-in was answered 404, and GET /dashboard after it 302: "
        "name where the form goes by --login.",
    ),
    "another page": (
        application("stock", private="/mine"),
        "POST /login was answered 302, and GET /mine after it 404: "
        "name a page that only a login opens by --private.",
    ),
    "a page for everybody": (
        application("open_house"),
        "GET /dashboard was answered 200 to somebody who is not logged in: "
        "name a page that only a login opens by --private.",
    ),
    "another cookie": (
        application("stock", cookie_name="sid"),
        "After the login the browser holds no cookie 'sid' (but: session): "
        "name the session's by --cookie.",
    ),
    "two cookies": (
        application("two_cookies"),
        "A login needs more than the cookie 'session': GET /dashboard with it alone was answered "
        "302. Name the session's by --cookie (there are: device, session); an application that "
        "needs several cannot be tried.",
    ),
    "another logout": (
        application("stock", logout="/log-out"),
        "POST /log-out was answered 404, and the login lives on: "
        "name where the logout goes by --logout.",
    ),
    "a logout that does nothing": (
        application("stays_in"),
        "POST /logout was answered 302, and the login lives on: "
        "name where the logout goes by --logout.",
    ),
    "no module": (
        application("nowhere"),
        "The application nowhere ended; its last line: Error: Could not import 'nowhere'.",
    ),
    "no application": (
        application("stock:nothing"),
        "The application stock:nothing ended; its last line: Error: Failed to find attribute "
        "'nothing' in 'stock'.",
    ),
    "an import that fails": (
        application("broken"),
        "The application broken ended; its last line: ModuleNotFoundError: No module named "
        "'a_module_that_nobody_has'",
    ),
    "a factory that fails": (
        application("breaking:create_app"),
        "The application breaking:create_app ended; its last line: RuntimeError: no database",
    ),
}


@pytest.mark.parametrize(("app", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_tried_is_one_line_that_says_what_to_give(
    app: ExternalApp, says: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        app.check()
    assert str(refused.value) == says


def test_an_application_that_never_listens_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lab.subject.external.PROCESS_TIMEOUT_SECONDS", 2.0)
    (folder / "asleep.py").write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('waiting for the database', flush=True)\n"
        "time.sleep(60)\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        application("asleep").check()
    assert str(refused.value) == (
        "The application asleep did not listen within 2 seconds; "
        "its last line: waiting for the database"
    )


class TestForms:
    PAGE = """
        <input type=hidden name=outside value=1>
        <form action="/search"><input type=hidden name=q value=2></form>
        <form method=post action=https://elsewhere.example/in><input name=stolen></form>
        <form METHOD=Post action="../in?next=/"><INPUT TYPE=Hidden NAME=token VALUE="a&amp;b">
          <input name=user><input type=submit><input type=hidden name=empty></form>
        <form method=post><input type=hidden name=here value=3></form>
    """

    def test_a_form_is_found_by_the_path_that_it_posts_to(self) -> None:
        form = find_form("/in", self.PAGE, "http://site.example/account/login")
        assert form.hidden == {"token": "a&b", "empty": ""}
        assert form.visible == ["user"]

    def test_a_form_without_an_action_posts_to_its_page(self) -> None:
        form = find_form("/account/login", self.PAGE, "http://site.example/account/login?next=/")
        assert form.hidden == {"here": "3"}

    @pytest.mark.parametrize("path", ["/search", "/elsewhere"])
    def test_without_such_a_form_there_is_nothing_to_fill_in(self, path: str) -> None:
        form = find_form(path, self.PAGE, "http://site.example/account/login")
        assert (form.hidden, form.visible) == ({}, [])


def test_a_result_of_it_can_be_no_surprise() -> None:
    assert not Result("x", "stock", Verdict.FAILS, None, "", "", 0.0).is_surprise
