"""Templates, compiled once a process: each application compiles its own in Jinja."""

from types import CodeType

from jinja2.bccache import Bucket, BytecodeCache


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
