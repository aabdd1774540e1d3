"""The server as a user starts it: the run's lists, workers, kills, swaps, an orderly end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from helpers import ROOT
from helpers.browser import NAMELESS, browser, click, started, texts
from helpers.serving import ask, made, small

from seqrec.bundle import Bundle
from seqrec.live import Served, read_live, write_live
from seqrec.recommend import Recommender


@pytest.mark.slow
def test_the_served_list_is_the_evaluated_list(finished, exported, place):
    run, bundle = finished("default").run, exported("default").folder
    recommender, lists = Recommender.load(run), pl.read_parquet(run / "lists.parquet")
    app = made(place.folder / "server", bundle)
    k, sessions = len(lists["recommended"][0]), []
    for user, target in lists.select("user", "item").iter_rows():
        items = recommender.session(user).items
        assert items[-1] == target
        sessions.append({"items": items[:-1]})
    bodies = [{"sessions": sessions[at : at + 200], "k": k} for at in range(0, len(sessions), 200)]
    answers = ask(app, *(("POST", "/v1/recommend", body) for body in bodies))
    served = [each["items"] for answer in answers for each in answer.json["answers"]]
    assert len(served) == len(lists) > 30
    for rows, evaluated in zip(served, lists["recommended"].to_list(), strict=True):
        score = {row["item"]: row["score"] for row in rows}
        assert len(evaluated) == len(rows)
        for row, item in zip(rows, evaluated, strict=True):  # but for ties
            assert row["item"] == item or score.get(item, rows[-1]["score"]) == pytest.approx(
                row["score"], abs=1e-5
            )


class Server:
    """A running server, in an interpreter of its own."""

    def __init__(self, process: subprocess.Popen, port: int, pid: int) -> None:
        self.process, self.port, self.pid = process, port, pid

    def ask(self, method: str, path: str, body=None, timeout: float = 20):
        """Send a request over a connection of its own; return status and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def json(self, *request):
        status, content = self.ask(*request)
        assert status == 200, content
        return json.loads(content)


@contextmanager
def serving(folder: Path, *words: str):
    """Start a server of a small bundle, and end it."""
    folder.mkdir(exist_ok=True)
    if not (folder / "bundle").exists():
        small(folder / "bundle")
    given = [f"bundle={folder / 'bundle'}", f"folder={folder}", "port=0", *words]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/serve.py"), *given],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r":(\d+) ", said)
    assert found, said + process.stderr.read()
    try:
        yield Server(process, int(found[1]), process.pid)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


BODY = {"items": ["i1", "i2"]}


def test_a_server_answers_without_torch_and_ends_in_order(tmp_path):
    with serving(tmp_path) as server:
        before = server.json("POST", "/v1/recommend", BODY)
        maps = Path(f"/proc/{server.pid}/maps").read_text()
        assert "onnxruntime" in maps and "torch" not in maps
        other = small(tmp_path / "other", n_items=20)
        live = read_live(tmp_path)
        write_live(tmp_path, replace(live, live=Served("other", Bundle.open(other).sha)))
        server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while server.json("POST", "/v1/recommend", BODY)["bundle"] == before["bundle"]:
            assert time.monotonic() < until
        statuses = []

        def load():
            try:
                while True:
                    statuses.append(server.ask("POST", "/v1/recommend", BODY)[0])
            except (ConnectionError, http.client.HTTPException):
                return  # the server took no more

        loading = [threading.Thread(target=load) for _ in range(4)]
        for each in loading:
            each.start()
        while len(statuses) < 40:
            time.sleep(0.01)
        server.process.terminate()
        assert server.process.wait(20) == 0
        for each in loading:
            each.join()
        assert set(statuses) == {200}


def test_workers_share_sessions_and_a_killed_one_loses_nothing(tmp_path):
    with serving(tmp_path, "workers=2") as server:
        acknowledged, stop = [], threading.Event()

        def write(writer: int):
            number = 0
            while not stop.is_set():
                number += 1
                event = {"event_id": f"{writer}-{number}", "session": "s", "item": "i1"}
                while True:  # sent again until it is acknowledged
                    try:
                        answer = server.ask("POST", "/v1/events", {"events": [event]})
                        break
                    except (OSError, http.client.HTTPException):
                        continue
                if answer[0] == 200:
                    acknowledged.append(event["event_id"])

        writers = [threading.Thread(target=write, args=(n,)) for n in range(3)]
        for writer in writers:
            writer.start()
        killed = set()
        while len(killed) < 4:
            time.sleep(0.15)
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            fresh = [pid for pid in children if pid not in killed]
            if len(children) == 2 and fresh:
                os.kill(int(fresh[0]), signal.SIGKILL)
                killed.add(fresh[0])
        stop.set()
        for writer in writers:
            writer.join()
        metrics = server.ask("GET", "/metrics")[1].decode()
        assert set(re.findall(r'seqrec_in_flight{worker="(\d)"}', metrics)) == {"0", "1"}
        assert metrics.count("# TYPE seqrec_in_flight gauge") == 1
        from seqrec.feedback import read_log
        from seqrec.state.sqlite import Sqlite

        state = Sqlite(path=str(tmp_path / "sessions.sqlite"))
        kept = [each.id for each in state.read("s")]
        state.close()
        logged = read_log(tmp_path / "log").outcomes["event_id"].to_list()
        assert len(acknowledged) > 5
        assert len(set(kept)) == len(kept) and set(acknowledged[-900:]) <= set(kept)
        assert len(set(logged)) == len(logged) and set(acknowledged) <= set(logged)
        for writer in range(3):
            own = [int(each.split("-")[1]) for each in kept if each.startswith(f"{writer}-")]
            assert own == sorted(own)
        server.process.terminate()
        assert server.process.wait(20) == 0


def test_connections_that_rest_keep_nobody_out(tmp_path):
    with serving(tmp_path) as server:
        resting = []
        for _ in range(400):
            resting.append(socket.create_connection(("127.0.0.1", server.port)))
            resting[-1].sendall(b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\n")
        assert server.json("POST", "/v1/recommend", BODY)["items"]
        for each in resting:
            each.close()


@pytest.mark.parametrize(
    "words, said",
    [
        (["index=exat"], "did you mean exact?"),
        (["index.depth=5"], "depth: unknown"),
        (["indx.depth=5"], "did you mean index?"),
        (["index=pruned", "index.leading=0"], "leading=0"),
        (["workers=0"], "workers=0: must be from 1 to 256"),
        (["workers=2", "state=memory"], "workers don't share their memory"),
        (["port=99999"], "port=99999"),
        (["bundle=nowhere"], "not a bundle"),
        (["state=redis", "state.url=redis://127.0.0.1:1/0"], "no Redis server answers"),
    ],
)
def test_what_is_wrong_with_a_start_is_said(place, words, said):
    bundle = [] if "bundle=nowhere" in words else [f"bundle={small(place.folder / 'b')}"]
    port = [] if any(w.startswith("port") for w in words) else ["port=0"]
    given = [*bundle, *port, f"folder={place.folder / 'f'}", *words]
    status = 1 if "bundle=nowhere" in words else 2
    told = place.run("scripts/serve.py", *given, status=status)
    assert said in told and "Traceback" not in told


def test_a_short_key_is_refused(place):
    place.env["SEQREC_API_KEY"] = "short"
    told = place.run("scripts/serve.py", f"folder={place.folder}", status=2)
    assert "fewer than 16 characters" in told and "token_urlsafe" in told


@browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_demo_page_follows_what_is_clicked(tmp_path, width):
    driver = started(tmp_path / "profile")

    def until(script):
        end = time.monotonic() + 20
        while not (found := driver.execute_script(f"return {script}")):
            assert time.monotonic() < end, script
            time.sleep(0.02)
        return found

    try:
        with serving(tmp_path / "server") as server:
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.get(f"http://127.0.0.1:{server.port}/")
            driver.execute_script(
                "const s = document.getElementById('search'); s.value = 'title of i12';"
                "s.dispatchEvent(new Event('input'))"
            )
            until("document.querySelectorAll('#found button').length === 1")
            click(driver, "#found button")
            until("document.querySelectorAll('#list li').length === 10")
            assert texts(driver, "#history li") == ["Title of i12"]
            first = texts(driver, "#list .pick")
            click(driver, "#list .pick")
            until("document.querySelectorAll('#history li').length === 2")
            until("document.querySelector('#list .why').textContent.includes('without')")
            assert texts(driver, "#history li") == [first[0], "Title of i12"]
            assert first[0] not in texts(driver, "#list .pick")
            assert "ms in the server" in texts(driver, "#total")[0]
            assert driver.execute_script("return document.documentElement.scrollWidth") <= width
            assert driver.execute_script(NAMELESS) == []
            hosts = driver.execute_script(
                "return performance.getEntriesByType('resource').map(e => new URL(e.name).host)"
            )
            assert set(hosts) == {f"127.0.0.1:{server.port}"}
            card = "getComputedStyle(document.querySelector('.card')).backgroundColor"
            light = driver.execute_script(f"return {card}")
            click(driver, "#theme")
            assert driver.execute_script(f"return {card}") != light
            click(driver, "#again")
            until("document.querySelectorAll('#history li').length === 0")
            assert driver.get_log("browser") == []
    finally:
        driver.quit()
