"""Downloads files, with a limit of tries and bytes. A file gets its name only after its hash was right."""

import hashlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from regjax.data.idx_sets import IdxFile

# A name lookup has no time limit of its own. So regjax first asks all servers at once for any answer.
PATIENCE_SECONDS = 1.2
# `requests` gives up if a connection takes so long, or if a transfer is silent for so long.
TIMEOUT_SECONDS = 10.0
# Tries per mirror. The pause before the next try doubles each time.
TRIES = 3
BACKOFF_SECONDS = 1.0
MAX_REDIRECTS = 5
BYTES_AT_ONCE = 1 << 16


class DownloadError(Exception):
    """Why a file cannot be downloaded. Each line begins with the address that failed."""


def download(files: Sequence[IdxFile], mirrors: Sequence[str], folder: Path) -> None:
    """Write each file into `folder` from the first mirror that delivers it, and say so on stderr.

    Mirrors are URLs that end in a slash. If a mirror fails, `download` does not ask it for the other files.
    Raises `DownloadError` if no mirror is left. If no server answers at all, that takes PATIENCE_SECONDS.
    Only one process at a time may download into a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    silent = unreachable([mirror + files[0].name for mirror in mirrors])
    reasons = list(silent.values())
    left = [mirror for mirror in mirrors if mirror + files[0].name not in silent]
    if left:
        megabytes = sum(file.size for file in files) / 1e6
        print(f"downloading {megabytes:.1f} MB from {left[0]} to {folder}", file=sys.stderr, flush=True)
    for file in files:
        while left:
            try:
                _from_mirror(left[0] + file.name, file, folder)
                break
            except DownloadError as error:
                reasons.append(str(error))
                del left[0]
        else:
            raise DownloadError("\n".join(reasons))


def unreachable(urls: Sequence[str]) -> dict[str, str]:
    """The URLs that get no answer within PATIENCE_SECONDS, with reasons. An HTTP error is an answer."""
    reasons = {url: f"{url} gave no answer in {PATIENCE_SECONDS:g} seconds" for url in urls}

    def ask(url: str) -> None:
        try:
            requests.head(url, allow_redirects=False, timeout=PATIENCE_SECONDS)
            del reasons[url]
        except requests.RequestException as error:
            reasons[url] = f"{url} cannot be reached ({type(error).__name__})"

    # The threads are daemons: the program can end while a lookup still waits.
    threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in reasons]
    for thread in threads:
        thread.start()
    until = time.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return reasons.copy()


def _from_mirror(url: str, file: IdxFile, folder: Path) -> None:
    """Write one file, within TRIES tries. Raises `DownloadError` at once if another try is useless."""
    reason = ""
    for attempt in range(TRIES):
        if attempt > 0:
            time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
        try:
            with _session() as session, session.get(url, stream=True, timeout=TIMEOUT_SECONDS) as answer:
                if answer.status_code == requests.codes.ok:
                    return _save(answer, url, file, folder)
            reason = f"answers {answer.status_code} {answer.reason}"
            # Another try may succeed after a time-out (408), too many requests (429), or a server error.
            if answer.status_code < 500 and answer.status_code not in (408, 429):
                raise DownloadError(f"{url} {reason}")
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            reason = f"breaks off ({type(error).__name__})"
        except requests.RequestException as error:  # too many redirects, or one to another protocol
            raise DownloadError(f"{url} cannot be downloaded ({type(error).__name__})") from error
    raise DownloadError(f"{url} {reason}, {TRIES} times")


def _session() -> requests.Session:
    """A session that does not read the bodies of redirects: `requests` would read them whole, of any size."""
    session = requests.Session()
    session.max_redirects = MAX_REDIRECTS
    session.headers["Accept-Encoding"] = "identity"
    session.hooks["response"].append(lambda answer, **_: answer.close() if answer.is_redirect else None)
    return session


def _save(answer: requests.Response, url: str, file: IdxFile, folder: Path) -> None:
    """Write the server's answer to a file. It has a temporary name until its size and hash are right."""
    temporary = folder / f".{file.name}.part"
    digest = hashlib.sha256()
    received = 0
    try:
        with temporary.open("wb") as target:
            # Nothing is decoded: some servers call a .gz a compressed file, and the hash is that of the .gz.
            for part in answer.raw.stream(BYTES_AT_ONCE, decode_content=False):
                received += len(part)
                if received > file.size:
                    raise DownloadError(f"{url} delivers another file: it is longer than {file.size} bytes")
                digest.update(part)
                target.write(part)
        if digest.hexdigest() != file.sha256:
            found = f"expected SHA-256 {file.sha256}, found {digest.hexdigest()}"
            raise DownloadError(f"{url} delivers another file: {found}")
        os.replace(temporary, folder / file.name)
    finally:
        temporary.unlink(missing_ok=True)
