"""Five kinds of public applications, written down in short.

`# settings` stands where an application is configured, `# backend` where that is over, and
`# login` where its login begins a session.
"""

FLASKR = '''
import os, sqlite3
from functools import wraps
import click
from flask.cli import with_appcontext
from flask import Blueprint, Flask, flash, g, get_flashed_messages, redirect, request, session
from flask import current_app, url_for
from werkzeug.security import check_password_hash, generate_password_hash

auth = Blueprint("auth", __name__, url_prefix="/auth")
blog = Blueprint("blog", __name__)
FORM = "<form method=post><input name=username required><input type=password name=password>" \\
    "<input type=submit value=Send></form>"

def create_app():
    app = Flask("flaskr", instance_path=os.path.abspath("instance"))
    app.config.from_mapping(SECRET_KEY="dev", DATABASE=os.path.join(app.instance_path, "db"))
    # settings
    # backend
    os.makedirs(app.instance_path, exist_ok=True)
    app.register_blueprint(auth)
    app.register_blueprint(blog)
    app.cli.add_command(init_db)
    app.teardown_appcontext(lambda _: g.pop("db").close() if "db" in g else None)
    return app

def get_db():
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    return g.db

@click.command("init-db")
@with_appcontext
def init_db():
    get_db().executescript("""DROP TABLE IF EXISTS user; CREATE TABLE user (
        id INTEGER PRIMARY KEY, username TEXT UNIQUE NOT NULL, password TEXT NOT NULL);""")

def find_user(column, value):
    return get_db().execute(f"SELECT * FROM user WHERE {column} = ?", (value,)).fetchone()

@auth.before_app_request
def load_logged_in_user():
    user_id = session.get("user_id")
    g.user = find_user("id", user_id) if user_id is not None else None

@auth.route("/register", methods=["GET", "POST"])
def register():
    if request.method == "POST":
        name, password = request.form["username"], request.form["password"]
        get_db().execute("INSERT INTO user (username, password) VALUES (?, ?)",
                         (name, generate_password_hash(password, "pbkdf2:sha256:1")))
        get_db().commit()
        return redirect(url_for("auth.login"))
    return FORM

@auth.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        user = find_user("username", request.form["username"])
        if user is None:
            flash("Incorrect username.")
        elif not check_password_hash(user["password"], request.form["password"]):
            flash("Incorrect password.")
        else:
            session.clear()
            # login
            session["user_id"] = user["id"]
            return redirect(url_for("blog.index"))
    return "".join(f"<div class=flash>{text}</div>" for text in get_flashed_messages()) + FORM

@auth.get("/logout")
def logout():
    session.clear()
    return redirect(url_for("blog.index"))

def login_required(view):
    @wraps(view)
    def wrapped(**arguments):
        return redirect(url_for("auth.login")) if g.user is None else view(**arguments)
    return wrapped

@blog.get("/")
def index():
    return "<h1>Posts</h1>"

@blog.route("/create", methods=["GET", "POST"])
@login_required
def create():
    return f"<h1>New post</h1><form method=post><input name=title></form>"
'''

FLASK_LOGIN = """
import flask_login
from flask import Flask, redirect, request, url_for

app = Flask("minimal")
app.secret_key = "a key that nobody guesses"
# settings
# backend
login_manager = flask_login.LoginManager(app)
login_manager.login_view = "login"

class User(flask_login.UserMixin):
    id = "ada@example.org"

@login_manager.user_loader
def load_user(name):
    return User() if name == User.id else None

@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return '''<form action="login" method="POST"><input type="text" name="email"/>
            <input type="password" name="password"/><input type="checkbox" name="remember"/>
            <input type="submit" name="submit"/></form>'''
    if request.form["email"] == User.id and request.form["password"] == "engine":
        # login
        flask_login.login_user(User(), remember="remember" in request.form)
        return redirect(url_for("protected"))
    return "Bad login"

@app.get("/protected")
@flask_login.login_required
def protected():
    return "Logged in as: " + flask_login.current_user.id

@app.route("/logout")
def logout():
    flask_login.logout_user()
    return "Logged out"
"""

FLASK_SESSION = """
import os
from cachelib.file import FileSystemCache
from flask import Flask, current_app, redirect, request, session
from flask_session import Session

app = Flask("with_files")
app.config.update(SECRET_KEY="a key that nobody guesses", SESSION_TYPE="cachelib",
                  SESSION_CACHELIB=FileSystemCache(os.path.abspath("sessions")))
# settings
Session(app)
# backend

@app.route("/login", methods=["GET", "POST"])
def login():
    session.setdefault("seen", 0)
    if request.method == "POST" and request.form["password"] == "engine":
        # login
        session["name"] = request.form["name"]
        return redirect("/account")
    return "<form method=post><input name=name><input name=password type=password></form>"

@app.get("/account")
def account():
    return f"Hello {session['name']}" if "name" in session else redirect("/login")

@app.post("/logout")
def logout():
    session.clear()
    return redirect("/login")
"""

SINGLE_PAGE = """
import os
from flask import Flask, request, session

app = Flask("single_page")
app.config["SECRET_KEY"] = os.urandom(16)
app.config["SESSION_COOKIE_HTTPONLY"] = False
# settings
# backend

@app.get("/")
def index():
    return "<div id=root></div><script src=/static/app.js></script>"

@app.post("/api/login")
def login():
    if request.json.get("email") != "ada@example.org" or request.json.get("password") != "engine":
        return {"error": "Unknown e-mail or password."}, 401
    session.permanent = True
    # login
    session["email"] = request.json["email"]
    return {"ok": True}

@app.get("/api/me")
def me():
    return ({"email": session["email"]}, 200) if "email" in session else ({"error": "log in"}, 401)

@app.post("/api/logout")
def logout():
    session.clear()
    return {"ok": True}
"""

FLASK_WTF = '''
from flask import Flask, redirect, render_template_string, session
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired

app = Flask("admin")
app.config["SECRET_KEY"] = "a key that nobody guesses"
# settings
# backend
CSRFProtect(app)

class LoginForm(FlaskForm):
    email = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])
    submit = SubmitField("Log in")

@app.route("/admin/login/", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        if form.password.data == "engine":
            # login
            session["admin"] = form.email.data
            return redirect("/admin/")
        form.password.errors.append("Invalid password")
    return render_template_string("""<form method=post>{{ form.hidden_tag() }}{{ form.email }}
        {{ form.password }}{{ form.submit }}{{ form.errors.password }}</form>""", form=form)

@app.get("/admin/")
def index():
    if "admin" not in session:
        return redirect("/admin/login/")
    return render_template_string("""<form method=post action=/admin/logout/>
        <input type=hidden name=csrf_token value="{{ csrf_token() }}"></form>""")

@app.post("/admin/logout/")
def logout():
    session.pop("admin", None)
    return redirect("/admin/login/")
'''
