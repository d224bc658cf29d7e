"""Templates and URL rules, compiled once a process: each application would compile its own."""

from collections.abc import Callable
from types import CodeType
from typing import ClassVar

from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class CompiledTemplates(BytecodeCache):
    """Keeps what was compiled in this process, for all applications side by side.

    For applications of one class, whose templates compile alike. A changed template replaces its
    old code.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the bucket the code of this very source, if it was compiled before."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of the bucket."""
        self._kept[bucket.key] = (bucket.checksum, bucket.code)


class CompiledRule(Rule):
    """A URL rule whose equals in other applications build addresses by the same code.

    Werkzeug compiles two functions for each rule, which was most of an application's start.
    """

    _kept: ClassVar[dict[tuple[object, ...], Builder]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        defaults = self.defaults or {}
        if any((True, name) in self._trace for name in defaults):  # their values are in the code
            return super()._compile_builder(append_unknown)
        key = (*self._trace, *defaults, append_unknown)
        if key not in self._kept:
            self._kept[key] = super()._compile_builder(append_unknown)
        return self._kept[key]
