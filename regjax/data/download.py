"""Files from the network: bounded in tries, time and bytes, and under their name only when verified."""

import contextlib
import hashlib
import os
import queue
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from regjax.data.idx_sets import IdxFile

# Name lookup knows no time limit, so all servers are first asked for a sign of life, together.
PATIENCE_SECONDS = 1.2
# Of each connection, and of each silence in a transfer.
TIMEOUT_SECONDS = 10.0
# Bytes of the file a second; a transfer that is slower, after two such times, is given up.
SLOWEST = 5_000
# Tries per mirror; the pause before each further one doubles.
TRIES = 3
BACKOFF_SECONDS = 1.0
MAX_REDIRECTS = 5
BYTES_AT_ONCE = 1 << 16
# Beside those from 500 on: the server timed out, or asks for a pause.
PASSING = (408, 429)


class DownloadError(Exception):
    """No mirror delivers a file; the message has a line for each, with the reason."""


class _MirrorError(Exception):
    """Why a mirror does not deliver, beginning with the address."""


class _PassingError(_MirrorError):
    """A failure that another try may not meet."""


class _Session(requests.Session):
    """Leaves the bodies of redirects unread: requests would take them in whole, however long they are."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = MAX_REDIRECTS

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            resp.close()
        return target


def download(files: Sequence[IdxFile], mirrors: Sequence[str], folder: Path) -> None:
    """Write each file into `folder`, from the first of the mirrors that delivers it; says so on stderr.

    Mirrors are URLs that end in a slash. One that fails is not asked again; where none is left, raises
    `DownloadError`: after PATIENCE_SECONDS where no server answers at all, after TRIES times TIMEOUT_SECONDS
    and the pauses for each that falls silent later. A try takes 2 * TIMEOUT_SECONDS and the time of the file
    at SLOWEST at most, whatever a server does. One process at a time may download into a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for remnant in folder.glob(".*.part"):  # of a process that was killed
        remnant.unlink()
    silent = unreachable([mirror + files[0].name for mirror in mirrors])
    reasons = list(silent.values())
    left = [mirror for mirror in mirrors if mirror + files[0].name not in silent]
    if left:
        megabytes = sum(file.size for file in files) / 1e6
        print(f"downloading {megabytes:.1f} MB from {left[0]} to {folder}", file=sys.stderr, flush=True)
    for file in files:
        while True:
            if not left:
                raise DownloadError("\n".join(reasons))
            try:
                _from_mirror(left[0] + file.name, file, folder)
                break
            except _MirrorError as error:
                reasons.append(str(error))
                del left[0]


def unreachable(urls: Sequence[str]) -> dict[str, str]:
    """Of these URLs, those whose server gives no answer, each with the reason; an error is an answer.

    All are asked at once, for PATIENCE_SECONDS.
    """
    reasons: dict[str, str | None] = {
        url: f"{url} gave no answer in {PATIENCE_SECONDS:g} seconds" for url in urls
    }

    def ask(url: str) -> None:
        try:
            requests.head(url, allow_redirects=False, timeout=PATIENCE_SECONDS)
        except requests.RequestException as error:
            reasons[url] = f"{url} cannot be reached ({type(error).__name__})"
        else:
            reasons[url] = None

    # Daemons: a lookup that hangs must not hold up the end of the program.
    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    until = time.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return {url: reason for url, reason in list(reasons.items()) if reason is not None}


def _from_mirror(url: str, file: IdxFile, folder: Path) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            return _fetch(url, file, folder)
        except _PassingError as error:
            if attempt == TRIES:
                raise _MirrorError(f"{error}, {TRIES} times") from error
        time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))


def _fetch(url: str, file: IdxFile, folder: Path) -> None:
    """One try; the file has a temporary name until its size and hash are right."""
    temporary = folder / f".{file.name}.{uuid.uuid4().hex}.part"
    digest = hashlib.sha256()
    try:
        with temporary.open("xb") as target:
            for part in _in_time(url, file.size):
                digest.update(part)
                target.write(part)
        if digest.hexdigest() != file.sha256:
            raise _MirrorError(
                f"{url} delivers another file: expected SHA-256 {file.sha256}, found {digest.hexdigest()}"
            )
        os.replace(temporary, folder / file.name)
    finally:
        temporary.unlink(missing_ok=True)


def _in_time(url: str, size: int) -> Iterator[bytes]:
    """What a server sends, given up as soon as it is slower than SLOWEST, headers and redirects included.

    A socket's own time limit begins anew with each byte, so the connection is left to a thread. Where it is
    given up, it ends with the next part of the file, or with the connection: it is a daemon.
    """
    parts: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
    given_up = threading.Event()

    def receive() -> None:
        try:
            for part in _content(url, size):
                if given_up.is_set():
                    return
                parts.put(part)
            parts.put(None)
        except Exception as error:  # raised where the parts are taken
            parts.put(error)

    until = time.monotonic() + 2 * TIMEOUT_SECONDS  # a connection, and a silence
    threading.Thread(target=receive, daemon=True).start()
    try:
        while part := parts.get(timeout=max(0.0, until - time.monotonic())):
            if isinstance(part, Exception):
                raise part
            until += len(part) / SLOWEST
            yield part
    except queue.Empty:
        raise _PassingError(f"{url} sends fewer than {SLOWEST} bytes a second") from None
    finally:
        given_up.set()


def _content(url: str, size: int) -> Iterator[bytes]:
    """What a server sends, byte for byte, refused as soon as there is more of it than `size`."""
    received = 0
    with (
        _told(url),
        _Session() as session,
        session.get(
            url, stream=True, timeout=TIMEOUT_SECONDS, headers={"Accept-Encoding": "identity"}
        ) as answer,
    ):
        if answer.status_code != requests.codes.ok:
            status = answer.status_code
            kind = _PassingError if status >= 500 or status in PASSING else _MirrorError
            raise kind(f"{url} answers {status} {answer.reason}")
        # read1 gives what has arrived; read would wait for a whole part, however slowly its bytes come.
        while part := answer.raw.read1(BYTES_AT_ONCE, decode_content=False):
            received += len(part)
            if received > size:
                raise _MirrorError(f"{url} delivers another file: it is longer than {size} bytes")
            yield part


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """Failures of the connection, told apart by whether another try may help."""
    try:
        yield
    except requests.TooManyRedirects as error:
        raise _MirrorError(f"{url} redirects more than {MAX_REDIRECTS} times") from error
    except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
        raise _PassingError(f"{url} breaks off ({type(error).__name__})") from error
    except requests.RequestException as error:
        raise _MirrorError(f"{url} cannot be downloaded ({type(error).__name__})") from error
