"""The questions, and what each answer asks of a backend."""

from typing import NamedTuple

from app.lab.cost.figures import Figures


class Option(NamedTuple):
    """An answer to a question."""

    value: str
    """In the address."""
    label: str
    needs: tuple[str, ...] = ()
    """The claims that have to hold then."""
    without_service: bool = False
    """Whether a backend that needs a service is out."""


class ChoiceQuestion(NamedTuple):
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


def make_questions(figures: Figures | None) -> tuple[ChoiceQuestion, ...]:
    """The questions; how much fits into a cookie is taken from the figures."""
    return (
        ChoiceQuestion(
            "logout",
            "Must a logout be final?",
            "Somebody copied a cookie: on a shared computer, from a log, by a script. After the "
            "logout, or after you ended that session for them, does the copy have to be dead?",
            Option(
                "final",
                "Yes. After a logout, no copy of the cookie may work.",
                ("logout_is_final", "revoke_other_devices"),
            ),
            Option("soft", "No. It is enough that the browser forgets its cookie."),
        ),
        ChoiceQuestion(
            "hidden",
            "Is there anything in a session that the user must not read?",
            "A price that is not final, a mark against a customer, the address of somebody else. "
            "Whoever has the browser, or copies the cookie, reads what is only signed.",
            Option(
                "hidden",
                "Yes. Nobody may read it in the browser.",
                ("data_hidden_from_client",),
            ),
            Option("open", "No. They may know all that is in it."),
        ),
        ChoiceQuestion(
            "size",
            "Can a session become large?",
            f"A cookie holds {_largest_session(figures)} of data, and travels with each request.",
            Option(
                "large",
                "Yes: a cart, a form in several steps, an upload.",
                ("capacity",),
            ),
            Option("small", "No: who is logged in, and a few settings."),
        ),
        ChoiceQuestion(
            "servers",
            "Does it run on several servers?",
            "Or will it soon? Then each of them has to know every session. Several processes on "
            "one server count as one.",
            Option("several", "Yes, on several.", ("second_server",)),
            Option("one", "No, on one."),
        ),
        ChoiceQuestion(
            "redis",
            "Can you run a Redis?",
            "It is one more service: to watch, to back up, and to be without for a while.",
            Option("yes", "Yes, there is one or there can be."),
            Option("no", "No.", without_service=True),
        ),
    )


def _largest_session(figures: Figures | None) -> str:
    """What the signed cookie takes, in words."""
    kept = figures.kept("cookie") if figures else []
    return f"about {kept[-1][0]:,} bytes" if kept else "less than 4,096 bytes"
