"""Change a token in every way that needs no key, and count what still logs in.

Some common keys are guessed too, and used as Flask signs; other kinds of signatures are not tried.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha1, sha256, sha512

from itsdangerous import Signer

from app.lab.claim import Claim, Finding, Statement
from app.lab.measuring import decode_part
from app.lab.subject.site import Site

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""The digits of base64 for URLs, in their order."""

GUESSED_KEYS = ("", "dev", "secret", "SECRET_KEY")


def experiment(site: Site) -> Finding:
    token, other = site.log_in_visitor().token, site.log_in_visitor().token
    if not site.logs_in_with(token):
        raise RuntimeError("the token as it was given does not log in")
    forged = dict(_make_forgeries(token, other))
    with site.recorder.deciding():
        accepted = [how for token, how in forged.items() if site.logs_in_with(token, "The forger")]
    kinds = ", ".join(dict.fromkeys(accepted))
    return Finding(
        not accepted,
        f"{len(forged)} forgeries tried, {len(accepted)} accepted",
        f"A token was changed in {len(forged)} ways, each character of it in turn among them; "
        f"{len(accepted)} of the results logged somebody in{f': {kinds}' if kinds else ''}.",
    )


def _make_forgeries(token: str, other: str) -> Iterator[tuple[str, str]]:
    """Forgeries from two tokens of the same user, each with a description.

    If a guessed key gives the original token, it is the application's key.
    """
    mixed = (token + "A", "A" + token, token.swapcase(), token + "." + token)
    for how, forgeries in (
        ("with one character changed", _change_each_character(token)),
        ("cut off", _cut_token(token)),
        ("with something added, or in the other case", mixed),
        ("with a part of another token", _mix_parts(token, other)),
    ):
        yield from ((forgery, how) for forgery in forgeries if forgery not in (token, other))
    yield from _sign_with_guessed_keys(token)


def _change_each_character(token: str) -> Iterator[str]:
    """Flip the highest bit of each digit: the lowest bits of the last one may be unused."""
    for position, character in enumerate(token):
        changed = ALPHABET[ALPHABET.index(character) ^ 32] if character in ALPHABET else "A"
        yield token[:position] + changed + token[position + 1 :]


def _cut_token(token: str) -> Iterator[str]:
    yield from (token[:-1], token[1:], token[: len(token) // 2])
    parts = token.split(".")
    for number in range(1, len(parts)):
        yield ".".join(parts[:number])
        yield ".".join(parts[:number]) + "."
        yield ".".join(parts[number:])
        yield "." + ".".join(parts[number:])


def _mix_parts(token: str, other: str) -> Iterator[str]:
    mine, theirs = token.split("."), other.split(".")
    for number in range(len(mine) if len(mine) == len(theirs) > 1 else 0):
        if mine[number] != theirs[number]:
            yield ".".join([*mine[:number], theirs[number], *mine[number + 1 :]])


def _sign_with_guessed_keys(token: str) -> Iterator[tuple[str, str]]:
    signed = token.rpartition(".")[0] or token
    for payload in (signed, _change_name(signed)):
        for key in GUESSED_KEYS:
            how = (
                f"signed with the secret key “{key}”" if key else "signed with an empty secret key"
            )
            for digest in (sha1, sha256, sha512):
                signer = Signer(key, salt="cookie-session", key_derivation="hmac")
                signer.digest_method = digest
                yield signer.sign(payload).decode(), how


def _change_name(signed: str) -> str:
    data, dot, rest = signed.removeprefix(".").partition(".")
    changed = decode_part(data).replace(b'"alice"', b'"bob"')
    return urlsafe_b64encode(changed).decode().rstrip("=") + dot + rest


CLAIM = Claim(
    sentence="A cookie that somebody changed is not accepted.",
    believed="Users can edit their cookies, so a session must not believe them. A signature, or "
    "an id that nobody can guess, is what keeps them from becoming somebody else.",
    meaning="Where it fails, visitors write their own session: another user’s name, another "
    "role, another price.",
    experiment=experiment,
    statements=(
        Statement(198, "Security: … More secure", place=2),
        Statement(224, "Implement secure user authentication"),
    ),
    try_it=(
        "Log in, and open devtools (F12), Application → Cookies.",
        "Double-click the session cookie’s value, change one letter, and press Enter.",
        "Reload the dashboard. Are you still in?",
    ),
    over_http=True,
)
