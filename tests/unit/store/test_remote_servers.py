"""Stores on a web server and on S3, whatever these answer."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from helpers.remote import kept, opened, same
from helpers.shards import stored

from seqrec.config.schema import Prepare
from seqrec.data.store import Store
from seqrec.errors import DataError
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> SequenceStore:
    return stored(tmp_path_factory.mktemp("written") / "few", 8)


@pytest.fixture
def web(written):
    """The store on a web server; yields its URL and the server."""
    pytest.importorskip("aiohttp")
    handler = partial(Moody, directory=str(written.folder.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.status = server.lost = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", server
        server.shutdown()


class Moody(SimpleHTTPRequestHandler):
    """Answers with `server.status`, if any, and breaks off `server.lost` bytes before the end."""

    def do_GET(self):
        if self.server.status:
            self.send_error(self.server.status)
        else:
            super().do_GET()

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) - self.server.lost])

    def log_message(self, *_):
        pass


def test_a_web_server_will_do(web, written, tmp_path):
    url, _ = web
    same(opened(tmp_path, f"{url}/few"), written)
    below = Store(path="few", raw_dir=f"{url}/")
    same(prepare(below, Prepare(), tmp_path), written)
    with pytest.raises(DataError, match="can't be fetched: FileNotFoundError"):
        opened(tmp_path, f"{url}/other")


@pytest.mark.parametrize(("status", "lost"), [(403, 0), (500, 0), (0, 1)])
def test_a_server_that_refuses_or_breaks_off_is_told(web, written, tmp_path, status, lost):
    url, server = web
    store = opened(tmp_path, f"{url}/few")
    server.status, server.lost = status, lost
    told = f"can't be fetched: {'ClientResponseError: ' + str(status) if status else 'Client'}"
    with pytest.raises(DataError, match=rf"{told}(.|\n)*few/shard-00000/item.npy"):
        store.item[0]
    assert kept(tmp_path) == {"store.json"}
    server.status = server.lost = 0
    same(store, written)


@pytest.fixture
def s3(written, monkeypatch):
    """The store on an S3 server, where s3fs and moto[server] are installed; yields its files."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in (keys | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
        monkeypatch.setenv(name, value)
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("bucket")
    files.put(str(written.folder), "bucket/few", recursive=True)
    yield files
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_a_bucket_of_s3(s3, written, tmp_path):
    same(opened(tmp_path / "cache", "s3://bucket/few"), written)
    with pytest.raises(DataError, match=r"FileNotFoundError(.|\n)*s3://nobody/few/store.json"):
        opened(tmp_path / "cache", "s3://nobody/few")
    store = opened(tmp_path / "other", "s3://bucket/few")
    s3.rm("bucket/few/shard-00000/item.npy")
    with pytest.raises(DataError, match=r"FileNotFoundError(.|\n)*few/shard-00000/item.npy"):
        store.item[0]
