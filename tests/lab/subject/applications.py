"""Applications of other people, as code: each with its own way to log in, and what is wrong."""

STOCK = """
import os
from flask import Flask, redirect, request, session

app = Flask("stock")
app.secret_key = "a key"

@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST" and request.form.get("password") == "engine=1":
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

ON_FLASK_SESSION = """
from cachelib.file import FileSystemCache
from flask_session import Session

def create_app(folder="sessions"):
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(folder))
    Session(app)
    return app
"""

POLITE = STOCK.replace(
    "def login():\n",
    'def login():\n    if "name" in session:\n        return redirect("/dashboard")\n',
)
"""Redirects users who are logged in away from its login."""

POLITE_TO_GUESTS = POLITE.replace(
    '    return "<form', '    session["guest"] = True\n    return "<form'
)
"""Gives a session to everybody who opens its login."""

TWO_COOKIES = STOCK.replace(
    'return redirect("/news")',
    'answer = redirect("/news"); answer.set_cookie("device", "known"); return answer',
).replace('if "name" in session', 'if "name" in session and "device" in request.cookies')

SHOP = (
    STOCK.replace("/login", "/in").replace("/dashboard", "/mine").replace("/logout", "/out")
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

CODE = {
    "stock": STOCK,
    "two_cookies": TWO_COOKIES,
    "polite": POLITE,
    "polite_to_guests": POLITE_TO_GUESTS,
    "keeps_the_id": POLITE_TO_GUESTS + ON_FLASK_SESSION,
    "open_house": STOCK.replace('else redirect("/login")', 'else "Log in first"'),
    "stays_in": STOCK.replace("session.clear()", "pass"),
    "counted": STOCK + ON_FLASK_SESSION + "\nopen('starts', 'a').write('started ')\n",
    "breaking": "def create_app():\n    raise RuntimeError('no database')",
    "asleep": ASLEEP,
}
"""By the name of the module."""
