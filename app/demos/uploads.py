"""Upload a small file that the session keeps."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import PurePosixPath

from flask import Blueprint, abort, redirect, render_template, request, send_file, session, url_for
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.accounts.access import Page, login_required
from app.languages.forms import PageForm
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_in_session

bp = Blueprint("uploads", __name__)

MAX_UPLOAD_BYTES = 64 * 1024
MAX_NAME_CHARACTERS = 100
ALLOWED_EXTENSIONS = ("txt", "md", "csv", "json", "png", "jpg", "jpeg", "gif", "webp")


class UploadForm(PageForm):
    file = FileField(
        lazy_gettext("A text or an image, up to 64 KB"),
        [
            FileRequired(lazy_gettext("Choose a file.")),
            FileAllowed(
                ALLOWED_EXTENSIONS,
                lazy_gettext(
                    "Choose one of these: %(kinds)s.", kinds=", ".join(ALLOWED_EXTENSIONS)
                ),
            ),
            FileSize(MAX_UPLOAD_BYTES, message=lazy_gettext("Choose a file of at most 64 KB.")),
        ],
    )


@bp.route("/uploads", methods=["GET", "POST"])
@login_required
def index() -> Page:
    """Show the file, or keep another instead; a backend that cannot answers 413."""
    form = UploadForm(request.files)
    if form.validate_on_submit():
        upload: FileStorage = form.file.data
        session["upload"] = {
            "name": _clean_name(upload.filename or ""),
            "content": upload.read(),
            "at": datetime.now(UTC),
        }
        return redirect(url_for("uploads.index"))
    page = render_template(
        "demos/uploads.html",
        form=form,
        upload=session.get("upload"),
        user=session["user"],
        locations=[locate_in_session(gettext("Your file"))],
    )
    return page, 400 if form.errors else 200


@bp.get("/uploads/file")
@login_required
def download() -> Response:
    """The bytes as a download, never shown in the page: they are untrusted."""
    if "upload" not in session:
        abort(404, gettext("This session keeps no file."))
    return send_file(
        BytesIO(session["upload"]["content"]),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=session["upload"]["name"],
    )


@bp.post("/uploads/delete")
@login_required
def delete() -> Response:
    session.pop("upload", None)
    return redirect(url_for("uploads.index"))


def _clean_name(name: str) -> str:
    """The last part of the name without unprintable characters; it is never opened."""
    last = PurePosixPath(name).name
    return "".join(filter(str.isprintable, last))[-MAX_NAME_CHARACTERS:]
