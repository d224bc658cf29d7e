"""Applications whose login fails, or takes another way, each as code."""

RIGHT = {"name": "alice", "password": "engine=1"}
"""The account that each of them has."""

BASE = """
from flask import Flask, abort, flash, get_flashed_messages, jsonify, redirect, request, session

app = Flask("logins")
app.secret_key = "a key that nobody guesses"
PASSWORD = "engine=1"
FORM = "<title>Log in</title><h1>Log in</h1><form method=post><input name=name>" \\
    "<input name=password type=password><input type=submit name=go value=Go></form>"

def is_right():
    return request.form.get("name") == "alice" and request.form.get("password") == PASSWORD

@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST" and is_right():
        session["name"] = "alice"
        return redirect("/dashboard")
    return FORM

@app.get("/dashboard")
def dashboard():
    return "Hello" if "name" in session else redirect("/login")

@app.post("/logout")
def logout():
    session.clear()
    return redirect("/login")
"""

JSON_PAGE = "<div id=root></div><script>start()</script>"

JSON = BASE.replace("return FORM", f'return "{JSON_PAGE}"').replace(
    """    if request.method == "POST" and is_right():
        session["name"] = "alice"
        return redirect("/dashboard")
""",
    """    if request.method == "POST":
        if request.json == {"name": "alice", "password": PASSWORD}:
            session["name"] = "alice"
            return {"ok": True}
        return {"error": "No such user."}, 401
""",
)
"""A page whose script sends JSON."""

LOGS_IN = 'session["name"] = "alice"'
WELCOME = 'return redirect("/dashboard")'
"""What the login does with the right account."""

POLITE = BASE.replace(
    "def login():\n",
    'def login():\n    if "name" in session:\n        return redirect("/dashboard")\n',
)
"""Redirects users who are logged in away from its login."""

POLITE_TO_GUESTS = POLITE.replace("    return FORM", '    session["guest"] = True\n    return FORM')
"""Gives a session to everybody who opens its login."""

ON_FILES = """
from cachelib.file import FileSystemCache
from flask_session import Session

def create_app(folder="sessions"):
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(folder))
    Session(app)
    return app
"""

SHOP = (
    BASE.replace("/login", "/in").replace("/dashboard", "/mine").replace("/logout", "/out")
    + "app.config['SESSION_COOKIE_NAME'] = 'shop'\n"
)
"""Has other addresses and another cookie than the laboratory takes for granted."""

ASLEEP = """
import signal, time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("waiting for the database", flush=True)
Path("asleep").touch()
time.sleep(60)
"""


def setting(line: str) -> str:
    return f"{BASE}\napp.config.update({line})\n"


def page(path: str, *lines: str) -> str:
    """One more page, by the lines of its view."""
    body = "".join(f"    {line}\n" for line in lines)
    return f'\n@app.get("{path}")\ndef page():\n{body}'


def refusing(answer: str) -> str:
    """The application that gives this answer to a wrong login."""
    form = "    return FORM"
    return BASE.replace(form, f'    if request.method == "POST":\n        {answer}\n{form}')


def leading_on(path: str) -> str:
    """The application whose login logs in by half, and leads to the page at `path`."""
    half = BASE.replace(LOGS_IN, 'session["half"] = "alice"')
    return half.replace(WELCOME, f'return redirect("{path}")')


def giving(token: str) -> str:
    """The application whose login by JSON gives a token and no session."""
    return JSON.replace(f'{LOGS_IN}\n            return {{"ok": True}}', token)


def checking(expression: str, found: str) -> str:
    """The application whose login page has a token, which the login checks."""
    check = f"""
@app.before_request
def check():
    if request.method == "POST" and {expression} != "t0ken":
        abort(400, "The CSRF token is missing.")
"""
    return BASE.replace("return FORM", found) + check


CODE = {
    "plain": BASE,
    "polite": POLITE,
    "polite_to_guests": POLITE_TO_GUESTS,
    "keeps_the_id": POLITE_TO_GUESTS + ON_FILES,
    "counted": BASE + ON_FILES + "\nopen('starts', 'a').write(f'{app.debug} ')\n",
    "breaking": "def create_app():\n    raise RuntimeError('no database')",
    "asleep": ASLEEP,
    "two_cookies": BASE.replace(
        WELCOME, 'answer = redirect("/"); answer.set_cookie("device", "known"); return answer'
    ).replace(
        '"Hello" if "name" in session',
        '"Hello" if "name" in session and "device" in request.cookies',
    ),
    "open_house": BASE.replace('else redirect("/login")', 'else "Log in first"'),
    "stays_in": BASE.replace("session.clear()", "pass"),
    "in_a_field": checking(
        'request.form.get("csrf_token")',
        'return FORM.replace("<input", "<input type=hidden name=csrf_token value=t0ken><input", 1)',
    ).replace(
        '"Hello"',
        '"<form method=post action=/logout><input type=hidden name=csrf_token value=t0ken></form>"',
    ),
    "in_a_meta_tag": checking(
        'request.headers.get("X-CSRFToken")', 'return "<meta name=csrf-token content=t0ken>" + FORM'
    ).replace('"Hello"', '"<meta name=csrf-token content=t0ken>"'),
    "in_a_script": checking(
        'request.headers.get("X-CSRFToken")', """return "<script>var t = 't0ken'</script>" + FORM"""
    ),
    "two_forms": BASE.replace(
        "return FORM",
        """return '''<form method=post action=/register><input name=name><input name=mail>
        <input name=password type=password></form><form method=post action=/login?next=/>
        <input name=name><input name=password type=password></form>'''""",
    ),
    "elsewhere": BASE.replace('"/login", methods', '"/session/new", methods')
    + page("/login", 'return FORM.replace("<form", "<form action=/session/new")'),
    "moved": BASE.replace('route("/login"', 'route("/login/"'),
    "led_away": BASE + page("/sign-in", 'return redirect("/login")'),
    "by_json": JSON,
    "json_alone": JSON.replace('["GET", "POST"]', '["POST"]'),
    "by_json_in_silence": JSON.replace("request.json ==", "request.get_json(silent=True) =="),
    "landing": leading_on("/welcome")
    + page("/welcome", 'session["name"] = session.pop("half")', 'return "Welcome"'),
    "polite_text": BASE.replace(
        "return FORM", 'return FORM + (request.method == "POST") * "<p>Wrong name or password.</p>"'
    ),
    "flashing": refusing('flash("No such user."); return redirect("/login")').replace(
        "return FORM", 'return FORM + "".join(get_flashed_messages())'
    ),
    "refusing": refusing('return {"error": "bad credentials"}, 403'),
    "limited": refusing("abort(429)"),
    "error_in_200": JSON.replace('"No such user."}, 401', '"No such user."}'),
    "without_tables": BASE.replace(
        "is_right():\n    ",
        """is_right():
    import sqlite3
    sqlite3.connect(":memory:").execute("SELECT * FROM user")
    """,
        1,
    ),
    "broken_private": BASE.replace('"Hello" if', "1 / 0 if"),
    "without_key": BASE.replace('app.secret_key = "a key that nobody guesses"', ""),
    "other_domain": setting('SESSION_COOKIE_DOMAIN="shop.example"'),
    "narrow": setting('APPLICATION_ROOT="/shop"'),
    "secure": setting('SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Strict"'),
    "renamed": setting('SESSION_COOKIE_NAME="shop"'),
    "trusting": setting('TRUSTED_HOSTS=["shop.example"]'),
    "named_host": BASE.replace('Flask("logins")', 'Flask("logins", subdomain_matching=True)')
    + '\napp.config["SERVER_NAME"] = "shop.example"\n',
    "forced_https": BASE
    + """
@app.before_request
def force():
    return redirect(request.url.replace("http:", "https:"))
""",
    "single_sign_on": BASE.replace("and is_right()", "and False").replace(
        "return FORM", 'return redirect("https://sso.example/in")'
    ),
    "second_factor": leading_on("/code")
    + page("/code", 'return "<form method=post><input name=code></form>"'),
    "two_steps": BASE.replace("and is_right():", 'and request.form.get("name"):').replace(
        f"{LOGS_IN}\n        {WELCOME}",
        'return "<form method=post><input name=secret type=password></form>"',
    ),
    "captcha": BASE.replace(
        "return FORM", 'return FORM.replace("<input", "<div class=g-recaptcha></div><input", 1)'
    ).replace("and is_right()", "and False"),
    "bearer": giving('return {"data": {"access_token": "abc.def.ghi"}}'),
    "bearer_beside_a_cookie": giving(
        'session["seen"] = 1; return "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"'
    ),
    "basic": BASE.replace(
        '"Hello" if "name" in session else redirect("/login")',
        '("no", 401, {"WWW-Authenticate": "Basic realm=x"})',
    ),
    "unconfirmed": BASE.replace('"Hello" if', 'redirect("/confirm") if')
    + page("/confirm", 'return "<p>We sent you a mail."'),
    "newsletter": BASE.replace("and is_right()", "and True")
    .replace(LOGS_IN, "pass")
    .replace(WELCOME, 'return redirect("/")')
    + page("/", 'return "<form method=post><input name=mail></form>"'),
    "no_cookie": BASE.replace(LOGS_IN, "pass"),
    "forbidden": BASE.replace('"Hello" if "name" in session', 'abort(403) if "name" in session'),
    "delete_only": BASE.replace('app.post("/logout")', 'app.delete("/logout")').replace(
        '"Hello"', '"<a href=/account/sign-out>out</a>"'
    ),
    "closing": BASE.replace("return FORM", "import os; os._exit(3)"),
    "in_the_corner": BASE.replace('["GET", "POST"]', '["POST"]')
    + page("/", 'return FORM.replace("<form", "<form action=/login")'),
    "other_host": """
from flask import Flask
app = Flask("logins", host_matching=True, static_host="shop.example")
app.add_url_rule("/login", host="shop.example", view_func=lambda: "hello")
""",
    "by_script": BASE.replace('["GET", "POST"]', '["GET"]').replace(
        "return FORM", 'return FORM.replace("method=post", "") + "<script>send()</script>"'
    ),
    "by_get": BASE.replace('["GET", "POST"]', '["GET"]').replace(
        "return FORM", 'return FORM.replace("method=post", "")'
    ),
    "terms": leading_on("/terms")
    + page("/terms", 'return "<form method=post><input type=checkbox name=agree></form>"'),
    "second_factor_by_json": JSON.replace('session["name"]', 'session["half"]').replace(
        '"ok": True', '"code_required": True'
    ),
    "bearer_in_a_header": giving('return {}, 200, {"X-Auth-Token": "abc"}'),
    "raising_to_the_server": BASE.replace(LOGS_IN, '{}["x"]')
    + '\napp.config["PROPAGATE_EXCEPTIONS"] = True\n',
}
"""By the name of the module."""
