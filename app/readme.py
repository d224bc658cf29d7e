"""Write the generated parts of README.md: `python -m app.readme README.md`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from app.config import VARIABLES
from backends import BUILT_IN, Backend

EMBEDDED = (
    "Without `REDIS_URL` what needs Redis runs on one embedded in the process: no service, one "
    "process, and the sessions are gone when it ends."
)


def rewritten(text: str) -> str:
    """The text with its generated parts replaced.

    A part is between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
    Raises `ValueError` if the markers of a part are missing.
    """
    return with_part(with_part(text, "variables", _variables()), "backends", _backends())


def with_part(text: str, name: str, lines: Iterable[str]) -> str:
    """The text with these lines between the markers of that name.

    Raises `ValueError` if the markers are missing.
    """
    begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
    before, _, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not closed:
        raise ValueError(f"there is no place for the {name}: {begin.strip()} … {end}")
    return before + begin + "".join(f"{line}\n" for line in lines) + end + after


def _variables() -> Iterator[str]:
    return table(
        ("variable", "meaning", "default"),
        [
            (
                f"`{variable.name}`",
                variable.meaning,
                variable.shown_default or f"`{variable.default}`",
            )
            for variable in VARIABLES
        ],
    )


def _backends() -> Iterator[str]:
    yield from table(
        (
            "`SESSION_BACKEND`",
            "state where?",
            "readable by the client?",
            "revocable?",
            "several processes?",
            "several servers?",
            "survives a restart?",
            "needs a service?",
        ),
        map(_row, BUILT_IN.values()),
    )
    yield ""
    yield EMBEDDED


def _row(backend: Backend) -> Sequence[str]:
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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"


def main(path: Path) -> None:
    """Rewrite the file. Exits with one line if the markers of a part are missing."""
    try:
        path.write_text(rewritten(path.read_text()))
    except ValueError as error:
        sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
