"""The session is the dict that Flask's own is, and has an id as Flask-Session's."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import pytest
from flask import session

from backends import Backend, Session, id_of
from tests.backends.contract.stage import Act, Stage, set_cookie
from tests.support.bare import make_plain
from tests.support.cases import case

Operation = Callable[[Any], Any]

OPERATIONS: dict[str, Operation] = {
    "getitem": lambda s: s["b"],
    "getitem-missing": lambda s: s["missing"],
    "get": lambda s: [s.get("b"), s.get("missing"), s.get("missing", 7)],
    "in": lambda s: ["b" in s, "missing" in s, 1 in s],
    "len": len,
    "bool": bool,
    "iter": list,
    "reversed": lambda s: list(reversed(s)),
    "keys": lambda s: list(s.keys()),
    "values": lambda s: list(s.values()),
    "items": lambda s: list(s.items()),
    "keys-as-a-set": lambda s: s.keys() & {"a", "missing"},
    "copy": lambda s: (type(s.copy()), s.copy()),
    "copied": lambda s: dict(copy.copy(s)),
    "deep-copied": lambda s: dict(copy.deepcopy(s)),
    "a-copy-is-its-own": lambda s: [copied.update(b=9) for copied in (s.copy(), copy.copy(s))],
    "a-deep-copy-is-its-own": lambda s: copy.deepcopy(s).update(b=9),
    "keyword-arguments": lambda s: dict(**s),
    "merged": lambda s: s | {"b": 9},
    "merged-in-place": lambda s: (s.__ior__({"b": 9}), None)[1],
    "merged-into": lambda s: {"b": 9} | s,
    "equal": lambda s: [s == dict(s), dict(s) == s, s == {"b": 1}, s != {}, s == 1],
    "hash": hash,
    "set": lambda s: s.__setitem__("d", 4),
    "set-the-same": lambda s: s.__setitem__("b", 1),
    "set-another-type": lambda s: s.__setitem__("b", True),
    "del": lambda s: s.__delitem__("b"),
    "del-missing": lambda s: s.__delitem__("missing"),
    "pop": lambda s: s.pop("b"),
    "pop-default": lambda s: s.pop("missing", 7),
    "pop-missing": lambda s: s.pop("missing"),
    "popitem": lambda s: s.popitem(),
    "popitem-to-the-end": lambda s: [s.popitem() for _ in range(3)],
    "popitem-too-often": lambda s: [s.popitem() for _ in range(4)],
    "popitem-after-set": lambda s: (s.update(ab=5), s.popitem()),
    "setdefault": lambda s: [s.setdefault("d", 4), s.setdefault("e")],
    "setdefault-present": lambda s: s.setdefault("b", 4),
    "update-by-name": lambda s: s.update(b=2, d=4),
    "update-from-a-dict": lambda s: s.update({"b": 2, "d": 4}),
    "update-from-pairs": lambda s: s.update([("b", 2), ("d", 4)]),
    "update-from-itself": lambda s: s.update((name, 2) for name in s),
    "update-with-nothing": lambda s: s.update(),
    "update-with-an-empty-dict": lambda s: s.update({}),
    "clear": lambda s: s.clear(),
    "clear-and-set": lambda s: (s.clear(), s.update(z=1)),
    "permanent": lambda s: setattr(s, "permanent", True),
    "not-permanent": lambda s: setattr(s, "permanent", False),
    "modified": lambda s: setattr(s, "modified", True),
    "grown-while-iterated": lambda s: [s.update({f"{name}2": 1}) for name in s],
    "set-while-iterated": lambda s: [s.update({name: 2}) for name in s],
}


class Told(NamedTuple):
    """What one request shows, in the view and outside."""

    result: Any
    content: dict[str, Any]
    modified: bool
    cookie: str
    vary: str | None
    later: list[tuple[str, Any]]
    """The session of the next request, in its order."""


def tell(stage: Stage, begin: dict[str, Any], operation: Operation) -> Told:
    def act() -> tuple[Any, dict[str, Any], bool]:
        try:
            result = operation(session)
        except (KeyError, TypeError, RuntimeError) as error:
            result = type(error)
        return result, cast(Session, session).copy(), session.modified

    stage.open_another_browser()
    stage.visit(lambda: session.update(begin))
    response = stage.visit(act)
    result, content, modified = stage.result
    header = set_cookie(response)
    cookie = "none" if header is None else "deleted" if "Max-Age=0" in header else "set"
    stage.visit(lambda: list(session.items()))
    return Told(result, content, modified, cookie, response.headers.get("Vary"), stage.result)


@pytest.mark.parametrize(
    "begin",
    # In no order, one of them longer than what Redis keeps in order.
    [{"b": 1, "c": "x" * 100, "a": (1, 2)}, {}],
    ids=["filled", "empty"],
)
def test_the_session_is_the_dict_that_flasks_own_session_is(
    stage: Stage, backend: Backend, begin: dict[str, Any]
) -> None:
    flask_stage = Stage(make_plain())
    for name, operation in OPERATIONS.items():
        with case(name):
            expected = tell(flask_stage, begin, operation)
            if backend.state == "server" and expected.content.keys() == {"_permanent"}:
                # As Flask-Session: whoever is only made permanent leaves no record.
                expected = expected._replace(cookie="none", later=[])
            assert tell(stage, begin, operation) == expected


def test_a_session_has_its_id_at_once_and_another_after_a_rotation(stage: Stage) -> None:
    """As Flask-Session has them."""
    interface: Any = stage.app.session_interface

    def sid(act: Act = lambda: None) -> Any:
        """The id that the session has in the view after `act`."""
        stage.visit(lambda: (act(), id_of(session)))
        return stage.result[1]

    def rotate() -> None:
        interface.regenerate(session)

    def rotate_before_a_login() -> None:
        rotate()
        session["user"] = "alice"

    assert set_cookie(stage.visit(rotate)) is None  # an empty session has none
    first = sid(lambda: session.update(a=1))
    assert isinstance(first, str)
    assert sid(lambda: session.update(a=2)) == sid() == first
    during = sid(rotate)
    assert during != first
    assert sid() == during
    sid(rotate_before_a_login)
    assert stage.held() == {"a": 2, "user": "alice"}
    assert sid() not in (first, during)
