"""A request as it arrives: when it is all there, and what to answer before that."""

import re

MAX_ARRIVING_BYTES = 2 * 1024 * 1024
"""Of a request whose end is waited for: more than any that the application takes."""

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d*)[ \t]*\r\n")
"""In a head in small letters, as gunicorn takes it: any number of zeros may stand before it."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LENGTH_REQUIRED = b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ArrivingRequest:
    """The bytes of a request as they come, and whether they are all there."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._end: int | None = None
        """Where it ends, once its head is there."""
        self.is_cut = False
        """Whether nobody waits for its body."""

    def add(self, data: bytes) -> bytes | None:
        """Take more bytes. Returns what to answer at once, if the client waits for that."""
        looked_at = max(0, len(self.data) - 3)
        self.data += data
        if self._end is not None:
            return None
        end = self.data.find(b"\r\n\r\n", looked_at)
        return None if end < 0 else self._read_head(end)

    @property
    def is_whole(self) -> bool:
        """Whether head and body are there, or nobody will read the body."""
        return self._end is not None and len(self.data) >= self._end

    @property
    def is_too_large(self) -> bool:
        return not self.is_whole and len(self.data) > MAX_ARRIVING_BYTES

    def _read_head(self, end: int) -> bytes | None:
        head = bytes(self.data[: end + 2]).lower()
        length = _LENGTH.search(head)
        body = int(length[1][:19] or b"0") if length else 0
        # A larger body is refused by the application, which does not read it.
        self.is_cut = body > MAX_ARRIVING_BYTES
        self._end = end + 4 + (0 if self.is_cut else body)
        if b"\r\ntransfer-encoding:" in head:
            return LENGTH_REQUIRED  # nobody could say when it is all there
        return CONTINUE if b"\r\nexpect: 100-continue" in head and not self.is_whole else None
