"""What changes in an account, where it is kept, and which sessions it ends."""

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.exceptions import ServiceUnavailable

from app.accounts import database
from backends import ConfigurationError
from tests.app.conftest import MakeLab
from tests.support.covers import covers
from tests.support.visitor import Visitor


@pytest.fixture
def context(lab_app: Flask) -> Iterator[None]:
    with lab_app.test_request_context("/"):
        yield


def test_the_file_is_its_owners_alone_and_holds_no_password(
    context: None, accounts_file: Path
) -> None:
    """And is there from the start."""
    assert stat.S_IMODE(accounts_file.stat().st_mode) == 0o600
    database.change_password("alice", "through the looking-glass")
    assert b"looking" not in accounts_file.read_bytes()
    assert b"pbkdf2:sha256" in accounts_file.read_bytes()
    assert stat.S_IMODE(accounts_file.stat().st_mode) == 0o600


def test_enabling_does_not_bring_an_old_epoch_back(context: None, accounts_file: Path) -> None:
    for change in (database.disable, database.disable, database.enable):
        change("bob")
    bob = database.find_account("bob")
    assert bob is not None
    assert (bob.disabled, bob.epoch) == (False, 2)
    with closing(sqlite3.connect(accounts_file)) as file:  # what outlives the process
        rows = file.execute("SELECT name, disabled, epoch FROM account").fetchall()
    assert rows == [("bob", 0, 2)]


def test_an_unconfigured_account_does_not_exist(context: None) -> None:
    for name in ("", "mallory", "alice'--", "\0", "ä€😀"):
        assert database.find_account(name) is None
        assert database.authenticate(name, "wonderland") is None


def test_an_unreadable_file_lets_nobody_in(visitor: Visitor, accounts_file: Path) -> None:
    visitor.log_in()
    for damage in (b"this is no database", b"SQLite format 3\0" + b"\xff" * 4096):
        accounts_file.write_bytes(damage)
        for path in ("/dashboard", "/account"):
            response = visitor.get(path)
            assert response.status_code == 503
            assert "alice" not in response.text
        assert Visitor(visitor.app).log_in().status_code == 503


def test_a_file_of_a_version_with_an_email_column_is_still_used(
    context: None, accounts_file: Path
) -> None:
    with closing(sqlite3.connect(accounts_file)) as file, file:
        file.execute("DROP TABLE account")
        file.execute(
            "CREATE TABLE account (name TEXT PRIMARY KEY, password TEXT,"
            " email TEXT NOT NULL DEFAULT '', disabled INTEGER NOT NULL DEFAULT 0,"
            " epoch INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
        )
        file.execute("INSERT INTO account (name, email, disabled) VALUES ('bob', 'b@lab.test', 1)")
    bob = database.find_account("bob")
    assert bob is not None
    assert bob.disabled
    database.change_password("alice", "looking-glass")
    assert database.authenticate("alice", "looking-glass") is not None


def take_away(path: Path) -> None:
    path.rename(path.with_suffix(".elsewhere"))


def put_a_folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_suffix(".nowhere"))


@pytest.mark.parametrize(
    "spoil", [take_away, Path.unlink, put_a_folder_there, empty, link_to_nothing]
)
@covers("7.4.2")
def test_a_file_that_disappears_brings_no_older_rights_back(
    visitor: Visitor,
    accounts_file: Path,
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = visitor.app
    with app.test_request_context("/"):
        database.disable("bob")
        database.change_password("alice", "looking-glass")
    spoil(accounts_file)
    for name, password in (("bob", "builder"), ("alice", "wonderland"), ("alice", "looking-glass")):
        assert Visitor(app).log_in(name, password).status_code == 503
    with app.test_request_context("/"), pytest.raises(ServiceUnavailable):
        database.enable("bob")
    found = [Visitor(app).get(path).status_code for path in ("/articles", "/healthz", "/readyz")]
    assert found == [200, 200, 503]
    assert "Put the file back" in caplog.text
    assert not accounts_file.is_file() or accounts_file.stat().st_size == 0


@pytest.mark.parametrize("replace", [shutil.copyfile, Path.rename])
@covers("7.4.2")
def test_an_older_copy_of_the_file_brings_no_older_rights_back(
    visitor: Visitor, accounts_file: Path, replace: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    app, copy = visitor.app, tmp_path / "copy"
    shutil.copyfile(accounts_file, copy)
    with app.test_request_context("/"):
        database.disable("bob")
    replace(copy, accounts_file)
    for name in ("alice", "bob"):
        assert Visitor(app).log_in(name).status_code == 503


@covers("7.4.2")
def test_another_process_too_takes_no_older_copy(
    make_lab: MakeLab, accounts_file: Path, tmp_path: Path
) -> None:
    one, other, copy = make_lab(), make_lab(), tmp_path / "copy"
    shutil.copyfile(accounts_file, copy)
    for app in (one, other, one):  # what another changed is known at once
        with app.test_request_context("/"):
            database.disable("bob")
            database.enable("bob")
    assert Visitor(other).log_in("bob").status_code == 302
    copy.rename(accounts_file)
    assert Visitor(other).log_in("bob").status_code == 503


def test_a_file_that_comes_back_is_used_again(visitor: Visitor, accounts_file: Path) -> None:
    with visitor.app.test_request_context("/"):
        database.disable("bob")
    take_away(accounts_file)
    assert Visitor(visitor.app).log_in("bob").status_code == 503
    accounts_file.with_suffix(".elsewhere").rename(accounts_file)
    assert Visitor(visitor.app).log_in("bob").status_code == 403
    assert Visitor(visitor.app).log_in("alice").status_code == 302


def test_where_no_file_can_be_made_the_accounts_are_the_configured_ones(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    (tmp_path / "in the way").touch()
    app = make_lab(ACCOUNTS_FILE=tmp_path / "in the way" / "accounts.sqlite3")
    assert Visitor(app).log_in().status_code == 302
    with (
        app.test_request_context("/"),
        pytest.raises(ServiceUnavailable, match="Nothing was changed"),
    ):
        database.disable("bob")


def test_no_start_takes_older_rights_for_a_file_that_cannot_be_read(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.sqlite3"
    file.write_bytes(b"this is no database")
    for backend in (None, "cookie"):
        for path in (file, tmp_path):
            with pytest.raises(ConfigurationError, match=r"^ACCOUNTS_FILE: .* cannot be used"):
                make_lab(backend, ACCOUNTS_FILE=path)
    assert file.read_bytes() == b"this is no database"
