"""What would turn the verdicts on a foreign application: its settings, its code, a backend."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from app.lab.claim import Verdict
from app.lab.measuring import group_by
from app.lab.reports.report import Remedies, Remedy, Report, Result
from backends import BUILT_IN


class Kind(Enum):
    """What a token is."""

    SIGNED = auto()
    """The session itself, as in Flask's own cookie."""
    ID = auto()
    """An id of a record, as with Flask-Session."""


class Rule(NamedTuple):
    """A change that turns a claim, if the finding and the token are of its sort."""

    change: str
    claim: str
    shown_by: str = ""
    """A pattern in the figure and the explanation; COOKIE is the name of the session's cookie."""
    kind: Kind | None = None
    """`None` for any token."""


HTTPONLY = "SESSION_COOKIE_HTTPONLY = True"
KEY = "SECRET_KEY = a long random value"
REGENERATE = "app.session_interface.regenerate(session) in the login"

SETTINGS = (
    Rule(HTTPONLY, "hidden_from_script"),
    Rule(HTTPONLY, "cookie_flags", r"\bCOOKIE lacks [^;]*HttpOnly"),
    Rule("SESSION_COOKIE_SECURE = True", "cookie_flags", r"\bCOOKIE lacks [^;]*Secure"),
    Rule('SESSION_COOKIE_SAMESITE = "Lax"', "cookie_flags", r"\bCOOKIE lacks [^;]*SameSite"),
    Rule("REMEMBER_COOKIE_SECURE = True", "cookie_flags", r"\bremember_token lacks [^;]*Secure"),
    Rule(
        'REMEMBER_COOKIE_SAMESITE = "Lax"', "cookie_flags", r"\bremember_token lacks [^;]*SameSite"
    ),
    Rule("SESSION_PERMANENT = False", "ends_with_browser", "^Expires in", Kind.ID),
    Rule(
        "no session.permanent = True in the login", "ends_with_browser", "^Expires in", Kind.SIGNED
    ),
    Rule(KEY, "tamper_proof", "signed with"),
    Rule(
        "SECRET_KEY from the configuration, the same at each start",
        "survives_restart",
        kind=Kind.SIGNED,
    ),
    Rule(REGENERATE, "regenerated_at_login", "^the same token", Kind.ID),
    Rule(REGENERATE, "fixation", kind=Kind.ID),
)
"""Settings of Flask, Flask-Session and Flask-Login, and lines of the application's own code."""

OTHERS = (
    Rule(
        "Flask-Session deletes its cookie without its flags, whatever is set: use one of Session "
        "Lab's backends with the settings above",
        "cookie_flags",
        r"^(?!.*\bCOOKIE lacks [^;]*HttpOnly).*\bCOOKIE \(deleted\) lacks [^;]*HttpOnly",
        Kind.ID,
    ),
    Rule(
        "Another cookie of the application lacks flags: give them where it is set",
        "cookie_flags",
        r"; (?!COOKIE\b|remember_token\b)[\w.-]+ lacks",
    ),
    Rule(
        "Another cookie is deleted without its flags, as Flask-Login's remember_token is whatever "
        "is set: delete it with them after the logout",
        "cookie_flags",
        r"; (?!COOKIE\b)[\w.-]+ \(deleted\) lacks",
    ),
    Rule(
        "Another cookie keeps people logged in, such as Flask-Login's remember_token: log in "
        "without “remember me”",
        "ends_with_browser",
        "^no Expires",
    ),
    Rule(
        "A page breaks on a strange cookie, or repeats it: the evidence shows which",
        "hostile_tokens",
    ),
)
"""What no setting and no change of the backend alone would turn."""

DECIDED_BY_CODE = (
    *("hidden_from_script", "cookie_flags", "ends_with_browser", "survives_restart"),
    "hostile_tokens",
)
"""Claims that the settings and the pages of an application decide, whatever its backend is."""

DECIDED_BY_LOGIN = ("regenerated_at_login", "fixation")
"""Claims that a backend turns only if the login calls session.clear() first."""


def find_remedies(report: Report, subject: str, cookie: str, kept: Report) -> Remedies:
    """The changes for the claims that fail on the subject; `kept` tells what the backends do."""
    results = [each for each in report.results if each.subject == subject]
    failing = [each for each in results if each.verdict is Verdict.FAILS]
    kind = _find_kind(results, cookie)
    settings = [each for each in SETTINGS if _applies(each, failing, cookie, kind)]
    others = [each for each in OTHERS if _applies(each, failing, cookie, kind)]
    count = Counter(each.claim for each in (*settings, *others))
    by_key = {each.claim for each in settings if each.change == KEY}
    backends = _find_backends([each for each in failing if each.claim not in by_key], kept)
    named = {claim for each in backends for claim in (*each.turns, *each.helps)}
    left = [each.claim for each in failing if each.claim not in named and not count[each.claim]]
    rest = [Remedy("No setting and no backend is known to turn these", [], left)] if left else []
    return Remedies(len(failing), _join(settings, count), backends, _join(others, count) + rest)


def _find_kind(results: Iterable[Result], cookie: str) -> Kind:
    """The evidence shows the beginning of a token: that of JSON in Base64, compressed or not."""
    signed = (f"{cookie}=eyJ", f"{cookie}=.eJ")
    headers = (
        value
        for result in results
        for exchange in result.evidence.exchanges
        for _, value in exchange.response_headers
    )
    return Kind.SIGNED if any(value.startswith(signed) for value in headers) else Kind.ID


def _applies(rule: Rule, failing: Sequence[Result], cookie: str, kind: Kind) -> bool:
    pattern = rule.shown_by.replace("COOKIE", re.escape(cookie))
    return rule.kind in (None, kind) and any(
        result.claim == rule.claim and re.search(pattern, f"{result.figure}. {result.because}")
        for result in failing
    )


def _join(rules: Sequence[Rule], count: Mapping[str, int]) -> list[Remedy]:
    """One change for each setting. A claim that several changes name needs all of them."""
    joined: dict[str, Remedy] = {}
    for rule in rules:
        remedy = joined.setdefault(rule.change, Remedy(rule.change, [], []))
        (remedy.turns if count[rule.claim] == 1 else remedy.helps).append(rule.claim)
    return list(joined.values())


def _find_backends(failing: Sequence[Result], kept: Report) -> list[Remedy]:
    """Our own backends on which these claims hold; those that turn the same ones are one."""
    claims = [each.claim for each in failing if each.claim not in DECIDED_BY_CODE]

    def find_held(backend: str) -> tuple[str, ...]:
        return tuple(claim for claim in claims if kept.verdict(claim, backend) is Verdict.HOLDS)

    ours = [each.name for each in BUILT_IN.values() if not each.stock]
    groups = group_by(ours, find_held)
    return [
        Remedy(
            f"SESSION_BACKEND={_join_choices(names)}",
            [claim for claim in held if claim not in DECIDED_BY_LOGIN],
            [claim for claim in held if claim in DECIDED_BY_LOGIN],
        )
        for held, names in sorted(groups.items(), key=lambda group: -len(group[0]))
        if held
    ]


def _join_choices(names: Sequence[str]) -> str:
    """`redis`, `sqlite or redis`, `filesystem, sqlite or redis`."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


class RemedyText(NamedTuple):
    """One change of a foreign application."""

    what: str
    effects: list[tuple[str, list[str]]]
    """What it does, and to which claims."""

    @property
    def text(self) -> str:
        return "; ".join(f"{does}: {', '.join(claims)}" for does, claims in self.effects)


def describe_remedies(remedies: Remedies | None) -> dict[str, list[RemedyText]]:
    """The changes for a reader, by the title of their kind; no kind without one."""
    if remedies is None:
        return {}
    kinds = (
        ("What to change, setting by setting", "with the others that name it", remedies.settings),
        (
            "Which backend of Session Lab would turn which verdict",
            "if the login calls session.clear() first",
            remedies.backends,
        ),
        ("What else to do", "for", remedies.others),
    )
    return {
        title: [
            RemedyText(each.what, _list_effects(each, helps, remedies.failing)) for each in found
        ]
        for title, helps, found in kinds
        if found
    }


def _list_effects(remedy: Remedy, helps: str, failing: int) -> list[tuple[str, list[str]]]:
    effects = ((f"turns {len(remedy.turns)} of {failing}", remedy.turns), (helps, remedy.helps))
    return [(does, claims) for does, claims in effects if claims]
