"""Choose a dark theme, and read it in a script as the page does."""

from app.lab.claim import Claim, Finding, Statement
from app.lab.subject.application import Subject

CHOSEN = {"theme": "dark", "language": "en", "currency": "EUR", "layout": "compact"}


def experiment(subject: Subject) -> Finding:
    alice = subject.log_in_visitor()
    alice.post("/preferences", CHOSEN)
    seen = alice.browser.document_cookie(f"{subject.url}/preferences").split("; ")
    readable = "theme=dark" in seen and alice.token != ""
    subject.recorder.note_decision(
        f"A script on the page reads document.cookie: {'; '.join(seen) or 'nothing'}."
    )
    if not readable:
        because = "A script on the page does not see the theme that was chosen."
        return Finding(False, "theme not seen", because)
    return Finding(
        True,
        "document.cookie shows theme=dark",
        "A script on the page reads the theme that was chosen, and sets it before anything is "
        "drawn.",
    )


CLAIM = Claim(
    sentence="A preference in a cookie can be read by a script.",
    believed="Preferences are what cookies are recommended for: a script needs the theme before "
    "the page is drawn. It works for cookies that are not HttpOnly.",
    meaning="Where it holds, keep in such a cookie only what anybody may read and change. Whatever "
    "comes back in it is input like any other.",
    experiment=experiment,
    statements=(
        Statement(201, "Accessibility: Accessible via JavaScript (unless httpOnly)"),
        Statement(206, "Remember user preferences (theme, language, layout settings)"),
    ),
    try_it=(
        "Choose the dark theme on the page Preferences, and save.",
        "Open devtools (F12) → Console, type `document.cookie` and press Enter.",
        "Do you find theme=dark?",
    ),
    in_chromium=True,
)
