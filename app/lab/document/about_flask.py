"""What it says of Flask, and no claim measures: lines 1 to 184."""

from app.lab.document.places import (
    ARTICLE,
    ARTICLES,
    BLOCKS,
    CART,
    DASHBOARD,
    FILTER,
    HEALTH,
    HOME,
    LOGIN,
    PLAN,
    PREFERENCES,
    PROFILE,
    REQUEST,
    SESSIONS,
    STYLES,
    UPLOADS,
    WhereToSee,
    claim_page,
)
from app.lab.document.section import DocumentSection, Unmeasured

WHAT_FLASK_IS = DocumentSection(
    "Flask(__name__)",
    1,
    (
        Unmeasured(
            1,
            "Flask is a lightweight WSGI web application framework.",
            "This site is a Flask application. A WSGI server passes each request to it.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            1,
            "how web applications can be chained together to process one request",
            "Side by side, WSGI passes each request on to the application of one backend.",
            (WhereToSee("side_by_side.index", "Side by side"), HOME),
        ),
        Unmeasured(
            6,
            "app = Flask(__name__)",
            'This application says LabApp("app"), its own kind of Flask, in app/factory.py.',
            (BLOCKS, HOME),
        ),
        Unmeasured(
            9,
            "This line is crucial for initializing your Flask application.",
            "It is true of every Flask application: without the object there is nothing to serve.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            15,
            "Flask is a class provided by the flask module.",
            "This is true. Each application here is an instance of it.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            16,
            "This instance will act as your web application/server.",
            "It is the application only. The server is gunicorn, which session-lab run starts.",
            (HEALTH, BLOCKS),
        ),
        Unmeasured(
            20,
            "__name__ is a built-in Python variable",
            "Python sets it in each module. Flask uses it as the name to find the module by.",
            (BLOCKS, HOME),
        ),
        Unmeasured(
            21,
            'run the script directly, __name__ will be equal to "__main__"',
            "This is true of app/__main__.py, when python -m app run starts it.",
            (BLOCKS, HOME),
        ),
        Unmeasured(
            22,
            "imported as a module, __name__ will be the module’s name",
            "This is true of each other file here: app/factory.py is app.factory.",
            (BLOCKS, HOME),
        ),
        Unmeasured(
            28,
            "Flask needs to know where to look for resources",
            "It is true. The next lines say which.",
            (STYLES, BLOCKS),
        ),
        Unmeasured(
            30,
            "Static files (e.g., JavaScript, CSS, images in the static/ folder)",
            "Flask serves app/static/ below /static. Each page here has its styles from there.",
            (STYLES, BLOCKS),
        ),
        Unmeasured(
            31,
            "Templates (HTML files in the templates/ folder)",
            "Each page here is made from a file in app/templates/.",
            (PROFILE, LOGIN, BLOCKS),
        ),
        Unmeasured(
            35,
            "The location of the root directory of your app",
            "Flask keeps it as app.root_path. It is the folder app/ here.",
            (BLOCKS, STYLES),
        ),
        Unmeasured(
            36,
            "Where to find your static and template folders",
            "Flask looks for both in that root directory.",
            (STYLES, BLOCKS),
        ),
        Unmeasured(
            44,
            "Creates a Flask app object",
            "This is true. Side by side there is one for each backend, and one around them.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            45,
            "Tells Flask the name of the current module",
            "The name is any that Python can import. A package’s name will do as well.",
            (BLOCKS, HOME),
        ),
        Unmeasured(
            46,
            "helps Flask locate resources & configurations",
            "It does so for resources. This application has its settings from the environment.",
            (BLOCKS, STYLES),
        ),
        Unmeasured(
            54,
            "remember where I (this file/module) am located",
            "This is the same again, in a picture.",
            (STYLES, BLOCKS),
        ),
    ),
)

FLASK_CLASS = DocumentSection(
    "1. Flask",
    58,
    (
        Unmeasured(
            60,
            "The main Flask class that creates the web application instance.",
            "This is said at line 16 too.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            67,
            "@app.route('/')",
            "The address / leads to a function here too, which makes the first page.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            72,
            "app.run(debug=True)",
            "It is for development only: its debugger runs any code. Here gunicorn serves.",
            (HEALTH, BLOCKS),
        ),
        Unmeasured(
            75,
            "__name__ helps Flask locate resources like templates and static files",
            "This is said at lines 30 and 31 too.",
            (STYLES, BLOCKS),
        ),
    ),
)

RENDER_TEMPLATE = DocumentSection(
    "2. render_template",
    77,
    (
        Unmeasured(
            79,
            "Renders HTML templates from the templates folder",
            "Each page here is rendered so, and values are passed to it.",
            (PROFILE, ARTICLES, BLOCKS),
        ),
        Unmeasured(
            86,
            "@app.route('/user/<name>')",
            "This application has that address, for any name. The page needs no session.",
            (PROFILE, HOME, BLOCKS),
        ),
        Unmeasured(
            96,
            "passing the user_data dictionary to the template",
            "The public page of a name gets it and invented facts so. Jinja2 escapes them.",
            (PROFILE, ARTICLES, BLOCKS),
        ),
    ),
)

SESSION_OBJECT = DocumentSection(
    "3. session",
    98,
    (
        Unmeasured(
            106,
            "Required for sessions",
            "It is a rule of Flask. This application has a key on every backend.",
            (claim_page("key_rotation"), claim_page("leaked_key_logs_nobody_in")),
        ),
        Unmeasured(
            108,
            "@app.route('/login', methods=['POST'])",
            "The login is a POST here too. It also checks a password, which the example does not.",
            (LOGIN,),
        ),
        Unmeasured(
            110,
            "username = request.form['username']",
            "The login reads the name and the password from its form, and checks both.",
            (LOGIN,),
        ),
        Unmeasured(
            111,
            "session['user'] = username",
            "This keeps who was logged in. It does not change the token, which a login should.",
            (LOGIN, claim_page("regenerated_at_login"), claim_page("fixation")),
        ),
        Unmeasured(
            113,
            "return redirect('/dashboard')",
            "The login leads to the dashboard here too, or back to the page that asked for it.",
            (LOGIN, DASHBOARD),
        ),
        Unmeasured(
            117,
            "if 'logged_in' in session:",
            "The dashboard asks the same, and whether the account still may be in.",
            (DASHBOARD,),
        ),
        Unmeasured(
            119,
            "Please log in first",
            "A page that needs a login leads to the form, which then leads back.",
            (DASHBOARD, LOGIN),
        ),
        Unmeasured(
            121,
            "@app.route('/logout')",
            "A picture on any page could send such a GET. The logout is a POST here.",
            (DASHBOARD, BLOCKS),
        ),
        Unmeasured(
            123,
            "session.pop('user', None)",
            "This leaves all else in the session. The logout here clears the whole session.",
            (claim_page("logout_is_final"), CART),
        ),
    ),
)

MAKE_RESPONSE = DocumentSection(
    "4. make_response",
    130,
    (
        Unmeasured(
            132,
            "Creates custom response objects",
            "An article is such a response: a page, to which a cookie is added.",
            (ARTICLE, BLOCKS),
        ),
        Unmeasured(
            142,
            "response.headers['Content-Type'] = 'text/plain'",
            "A response says what it holds. The request’s facts are application/json here.",
            (REQUEST, BLOCKS),
        ),
        Unmeasured(
            143,
            "'attachment; filename=data.txt'",
            "A kept upload comes back as a download with such a header.",
            (UPLOADS, BLOCKS),
        ),
        Unmeasured(
            154,
            'make_response("Custom error message", 418)',
            "A view chooses its status. Here a form with a fault is answered by 400.",
            (LOGIN, BLOCKS),
        ),
        Unmeasured(
            155,
            "response.headers['X-Custom-Header']",
            "Every response here has headers of its own, such as Content-Security-Policy.",
            (HOME, BLOCKS),
        ),
        Unmeasured(
            159,
            "when you need to set custom headers, cookies, or HTTP status codes",
            "This is true. A view may return a tuple or a redirect instead, as many do here.",
            (ARTICLE, PREFERENCES, BLOCKS),
        ),
        Unmeasured(
            161,
            "Each of these imports serves a specific purpose",
            "It sums up the four. This application uses each of them.",
            (HOME, BLOCKS),
        ),
    ),
)

REQUEST_OBJECT = DocumentSection(
    "5. request",
    163,
    (
        Unmeasured(
            164,
            "Provides access to incoming request data",
            "One page shows what the server sees of the request for it.",
            (REQUEST, BLOCKS),
        ),
        Unmeasured(
            165,
            "request.form - Form data from POST requests",
            "The login, the cart and the preferences read their forms from it.",
            (LOGIN, CART, PREFERENCES, BLOCKS),
        ),
        Unmeasured(
            166,
            "request.args - URL query parameters",
            "The filter of the laboratory and the plan of costs read them.",
            (FILTER, PLAN, BLOCKS),
        ),
        Unmeasured(
            167,
            "request.get_json() - JSON data from request body",
            "No form of a browser sends JSON. Only /request-info takes some here, and measures it.",
            (BLOCKS, REQUEST),
        ),
        Unmeasured(
            168,
            "request.headers - HTTP headers",
            "The user agent is one of them.",
            (REQUEST, SESSIONS, BLOCKS),
        ),
        Unmeasured(
            169,
            "request.method - HTTP method (GET, POST, etc.)",
            "What changes something is a POST here, but for /set-cookie, which the document opens.",
            (REQUEST, BLOCKS),
        ),
        Unmeasured(
            170,
            "request.cookies - Cookies sent by client",
            "The names and sizes of the cookies are shown. Their values stay hidden.",
            (REQUEST, BLOCKS),
        ),
        Unmeasured(
            173,
            "@app.route('/request-info')",
            "This application has that address.",
            (REQUEST,),
        ),
        Unmeasured(
            177,
            "'method', 'url', 'user_agent', 'remote_addr'",
            "This application shows the same four.",
            (REQUEST,),
        ),
        Unmeasured(
            181,
            "'cookies': dict(request.cookies)",
            "It would show a script the token that HttpOnly hides. Here it shows no value.",
            (REQUEST, claim_page("hidden_from_script")),
        ),
    ),
)
