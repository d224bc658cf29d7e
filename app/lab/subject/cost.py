"""What requests cost the store, where the laboratory can see that it is asked."""

from collections import Counter
from collections.abc import Callable

from app.lab.claim import Skipped
from app.lab.subject.application import Subject, SubjectVisitor


def cost_of(subject: Subject, ada: SubjectVisitor, ask: Callable[[], object]) -> Counter[str]:
    """What the store is asked while `ask` runs: operations by their names.

    Raises `Skipped` where it is seen to be asked nothing even for the private page of `ada`, who
    is logged in: then it is asked in a way that the laboratory does not see.
    """
    ada.private_page()  # what is opened once, and then used without a trace, is opened now
    if not _counted(subject, ada.private_page):
        raise Skipped("The laboratory cannot see what this store is asked.")
    return _counted(subject, ask)


def _counted(subject: Subject, ask: Callable[[], object]) -> Counter[str]:
    before = subject.place.operations()
    ask()
    return subject.place.operations() - before
