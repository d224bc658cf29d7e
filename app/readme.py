"""The tables of the documents that are made from the code: `make readme` writes them."""

from collections.abc import Iterable, Iterator, Sequence

from app.config import VARIABLES
from backends import BUILT_IN, Backend

EMBEDDED = (
    "Without `REDIS_URL` what needs Redis runs on one embedded in the process: no service, one "
    "process, and the sessions are gone when it ends."
)


def make_settings_table() -> str:
    """A row for each environment variable."""
    rows = [
        (f"`{each.name}`", each.meaning, each.shown_default or f"`{each.default}`")
        for each in VARIABLES
    ]
    return "\n".join(format_table(("variable", "meaning", "default"), rows))


def make_backends_table() -> str:
    """A row for each backend, and a sentence on those that need Redis."""
    head = (
        "`SESSION_BACKEND`",
        "state where?",
        "readable by the client?",
        "revocable?",
        "several processes?",
        "several servers?",
        "survives a restart?",
        "needs a service?",
    )
    rows = map(_format_backend, BUILT_IN.values())
    return "\n".join([*format_table(head, rows), "", EMBEDDED])


def _format_backend(backend: Backend) -> Sequence[str]:
    return (
        f"`{backend.name}`",
        backend.state,
        _yes_or_no(backend.readable),
        _yes_or_no(backend.revocable),
        _yes_or_no(backend.several_processes),
        backend.several_servers,
        backend.survives_restart,
        backend.needs or "no",
    )


def _yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown, line by line."""
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
