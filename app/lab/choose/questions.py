"""The questions, and what each answer asks of a backend: app/lab/data/choose.toml."""

from msgspec.structs import replace

from app.lab.cost.figures import Figures
from app.lab.measuring import DataText, read_data


class Option(DataText):
    """An answer to a question."""

    value: str
    """In the address."""
    label: str
    needs: tuple[str, ...] = ()
    """The claims that have to hold then."""
    without_service: bool = False
    """Whether a backend that needs a service is out."""


class ChoiceQuestion(DataText):
    """A question with two answers."""

    id: str
    """In the address."""
    text: str
    why: str
    yes: Option
    no: Option

    @property
    def options(self) -> tuple[Option, Option]:
        return self.yes, self.no

    def find(self, value: str | None) -> Option | None:
        """The answer of that value; `None` for anything else."""
        return next((option for option in self.options if option.value == value), None)


Answers = dict[str, Option]
"""The answers so far, by the question's id."""


class _Texts(DataText):
    questions: list[ChoiceQuestion]


def make_questions(figures: Figures | None) -> list[ChoiceQuestion]:
    """The questions; how much fits into the signed cookie is taken from the figures."""
    kept = figures.kept("cookie") if figures else []
    largest = f"about {kept[-1][0]:,} bytes" if kept else "less than 4,096 bytes"
    questions = read_data("choose.toml", _Texts).questions
    return [replace(each, why=each.why.format(largest=largest)) for each in questions]
