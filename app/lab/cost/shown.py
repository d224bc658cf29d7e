"""What is shown of the figures: a table, sentences and pictures, on a page and in a report."""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from app.lab.bench.report import describe_run
from app.lab.cost.figures import SMALL, Figures
from app.lab.cost.sentences import Said, say_all
from app.lab.cost.summary import Shares, summarize
from app.lab.reports.report import Circumstances

if TYPE_CHECKING:
    from app.lab.cost.pictures import Picture


class Shown(NamedTuple):
    """All that is shown of one bench."""

    circumstances: Circumstances
    run: str
    """When, where and with which versions it was made."""
    bytes: int
    """Of data in the session that most figures are of."""
    lines: list[Shares]
    said: list[Said]
    pictures: list["Picture"]


@lru_cache(maxsize=2)
def show(figures: Figures) -> Shown:
    """What is shown of them; they are drawn once."""
    # Imported here: a start of the application does not load what draws.
    from app.lab.cost.pictures import draw_all

    bench = figures.bench
    return Shown(
        bench.circumstances,
        describe_run(bench),
        SMALL.size,
        summarize(figures),
        say_all(figures),
        list(draw_all(figures)),
    )
