"""What somebody who is new asks first, answered from what was measured."""

from collections.abc import Mapping
from typing import NamedTuple

from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Verdict


class Question(NamedTuple):
    """A question, the claim that answers it, and the answer in plain words for each verdict."""

    asks: str
    claim: str
    answers: Mapping[Verdict, str]
    more: tuple[str, ...] = ()
    """Claims that say more about it."""


QUESTIONS = (
    Question(
        "What is in my browser?",
        "data_hidden_from_client",
        {
            FAILS: "a cookie with everything that the application remembers about you. It is "
            "signed, not encrypted: whoever has the cookie can read it.",
            HOLDS: "a cookie in which none of your data can be read.",
        },
        ("only_id_is_sent", "encrypted"),
    ),
    Question(
        "What is on the server?",
        "server_side",
        {
            FAILS: "nothing. The cookie is the whole session; the server has only the key that "
            "signs it.",
            HOLDS: "the data. The cookie only leads to it.",
        },
        ("stolen_store_dump", "survives_restart"),
    ),
    Question(
        "What is a stolen cookie worth after the logout?",
        "logout_is_final",
        {
            FAILS: "as much as before. It still logs in until it is too old, because the logout "
            "only told your own browser to forget its copy.",
            HOLDS: "nothing. It logs nobody in any more.",
        },
        ("revoke_other_devices", "logout_survives_slow_request"),
    ),
    Question(
        "What happens when Redis, or the disk, stops?",
        "store_down",
        {
            CANNOT_APPLY: "nothing. The sessions are in the browsers, so there is no store that "
            "could stop.",
            HOLDS: "pages that need the session say “try again shortly” (503) within a second. "
            "All other pages work, and when the store is back, everybody is still logged in.",
            FAILS: "pages answer with an error, or say that nobody is logged in, as if the session "
            "had ended.",
        },
        ("store_frozen", "disk_full"),
    ),
)
