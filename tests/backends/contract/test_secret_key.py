"""An application without a secret key, and one that changes it."""

from typing import Any

import pytest
from flask import flash, get_flashed_messages, session

from backends import StoreInterface
from tests.backends.contract.stage import Act, MakeApp, Stage
from tests.backends.places import CLASSES, only_on
from tests.conftest import SECRET
from tests.support.cases import case
from tests.support.covers import covers

READS: dict[str, tuple[Act, object]] = {
    "get": (lambda: session.get("a"), None),
    "in": (lambda: "a" in session, False),
    "dict": (lambda: dict(session), {}),
    "len": (lambda: len(session), 0),
    "permanent": (lambda: session.permanent, False),
    "flashes": (lambda: get_flashed_messages(), []),
}

WRITES: dict[str, Act] = {
    "update": lambda: session.update(a=1),
    "set": lambda: session.__setitem__("a", 1),
    "del": lambda: session.__delitem__("a"),
    "setdefault": lambda: session.setdefault("a", 1),
    "pop": lambda: session.pop("a", None),
    "popitem": lambda: session.popitem(),
    "clear": lambda: session.clear(),
    "permanent": lambda: setattr(session, "permanent", True),
    "flash": lambda: flash("hello"),
}


@only_on(CLASSES)
class TestWithoutASecretKey:
    @pytest.fixture
    def stage(self, make_app: MakeApp) -> Stage:
        return Stage(make_app(SECRET_KEY=None))

    def test_the_session_reads_as_empty(self, stage: Stage) -> None:
        for name, (read, expected) in READS.items():
            with case(name):
                response = stage.visit(read)
                assert (stage.result, response.status_code) == (expected, 200)

    def test_a_write_says_what_is_missing(self, stage: Stage) -> None:
        for name, write in WRITES.items():
            with case(name):
                with pytest.raises(RuntimeError, match="secret key was set") as caught:
                    stage.visit(write)
                assert "Set the secret_key on the application" in str(caught.value)

    def test_rotation_handle_and_record_have_nothing_to_do(self, stage: Stage) -> None:
        interface: Any = stage.app.session_interface
        assert stage.visit(lambda: interface.regenerate(session)).status_code == 200
        if isinstance(interface, StoreInterface):
            stage.visit(lambda: (interface.handle_of(session), interface.at_rest(session)))
            assert stage.result == (None, None)

    def test_a_key_that_comes_later_is_used(self, stage: Stage) -> None:
        stage.app.secret_key = SECRET
        stage.put(a=1)
        assert stage.held() == {"a": 1}


class TestKeyRotation:
    NEW = "fedcba9876543210" * 4

    @covers("13.3.4")
    def test_the_fallback_keys_keep_everybody_in(self, stage: Stage) -> None:
        stage.put(a=1)
        rotations: tuple[tuple[str | bytes, list[str | bytes]], ...] = (
            (self.NEW, [SECRET]),
            (self.NEW, [SECRET, "oldest" * 8]),
            (self.NEW.encode(), [SECRET.encode()]),
        )
        for new, fallbacks in rotations:
            with case((new, fallbacks)):
                stage.app.config.update(SECRET_KEY=new, SECRET_KEY_FALLBACKS=fallbacks)
                assert stage.held() == {"a": 1}

    @covers("7.4.5", "13.3.4")
    def test_without_the_old_key_nobody_is_in(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW)
        assert stage.held() == {}

    def test_a_session_in_use_soon_needs_only_the_new_key(self, stage: Stage) -> None:
        stage.put(a=1)
        stage.app.config.update(SECRET_KEY=self.NEW, SECRET_KEY_FALLBACKS=[SECRET])
        stage.put(b=2)
        stage.app.config.update(SECRET_KEY_FALLBACKS=[])
        assert stage.held() == {"a": 1, "b": 2}
