"""The options of `session-lab compare` that describe somebody else's application."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.lab.subject.external import ForeignApp

Command = Callable[..., Any]


def _path(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith("/"):
        raise click.BadParameter(f"{value!r} is no path of the application: begin it with a slash.")
    return value


def _fields(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} has no value: write NAME=VALUE.")
    return {name: value for name, _, value in pairs}


OPTIONS = (
    click.option(
        "--app",
        "target",
        metavar="MODULE:APP",
        help="Try the claims that need only HTTP on this Flask application, named as for flask "
        "--app, with the current folder and environment.",
    ),
    click.option(
        "--login",
        metavar="PATH",
        callback=_path,
        help="--app: where the login form is, and where it is posted to.  [default: /login]",
    ),
    click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_fields,
        help="--app: what to fill into the login form; may be repeated.",
    ),
    click.option(
        "--private",
        metavar="PATH",
        callback=_path,
        help="--app: a page that only a login opens.  [default: /dashboard]",
    ),
    click.option(
        "--logout",
        metavar="PATH",
        callback=_path,
        help="--app: where the logout is posted to.  [default: /logout]",
    ),
    click.option(
        "--cookie",
        "cookie_name",
        metavar="NAME",
        help="--app: the session's cookie.  [default: session]",
    ),
)


def foreign_options(command: Command) -> Command:
    """Let the command take them. It is given a `ForeignApp` as `foreign`, `None` without `--app`.

    Raises `UsageError` for an option that describes an application which is not named.
    """

    @wraps(command)
    def with_foreign(**options: Any) -> Any:
        names = ("login", "fields", "private", "logout", "cookie_name")
        given = {name: value for name in names if (value := options.pop(name))}
        foreign = _foreign(options.pop("target"), given)
        return command(**options, foreign=foreign)

    for option in reversed(OPTIONS):
        with_foreign = option(with_foreign)
    return with_foreign


def _foreign(target: str | None, given: dict[str, Any]) -> "ForeignApp | None":
    if target is None:
        if given:
            raise click.UsageError("Which application? Name it by --app MODULE:APP.")
        return None
    # Imported here: a start of the application needs none of it.
    from app.lab.subject.external import ForeignApp
    from app.lab.subject.site import Paths

    cookie = {"cookie_name": given.pop("cookie_name")} if "cookie_name" in given else {}
    return ForeignApp(target, Paths(**given), **cookie)
