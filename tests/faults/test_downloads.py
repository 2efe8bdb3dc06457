"""Downloads from servers that fail in every way: bounded, verified, and told."""

import functools
import hashlib
import socket
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from regjax.data import download, idx
from regjax.data.idx_sets import IdxFile
from regjax.errors import UserError
from tests.data_fixtures import NAMES, NOWHERE, tiny_set
from tests.mirrors import from_folder, mirror, send

CONTENT = np.random.default_rng(4).bytes(200_000)
FILE = IdxFile("data.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
PAGE = b"<html>not found</html>"


def whole(handler):
    send(handler, CONTENT, length=len(CONTENT))


def endless(handler, **answer):
    send(handler, b"", **answer)
    while True:
        handler.wfile.write(b"x" * 65536)


def silent(handler):
    send(handler, CONTENT[:1000], length=len(CONTENT))
    time.sleep(1)


# What a server does, how the reason begins after the address, and how often it is asked.
FAULTS = {
    "cut at half": (lambda h: send(h, CONTENT[:100_000], length=len(CONTENT)), "breaks off", 3),
    "silent": (silent, "breaks off", 3),
    "403": (lambda h: send(h, PAGE, status=403), "answers 403 Forbidden", 1),
    "429": (lambda h: send(h, PAGE, status=429), "answers 429 Too Many Requests", 3),
    "503": (lambda h: send(h, PAGE, status=503), "answers 503 Service Unavailable", 3),
    "redirect loop": (lambda h: endless(h, status=302, Location=h.path), r"cannot be .* \(TooManyRed", 6),
    "redirect to a file": (
        lambda h: send(h, b"", status=302, Location="file:///etc/passwd"), r"cannot be .* \(InvalidSchema", 1
    ),
    "page": (lambda h: send(h, PAGE, length=len(PAGE)), "delivers another file", 1),
    "without end": (endless, "delivers another file: it is longer than 200000 bytes", 1),
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.001)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mirror_that_fails_is_given_up_after_bounded_tries_and_nothing_is_left(
    tmp_path, fault, monkeypatch
):
    respond, reason, tries = FAULTS[fault]
    if fault == "silent":
        monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    with mirror(respond) as (url, asked):
        with pytest.raises(download.DownloadError, match=f"^{url}data.gz {reason}"):
            download.download([FILE], [url], tmp_path)
        assert asked == ["/data.gz"] * tries
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["cut at half", "403", "503", "redirect loop", "page", "without end"])
def test_the_next_mirror_delivers_what_the_first_does_not(tmp_path, fault):
    with mirror(FAULTS[fault][0]) as (bad, _), mirror(whole) as (good, asked):
        download.download([FILE], [bad, good], tmp_path)
    assert asked == ["/data.gz"]
    assert [path.name for path in tmp_path.iterdir()] == ["data.gz"]
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_failure_that_passes_is_tried_again_after_pauses_that_double(tmp_path, monkeypatch):
    pauses = []
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic)  # of this module alone
    monkeypatch.setattr(download, "time", clock)
    answers = iter([FAULTS["503"][0], FAULTS["cut at half"][0], whole])
    with mirror(lambda handler: next(answers)(handler)) as (url, asked):
        download.download([FILE], [url], tmp_path)
    assert len(asked) == 3
    assert pauses == [0.001, 0.002]
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_mirror_that_failed_is_not_asked_for_the_other_files(tmp_path):
    files = [FILE._replace(name=name) for name in ("one", "two", "three")]
    with mirror(FAULTS["403"][0]) as (bad, refused), mirror(whole) as (good, asked):
        download.download(files, [bad, good], tmp_path)
    assert (refused, asked) == (["/one"], ["/one", "/two", "/three"])


def test_a_redirect_is_followed_and_a_file_that_the_server_calls_compressed_is_taken_as_it_is(tmp_path):
    def moved(handler):
        if handler.path == "/data.gz":
            return send(handler, b"", status=302, Location="/elsewhere/data.gz")
        # Servers that see .gz say so; unpacked, the file would have another hash.
        return send(handler, CONTENT, Content_Encoding="gzip")

    with mirror(moved) as (url, asked):
        download.download([FILE], [url], tmp_path)
    assert asked == ["/data.gz", "/elsewhere/data.gz"]
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_file_has_a_temporary_name_until_it_is_whole_in_place_of_what_a_killed_process_left(tmp_path):
    (tmp_path / ".data.gz.part").write_bytes(b"x" * 28)  # of a killed process
    seen = []

    def watched(handler):
        send(handler, CONTENT[:150_000], length=len(CONTENT))
        until = time.monotonic() + 5  # less than the silence that is allowed
        while time.monotonic() < until and not any(path.stat().st_size > 28 for path in tmp_path.iterdir()):
            time.sleep(0.005)
        seen.extend(path.name for path in tmp_path.iterdir())
        handler.wfile.write(CONTENT[150_000:])

    with mirror(watched) as (url, _):
        download.download([FILE], [url], tmp_path)
    assert seen == [".data.gz.part"]
    assert [path.name for path in tmp_path.iterdir()] == ["data.gz"]


def test_servers_whose_names_are_never_found_are_all_given_up_together(tmp_path, monkeypatch):
    begun, forever = [], threading.Event()

    def lookup(host, *arguments, **options):
        begun.append(host)
        forever.wait()

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(download, "PATIENCE_SECONDS", 0.5)
    urls = [f"http://{name}.invalid/" for name in "abc"]
    with pytest.raises(download.DownloadError) as refusal:
        download.download([FILE], urls, tmp_path)
    assert str(refusal.value) == "\n".join(f"{url}data.gz gave no answer in 0.5 seconds" for url in urls)
    assert sorted(begun) == ["a.invalid", "b.invalid", "c.invalid"]


def test_what_no_mirror_delivers_is_refused_with_every_reason_and_the_steps_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "SETS", {"tiny": tiny_set(tmp_path / "served")})
    files = functools.partial(idx.source_files, "tiny", given={}, folder=tmp_path / "files")

    def second_is_a_page(name, content):
        return PAGE if name == f"/{NAMES[1]}" else content

    with (
        mirror(from_folder(tmp_path / "served", second_is_a_page)) as (url, asked),
        pytest.raises(UserError) as refusal,
    ):
        files(mirror=url)
    right = hashlib.sha256((tmp_path / "served" / NAMES[1]).read_bytes()).hexdigest()
    found = hashlib.sha256(PAGE).hexdigest()
    told = str(refusal.value)
    assert f"{url}{NAMES[1]} delivers another file: expected SHA-256 {right}, found {found}" in told
    assert f"{NOWHERE}{NAMES[0]} cannot be reached" in told
    assert told.endswith("put them in one folder, unchanged, and pass data.manual_dir=FOLDER.")
    assert [path.name for path in (tmp_path / "files").iterdir()] == [NAMES[0]]
    with mirror(from_folder(tmp_path / "served")) as (url, asked):
        files(mirror=url)
    assert asked == [f"/{name}" for name in NAMES[1:]]
