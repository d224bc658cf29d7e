"""A small file that the session keeps for a while."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import PurePosixPath

from flask import Blueprint, Response, abort, redirect, render_template, send_file, session, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileAllowed, FileField, FileRequired, FileSize
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Redirect

from app.accounts.access import login_required
from app.web.data_location import in_session

bp = Blueprint("uploads", __name__)

MOST_BYTES = 64 * 1024
LONGEST_NAME = 100
ENDINGS = ("txt", "md", "csv", "json", "png", "jpg", "jpeg", "gif", "webp")


class UploadForm(FlaskForm):
    file = FileField(
        "A text or an image, up to 64 KB",
        [
            FileRequired("Choose a file."),
            FileAllowed(ENDINGS, f"Choose one of these: {', '.join(ENDINGS)}."),
            FileSize(MOST_BYTES, message="Choose a file of at most 64 KB."),
        ],
    )


@bp.get("/uploads")
@login_required
def index() -> str:
    return _page(UploadForm())


@bp.post("/uploads")
@login_required
def keep() -> Redirect | tuple[str, int]:
    """Keep the file in the place of an earlier one; a backend that cannot answers 413."""
    form = UploadForm()
    if not form.validate():
        return _page(form), 400
    upload: FileStorage = form.file.data
    session["upload"] = {
        "name": _shown_name(upload.filename or ""),
        "content": upload.read(),
        "at": datetime.now(UTC),
    }
    return redirect(url_for("uploads.index"))


@bp.get("/uploads/file")
@login_required
def download() -> Response:
    """The bytes as they came, to save and never to show: they are a stranger's."""
    if "upload" not in session:
        abort(404, "This session keeps no file.")
    return send_file(
        BytesIO(session["upload"]["content"]),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=session["upload"]["name"],
    )


@bp.post("/uploads/delete")
@login_required
def delete() -> Redirect:
    session.pop("upload", None)
    return redirect(url_for("uploads.index"))


def _page(form: UploadForm) -> str:
    return render_template(
        "demos/uploads.html",
        form=form,
        upload=session.get("upload"),
        user=session["user"],
        places=[in_session("Your file")],
    )


def _shown_name(name: str) -> str:
    """The last part of the name, without what no name needs; it is shown, never opened."""
    last = PurePosixPath(name).name
    return "".join(filter(str.isprintable, last))[-LONGEST_NAME:]
