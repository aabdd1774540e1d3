"""Fetching raw files, and finding those that are there."""

import errno
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar

import pytest

from seqrec.data.files import Files
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.sequences import Sequences
from seqrec.data.yoochoose import Yoochoose
from seqrec.errors import DataError
from seqrec.raw.get.archive import fetch_from
from seqrec.raw.get.fetch import RemoteFile, UnreachableError, fetch
from seqrec.raw.get.local import find, find_all
from seqrec.raw.parse.text import inspect

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; cuts off the first `cut` answers half-way."""

    cut = 0
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self):
        asked = self.headers.get("Range")
        Handler.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = CONTENT[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if Handler.cut:
            Handler.cut -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *args: object):
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.cut, Handler.ranges = 0, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x"
    server.shutdown()
    server.server_close()


def test_fetch_once_however_many_ask(url: str, tmp_path: Path, capsys: pytest.CaptureFixture):
    file = RemoteFile("x.bin", ("http://127.0.0.1:9/x", url), SHA256, terms="be nice", timeout=2)
    threads = [threading.Thread(target=fetch, args=(file, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert len(Handler.ranges) == 1
    assert capsys.readouterr().err.count("be nice") == 1


def test_a_cut_off_download_goes_on_where_it_ended(url: str, tmp_path: Path):
    Handler.cut = 2
    path = fetch(RemoteFile("x.bin", (url,), SHA256), tmp_path)
    assert path.read_bytes() == CONTENT
    assert Handler.ranges == [
        None,
        f"bytes={len(CONTENT) // 2}-",
        f"bytes={len(CONTENT) * 3 // 4}-",
    ]


def test_a_wrong_download_never_gets_its_name(url: str, tmp_path: Path):
    with pytest.raises(DataError, match="damaged or has changed"):
        fetch(RemoteFile("x.bin", (url,), "0" * 64), tmp_path)
    assert not list(tmp_path.glob("x.bin")) and not list(tmp_path.glob("*.part"))


def test_without_a_published_hash_the_first_one_counts(url: str, tmp_path: Path):
    path = fetch(RemoteFile("x.bin", (url,)), tmp_path)
    path.write_bytes(b"something else")
    with pytest.raises(DataError, match="unexpected content"):
        fetch(RemoteFile("x.bin", (url,)), tmp_path)


def test_offline_is_one_error_that_says_everything(tmp_path: Path):
    with pytest.raises(UnreachableError) as caught:
        fetch(RemoteFile("x.bin", ("http://127.0.0.1:9/x",), timeout=1), tmp_path)
    for word in ("x.bin", "http://127.0.0.1:9/x", str(tmp_path), "data=movielens_100k"):
        assert word in str(caught.value)


@pytest.mark.slow
def test_a_wheel_that_the_index_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(
        UnreachableError, match=r"pip download there-is-none==1\.0 \(ERROR: No match"
    ):
        fetch(RemoteFile("x.whl", package="there-is-none==1.0"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl.lock"]


def test_find_lists_what_is_there(tmp_path: Path):
    (tmp_path / "ratings.csv.gz").touch()
    assert find(tmp_path, ["ratings.csv"]).name == "ratings.csv.gz"
    with pytest.raises(DataError, match=r"no movies\.csv(.|\n)*ratings\.csv\.gz"):
        find(tmp_path, ["movies.csv"])


def test_a_path_that_leads_nowhere_says_which_keys_to_correct(tmp_path: Path):
    for source in (
        Sequences(raw_dir=str(tmp_path), path="none.txt"),
        Files(raw_dir=str(tmp_path), path="none.csv"),
        Files(raw_dir=str(tmp_path), path="none.parquet"),
    ):
        with pytest.raises(DataError, match=r"no file none(.|\n)*fix: correct .*data\.path"):
            source.read()


PAGE = b"\n<!DOCTYPE html><html><body>Log in to the network</body></html>"


@pytest.mark.slow
@pytest.mark.parametrize("sha256", [None, SHA256])
def test_a_page_instead_of_the_file_is_told(
    sha256: str | None, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(globals(), "CONTENT", PAGE)
    with pytest.raises(DataError, match=r"a web page came instead of x\.bin(.|\n)*HTTPS_PROXY"):
        fetch(RemoteFile("x.bin", (url,), sha256), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin.lock"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"disk is full.*(.|\n)*paths\.raw_dir"),
        (OSError(errno.EROFS, "Read-only file system"), r"can't be fetched(.|\n)*paths\.raw_dir"),
    ],
)
def test_a_folder_that_takes_no_more_is_told(
    error: OSError, words: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def write(source: IO[bytes], out: IO[bytes], name: str, total: int | None):
        out.write(source.read(1000))
        raise error

    monkeypatch.setattr("seqrec.raw.get.fetch._copy", write)
    with pytest.raises(DataError, match=words):
        fetch(RemoteFile("x.bin", (url,), SHA256), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin.lock"]


def test_a_full_disk_while_unpacking_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("x/a.csv", "u,i\n")

    def full(*_: object):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    file = RemoteFile("x.zip", sha256=hashlib.sha256(archive.read_bytes()).hexdigest())
    with pytest.raises(DataError, match=r"disk is full: what is in x\.zip"):
        fetch_from(file, ["x/a.csv"], tmp_path)
    assert not list(tmp_path.glob("a.csv*"))


def test_a_folder_in_a_files_place_and_two_forms_of_a_file(tmp_path: Path):
    (tmp_path / "u.data").mkdir()
    with pytest.raises(DataError, match=r"has no u\.data(.|\n)*has: u\.data/"):
        find(tmp_path, ["u.data"])
    for name in ("a_1.csv", "a_1.csv.gz", "a_2.csv.gz", "a_3.csv.part"):
        (tmp_path / name).touch()
    (tmp_path / "a_4.csv").mkdir()
    assert [path.name for path in find_all(tmp_path, "a_*.csv")] == ["a_1.csv", "a_2.csv.gz"]


def test_a_file_that_can_not_be_fetched_is_not_offered_to_be(tmp_path: Path):
    with pytest.raises(DataError, match=r"set data\.raw_dir=null to fetch it"):
        MovieLens1M(raw_dir=str(tmp_path)).files()
    with pytest.raises(DataError, match=r"download it from https://www\.kaggle") as caught:
        Yoochoose(raw_dir=str(tmp_path)).files()
    assert "raw_dir=null" not in str(caught.value)


def test_files_that_may_not_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "e.csv"
    path.write_text("u,i\na,x\n")

    def denied(*_: object, **__: object):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", denied)
        with pytest.raises(DataError, match=r"e\.csv can't be opened(.|\n)*chmod u\+r"):
            inspect(path)
    monkeypatch.setattr("os.scandir", denied)
    with pytest.raises(DataError, match=r"folder of raw files can't be read(.|\n)*chmod u\+rx"):
        find(tmp_path, ["e.csv"])
