"""Templates and URL rules are compiled once a process, and again when they have changed."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for
from jinja2 import Environment, FileSystemLoader
from werkzeug.routing import Rule

from app.web.compiled import CompiledRule, CompiledTemplates
from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor


def test_the_applications_of_a_process_share_their_templates(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_lab("cookie"), make_lab("filesystem")
    assert first.test_client().get("/login").status_code == 200
    compiled: list[str] = []
    compile_template = Environment.compile

    def count(environment: Environment, source: Any, name: Any = None, *more: Any) -> Any:
        compiled.append(name)
        return compile_template(environment, source, name, *more)

    monkeypatch.setattr(Environment, "compile", count)
    assert second.test_client().get("/login").status_code == 200
    assert second.test_client().get("/user/zoe").status_code == 200
    assert "login.html" not in compiled
    assert "base.html" not in compiled


def test_a_backend_alone_with_the_laboratory_has_all_its_pages(make_lab: MakeLab) -> None:
    """Both fill one environment of templates: a filter of one must not hide the other's."""
    visitor = Visitor(make_lab("filesystem", LAB=True)).logged_in()
    for path in ("dashboard", "sessions", "account", "admin?user=alice", "lab", "lab/cost"):
        assert visitor.get(f"/{path}").status_code == 200, path


def test_a_changed_template_is_compiled_again(tmp_path: Path) -> None:
    templates = CompiledTemplates()
    for text in ("before", "after", "after", "before"):
        (tmp_path / "page.html").write_text(text)
        fresh = Environment(loader=FileSystemLoader(tmp_path), bytecode_cache=templates)  # noqa: S701  # no markup
        assert fresh.get_template("page.html").render() == text


def test_the_applications_of_a_process_share_their_rules(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_lab("filesystem")
    compiled: list[str] = []
    compile_rule = Rule._compile_builder

    def count(rule: Rule, *arguments: Any) -> Any:
        compiled.append(rule.rule)
        return compile_rule(rule, *arguments)

    monkeypatch.setattr(Rule, "_compile_builder", count)
    make_lab("redis")
    assert compiled == []


RESEMBLING: list[tuple[list[str], dict[str, Any], str]] = [
    (["/user/<name>", "/user/<int:name>"], {"name": 7}, "/user/7"),
    (["/user/<int:name>", "/user/<name>"], {"name": "a b"}, "/user/a%20b"),
    (["/user/<name>", "/user/<name>/"], {"name": "zoe", "page": 2}, "/user/zoe/?page=2"),
    (["/<name>", "/<path:name>"], {"name": "a/b"}, "/a/b"),
]


def build(rule: str, defaults: dict[str, str], **values: Any) -> str:
    """The address that an application with that rule alone makes of the values."""
    app = Flask("own")
    app.url_rule_class = CompiledRule
    app.add_url_rule(rule, "page", lambda **_: "", defaults=defaults)
    with app.test_request_context():
        return url_for("page", **values)


def test_rules_that_resemble_each_other_build_their_own_addresses() -> None:
    for (before, rule), values, address in RESEMBLING:
        build(before, {}, **{**values, "name": 1})
        assert build(rule, {}, **values) == address


def test_defaults_are_of_their_own_rule() -> None:
    for default in ("first", "second"):
        assert build("/page/<part>", {"part": default}) == f"/page/{default}"
    for own in ({}, {"part": "two"}, {"other": "one"}):
        build("/all", own)
    assert build("/all", {"part": "one"}, part="one") == "/all"
    assert build("/all", {}, part="one") == "/all?part=one"
