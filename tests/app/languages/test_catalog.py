"""The catalogs: each text of the sources is in them, and is translated."""

import re
import tomllib
from io import BytesIO

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from app.languages.language import LANGUAGES
from tests.support.processes import PROJECT

FOLDERS = sorted(PROJECT.glob("app/languages/translations/*/LC_MESSAGES"))
ELEMENT = re.compile(r"</?\w+[^>]*>")
VALUE = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def catalogs() -> dict[str, Catalog]:
    return {
        folder.parent.name: read_po(BytesIO((folder / "messages.po").read_bytes()))
        for folder in FOLDERS
    }


@pytest.fixture(scope="module")
def messages(catalogs: dict[str, Catalog]) -> list[Message]:
    return [message for catalog in catalogs.values() for message in catalog if message.id]


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """The one text, or those for one and for many."""
    return [text] if isinstance(text, str) else list(text or ())


def extracted() -> set[str]:
    """What `make languages` extracts, by the same settings."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    found = extract_from_dir(
        PROJECT / "app",
        [(each["pattern"], each["method"]) for each in settings],
        {each["pattern"]: each for each in settings},
        {**DEFAULT_KEYWORDS, "lazy_gettext": None},
    )
    return {forms(message)[0] for _, _, message, _, _ in found}


def test_there_is_one_for_each_language_but_the_first() -> None:
    assert [folder.parent.name for folder in FOLDERS] == sorted(LANGUAGES[1:])


def test_each_has_every_text_of_the_sources_and_no_other(catalogs: dict[str, Catalog]) -> None:
    texts = extracted()
    assert len(texts) > 300
    for catalog in catalogs.values():
        assert {forms(message.id)[0] for message in catalog if message.id} == texts
        assert not catalog.obsolete


def test_every_text_is_translated_for_certain(messages: list[Message]) -> None:
    for message in messages:
        assert forms(message.string), message.id
        assert all(forms(message.string)), message.id
        assert not message.fuzzy, message.id


def test_values_and_elements_are_those_of_the_text(messages: list[Message]) -> None:
    for message in messages:
        for text, translated in zip(forms(message.id), forms(message.string), strict=True):
            for pattern in (VALUE, ELEMENT):
                assert sorted(pattern.findall(translated)) == sorted(pattern.findall(text)), text


def test_the_compiled_ones_are_what_the_texts_compile_to() -> None:
    for folder in FOLDERS:
        compiled = BytesIO()
        write_mo(compiled, read_po(BytesIO((folder / "messages.po").read_bytes())))
        assert (folder / "messages.mo").read_bytes() == compiled.getvalue(), "run make languages"


def test_quotation_marks_are_those_of_the_language(messages: list[Message]) -> None:
    for message in messages:
        for translated in forms(message.string):
            assert not set(ELEMENT.sub("", translated)) & set("“”’") or "„" in translated, (
                translated
            )
            assert translated.count("„") == translated.count("“"), translated
