"""Lists of Cornac's server, asked for over HTTP; seqrec/benchmark/serving.py runs this.

PYTHONPATH=. .venv-peers/cornac/bin/python scripts/peers/ask_cornac.py < arguments.json

The server serves users, not sessions, so the model is a matrix factorisation of the same width. It
is started as Cornac's documentation says, with Flask's own server.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from cornac.data import Dataset
from cornac.models import MF

USERS = 1_000
START_LIMIT_S = 120


def saved_model(folder: Path, n_items: int, dim: int) -> Path:
    """Save a matrix factorisation of random vectors, and return its file."""
    events = [(f"u{at % USERS}", f"i{at + 1}", 1.0) for at in range(n_items)]
    model = MF(k=dim, max_iter=1, early_stop=False, verbose=False)
    model.fit(Dataset.from_uir(events, seed=0))
    return Path(model.save(str(folder)))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def connected(server: subprocess.Popen, port: int) -> HTTPConnection:
    """Wait for the server, and return a connection to it."""
    until = time.monotonic() + START_LIMIT_S
    while server.poll() is None and time.monotonic() < until:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=START_LIMIT_S)
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return connection
    raise RuntimeError("Cornac's server doesn't start")


def main(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Ask for the lists of users, one after another, and say how long each took."""
    model = saved_model(folder, given["n_items"], given["dim"])
    port = free_port()
    settings = {"MODEL_PATH": str(model), "MODEL_CLASS": "cornac.models.MF"}
    server = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "cornac.serving.app", "run", "--port", str(port)],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    took = []
    try:
        connected(server, port).close()
        for at in range(given["warm_up"] + given["requests"]):
            begun = time.perf_counter()
            connection = HTTPConnection("127.0.0.1", port)  # the server closes after each answer
            connection.request("GET", f"/recommend?uid=u{at % USERS}&k=10")
            answer = json.loads(connection.getresponse().read())
            took.append(1000 * (time.perf_counter() - begun))
            if len(answer["recommendations"]) != 10:
                raise RuntimeError(f"Cornac's server answers {answer}")
    finally:
        server.terminate()
        server.wait(START_LIMIT_S)
    p50, p99 = np.percentile(took[given["warm_up"] :], [50, 99])
    return {"p50": float(p50), "p99": float(p99), "requests": given["requests"]}


if __name__ == "__main__":
    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as scratch:
        result = main(json.load(sys.stdin), Path(scratch))
    print(json.dumps(result))
