"""What the laboratory's commands share: one line for an error, a quiet end, a written report."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

import click
from rich.console import Console

from app.lab.claim import Skipped
from app.lab.measuring import write_whole
from app.lab.reports.report import ExitStatus
from app.lab.reports.terminal import open_console
from backends import ConfigurationError

ENDINGS = {".json": "json", ".md": "markdown", ".html": "html"}

STREAM_FOLDERS = ("/dev", "/dev/fd")
"""Only the system makes links there; everybody may in `/dev/shm`."""

IN_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
"""How it fails to put a file in the place of one that may be written, as of one that is mounted."""

Found = TypeVar("Found")

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class CannotRun(click.ClickException):
    """An error on one line. Its exit status is not 1, which means a surprise."""

    exit_code = ExitStatus.ERROR


def choose_form(form: str | None, output: Path | None) -> str:
    """The given form, or that of the file's ending, or a table."""
    return form or (ENDINGS.get(output.suffix, "table") if output else "table")


def check_writable(output: Path | None) -> None:
    """Raise `CannotRun` before the run, not after it."""
    if output is None:
        return
    with errors_on_one_line(str(output)):
        if output.is_symlink() and not _is_stream(output):
            raise CannotRun(f"{output} is a link, and a report would overwrite what it leads to.")
        if not os.access(output if output.exists() else output.parent, os.W_OK):
            raise CannotRun(f"{output} cannot be written.")


def _is_stream(output: Path) -> bool:
    return str(output.parent) in STREAM_FOLDERS


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags if _is_stream(Path(path)) else flags | os.O_NOFOLLOW, 0o666)


@contextmanager
def errors_on_one_line(destination: str | None = None) -> Iterator[None]:
    """Raise `CannotRun`; its message names the destination if it cannot be written."""
    try:
        yield
        sys.stdout.flush()
    except (ConfigurationError, Skipped) as error:
        raise CannotRun(str(error)) from error
    except BrokenPipeError:
        _discard_output()
        sys.exit(128 + signal.SIGPIPE)  # as a program whose reader has gone: `| head -1`
    except OSError as error:
        _discard_output()
        if destination is None:
            raise CannotRun(f"The run was broken off: {error}.") from error
        raise CannotRun(f"{destination} cannot be written: {error.strerror}.") from error


def _discard_output() -> None:
    """Redirect broken streams to /dev/null, so that the flush at exit does not raise."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """End the run's processes at Ctrl-C, SIGTERM and SIGHUP."""
    previous = {
        number: signal.signal(number, _exit)
        for number in END_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup does
    }
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(128 + signal.SIGINT)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit, and ignore further signals meanwhile, so that every process is ended."""
    for each in END_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def write_report(
    found: Found,
    formats: Mapping[str, Callable[[Found], str]],
    print_table: Callable[[Found, Console], None],
    form: str,
    output: Path | None,
) -> None:
    """Write it into the file, or to standard output: in one of the formats, or as its table."""
    if form in formats:
        write(formats[form](found), output)
    elif output is None:
        print_table(found, open_console(sys.stdout))
    else:
        print_table(found, open_console(table := StringIO()))
        write(table.getvalue(), output)


def write(text: str, output: Path | None) -> None:
    """Write into the file, or to standard output."""
    if output is None:
        click.echo(text.encode(), nl=False)
    else:
        _write_file(text, output)
        click.echo(f"Written: {output}", err=True)


def _write_file(text: str, output: Path) -> None:
    try:
        if not _is_stream(output) and not output.is_fifo():
            write_whole(output, text)
            return
    except OSError as error:
        if error.errno not in IN_PLACE:
            raise
    with open(output, "w", encoding="utf-8", opener=_open_no_link) as file:
        file.write(text)
