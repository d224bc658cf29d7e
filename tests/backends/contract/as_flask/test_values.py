"""Keys, values and flashed messages: what is stored, and what is refused."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from functools import partial
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from flask import flash, render_template_string, session
from flask.json.provider import DefaultJSONProvider
from markupsafe import Markup

from backends import SessionTooLarge
from tests.backends.contract.stage import HOST, MakeApp, Stage, attributes, begin_anew
from tests.backends.places import A_STORE, CLASSES, only_on
from tests.support.cases import case
from tests.support.clock import SetClock


class IndentedJson(DefaultJSONProvider):
    def dumps(self, obj: Any, **options: Any) -> str:
        return super().dumps(obj, **{**options, "indent": 2})


class JsonOfBytes(DefaultJSONProvider):
    """As `orjson` and `msgspec` make it, with a line break at the end."""

    def dumps(self, obj: Any, **options: Any) -> Any:
        return f"{super().dumps(obj, **options)}\n".encode()


class ExactJson(DefaultJSONProvider):
    """One that has a form of its own for `Decimal`."""

    @staticmethod
    def default(o: Any) -> Any:
        return {"decimal": str(o)} if isinstance(o, Decimal) else DefaultJSONProvider.default(o)

    def loads(self, s: str | bytes, **options: Any) -> Any:
        def restore(found: dict[str, Any]) -> Any:
            return Decimal(found["decimal"]) if "decimal" in found else found

        return super().loads(s, object_hook=restore, **options)


VALUES: dict[str, Any] = {
    # The plain ones are those of tests/backends/test_serializer.py.
    "text": "Grüße, €, 日本, 😀",
    "control-characters": "\0\r\n\t\x1f\x7f\u2028",
    "lone-surrogate": "\ud800",
    "markup": Markup("<b>&amp;</b>"),
    "uuid": UUID("12345678-1234-5678-1234-567812345678"),
    "datetime-naive": datetime(2026, 2, 28, 23, 59, 59, 999999),
    "datetime-utc": datetime(2026, 2, 28, 23, 59, 59, 1, tzinfo=UTC),
    "datetime-offset": datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    "datetime-first": datetime.min,
    "datetime-last": datetime.max,
    "nested": {
        "list": [{" t": {" di": (1,)}, "tuple": (b"\xff", Markup("<i>"))}],
        "when": {"id": UUID(int=7), "naive": datetime(2026, 1, 2, 3, 4, 5, 6)},
    },
}

KEYS = [
    *("", " ", "a b", "a=b; c", "Grüße 😀", "\ud800", "\0", "\n", "~", "..", "../../x", "*", "%00"),
    *("@", "@@", "@id", "@created", "@expires", "@@created", " t", " di", "_x", "k" * 300),
]


class Key(str, Enum):  # noqa: UP042 - unlike a StrEnum, it is formatted as the member's name
    USER = "user"
    MARKED = "@user"


class StrKey(StrEnum):
    USER = "user"


class Text(str):
    """A subclass of text without a change."""


TEXT_KEYS = [Key.USER, Key.MARKED, StrKey.USER, Markup("user"), Text("user")]


@dataclass
class Point:
    x: int
    y: int


class Badge:
    def __html__(self) -> str:
        return "<b>badge</b>"


def add(values: dict[Any, Any]) -> None:
    session.update(values)


def remove(key: str) -> None:
    session.pop(key)


def find(key: str) -> tuple[bool, Any]:
    return key in session, session.get(key)


class TestValues:
    def test_a_value_comes_back_as_it_was(self, stage: Stage) -> None:
        for name, value in VALUES.items():
            with case(name):
                stage.open_another_browser()
                stage.put(value=value)
                for _ in range(2):
                    # It tells types apart that are equal: Markup and text, True and 1.
                    assert repr(stage.held()) == repr({"value": value})
                    stage.visit(lambda: session.update(dict(session)))

    def test_other_values_change_as_in_flask(self, stage: Stage) -> None:
        for value, stored in (
            ({1: "a", 10: "b"}, {"1": "a", "10": "b"}),
            (Decimal("1.10"), "1.10"),
            (date(2026, 1, 2), "Fri, 02 Jan 2026 00:00:00 GMT"),
            (Point(1, 2), {"x": 1, "y": 2}),
            (Badge(), Markup("<b>badge</b>")),
        ):
            with case(value):
                stage.put(value=value)
                assert repr(stage.held()["value"]) == repr(stored)

    def test_a_key_is_free_to_choose(self, stage: Stage) -> None:
        """One of a subclass of text is that text."""
        for key in (*KEYS, *TEXT_KEYS):
            with case((type(key), key)):
                text = str.__str__(key)
                stage.open_another_browser()
                stage.visit(partial(add, {key: "first"}))
                stage.visit(partial(find, key))
                assert stage.result == (True, "first")
                assert stage.held() == {text: "first"}
                stage.put(other=1)
                stage.visit(partial(add, {key: "second"}))
                assert stage.held() == {"other": 1, text: "second"}
                stage.visit(partial(remove, key))
                assert stage.held() == {"other": 1}

    def test_a_session_may_begin_with_many_keys(self, stage: Stage) -> None:
        many: dict[Any, Any] = {f"n{number}": number for number in range(60)}
        all_keys = dict.fromkeys(KEYS[:-1], "odd")
        for odd in ({}, all_keys, {"a\x1eb": 1, "a\x1fb": 2}, {1: "lost", "1": "kept"}):
            with case(odd):
                stage.open_another_browser()
                stage.visit(partial(add, {**odd, **many}))
                assert stage.held() == {str(key): value for key, value in {**odd, **many}.items()}
                stage.put(n7="changed")
                assert stage.held()["n7"] == "changed"

    def test_a_key_of_another_type_becomes_text_or_is_refused(self, stage: Stage) -> None:
        keys = {1: "1", 1.5: "1.5", None: "null"}
        stage.visit(partial(add, dict.fromkeys(keys, "x")))
        stage.visit(partial(add, {True: "y"}))
        held = {**dict.fromkeys(keys.values(), "x"), "true": "y"}
        assert stage.held() == held
        for key in ((1, 2), b"bytes"):
            with case(key), pytest.raises(TypeError):
                stage.visit(partial(add, {key: "x"}))
            assert stage.held() == held

    @pytest.mark.parametrize("name", ["@created", "@expires", "@id"])
    def test_a_key_named_as_our_own_fields_moves_no_limit(
        self, make_app: MakeApp, clock: SetClock, name: str
    ) -> None:
        stage = Stage(make_app(PERMANENT_SESSION_LIFETIME=60, SESSION_ABSOLUTE_LIFETIME=150))
        stage.put(**{name: 9e12})
        for _ in range(3):
            clock.forward(45)
            assert stage.held() == {name: 9e12}
        clock.forward(45)
        assert stage.held() == {}

        stage.put(**{name: 9e12})
        clock.forward(61)
        assert stage.held() == {}


class NotATime(datetime):
    """Like `pandas.NaT`, whose text no time can be read from."""

    def isoformat(self, *_: Any, **__: Any) -> str:
        return "NaT"


BAD_VALUES = (
    *(object(), {1, 2}, len, {"a": [(object(),)]}, {(1, 2): 3}, NotATime(2026, 1, 1)),
    *(10**5000, [10**5000]),  # Python makes no text of so many digits
)


def test_a_value_that_cannot_be_stored_is_named_and_changes_nothing(stage: Stage) -> None:
    for before in ({"a": 1}, {}):
        for bad in BAD_VALUES:
            for change in (add, lambda values: begin_anew(**values)):
                with case((before, bad)):
                    stage.open_another_browser()
                    stage.visit(partial(add, before))
                    with pytest.raises(TypeError, match=r"session\['bad'\]"):
                        stage.visit(partial(change, {"b": 2, "bad": bad, "c": 3}))
                    assert stage.held() == before


def test_flashes_add_up_and_the_last_one_takes_the_cookie_with_it(stage: Stage) -> None:
    for message in ("<script>", Markup("<em>")):
        stage.visit(partial(flash, message))
    template = "{% for text in get_flashed_messages() %}{{ text }}{% endfor %}"
    response = stage.visit(lambda: render_template_string(template))
    assert (response.text, attributes(response)["Max-Age"]) == ("&lt;script&gt;<em>", "0")


class TestSize:
    def test_a_session_over_the_limit_is_413_and_as_it_was(self, make_app: MakeApp) -> None:
        stage = Stage(make_app(SESSION_MAX_BYTES=2000, SESSION_OWNER="user"))
        stage.put(user="ada")
        assert stage.visit(lambda: session.update(blob=token_hex(750))).status_code == 200
        before = stage.held()
        assert stage.visit(lambda: session.update(more=token_hex(3000))).status_code == 413
        assert stage.held() == before
        assert stage.visit(lambda: session.update(user=token_hex(3000))).status_code == 413
        assert stage.held()["user"] == "ada"

    def test_17_mib_are_refused_by_default(self, stage: Stage) -> None:
        stage.put(user="ada")
        assert stage.put(blob="x" * 17 * 2**20).status_code == 413
        assert stage.held() == {"user": "ada"}

    @only_on(A_STORE)
    def test_the_limit_is_exact_however_many_keys_there_are(self, make_app: MakeApp) -> None:
        for count in (1, 100):
            for text in ("e", "€"):
                values = {f"n{number:03}": text for number in range(count)}
                size = count * len(f'n000"{text}"'.encode())
                with case((count, text)):
                    assert Stage(make_app(SESSION_MAX_BYTES=size)).put(**values).status_code == 200
                    tight = Stage(make_app(SESSION_MAX_BYTES=size - 1))
                    assert tight.put(**values).status_code == 413

    def test_a_session_transaction_raises(self, stage: Stage) -> None:
        with (
            pytest.raises(SessionTooLarge),
            stage.client.session_transaction(base_url=HOST) as opened,
        ):
            opened["blob"] = "x" * 5 * 2**20


@only_on(CLASSES)
def test_it_is_asked_whichever_application_is_the_current_one(make_app: MakeApp) -> None:
    app, values = make_app(), {"price": Decimal("1.5"), "prices": [Decimal(2)]}
    app.json = ExactJson(app)
    stage = Stage(app)
    stage.put(**values)
    with stage.client.session_transaction(base_url=HOST) as opened:
        assert dict(opened) == values

    def read_elsewhere() -> dict[str, Any]:
        with make_app().app_context():
            return dict(session)

    stage.visit(read_elsewhere)
    assert stage.result == values


@pytest.mark.parametrize("provider", [IndentedJson, JsonOfBytes, ExactJson])
def test_the_application_s_own_json_changes_no_value(
    make_app: MakeApp, provider: type[DefaultJSONProvider]
) -> None:
    app = make_app()
    app.json = provider(app)
    stage = Stage(app)
    values: dict[str, Any] = {"tuple": (1, (b"2",)), "list": [UUID(int=3)], "id": 4, "text": " t"}
    if provider is ExactJson:  # it restores what it wrote
        values |= {"price": Decimal("1.5"), "prices": [Decimal(2)], "other": {"a": 1}}
    for count in (1, 10):
        with case(count):
            many = {f"{name}{number}": values[name] for name in values for number in range(count)}
            stage.open_another_browser()
            stage.put(**many)
            assert stage.held() == many
            stage.put(tuple0=(5,))
            assert stage.held() == {**many, "tuple0": (5,)}
