"""The server under an open load: latency, sustained rate, start, memory and its growth.

The bundles are synthetic, of an untrained ``lstm_attn``, so any catalogue has any size. The server
and the load run on this machine, each in its own process. Where RecBole is installed, its
``full_sort_topk`` is asked for lists of the same sessions, as its users call it: for one user at a
time, without HTTP, by an untrained ``GRU4Rec`` of the same width. Where Cornac is, its server is
asked for the lists of users, one request after another: it knows no sessions.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from seqrec.benchmark.child import in_child, run
from seqrec.benchmark.report import Line
from seqrec.errors import RunError
from seqrec.home import PROJECT

SECONDS = 5.0  # of each load
STEPS = (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)  # of the rate that should be sustained
CALM = 0.1  # share of that rate at which a lone request's latency is measured
KEPT_UP = 0.99  # share of the requests that a sustained rate answers
SOAK = 200_000  # requests, after which the memory may not have grown
START_S, MEMORY_MB, GROWTH, RECALL = 1.0, 150, 0.02, 0.999
START_LIMIT_S = 120
ASKED = {"requests": 200, "warm_up": 10, "length": 50, "dim": 64, "threads": 1}  # of a peer
PEERS = {"recbole": "RecBole's full_sort_topk", "cornac": "Cornac's server"}


@dataclass(frozen=True)
class Case:
    """A catalogue and an index, with their bars.

    Args:
        items: number of items.
        index: file of ``configs/index``.
        p50, p99: milliseconds of a lone request, at most.
        rate: requests a second that are sustained, at least.
        within: milliseconds that the 99th percentile may take at a sustained rate.
    """

    items: int
    index: str
    p50: float
    p99: float
    rate: float
    within: float

    @property
    def name(self) -> str:
        """What the case is called."""
        return f"{self.items:,} items, {self.index}"


CASES = (
    Case(3_400, "exact", p50=0.5, p99=2, rate=2000, within=50),
    Case(100_000, "exact", p50=2, p99=6, rate=400, within=50),
    Case(100_000, "int8_rescore", p50=2, p99=6, rate=400, within=50),
    Case(1_000_000, "exact", p50=35, p99=60, rate=150, within=300),
    Case(1_000_000, "int8_rescore", p50=20, p99=40, rate=150, within=300),
)


def measure_serving(soak: int = SOAK, peers: dict[str, Path] | None = None) -> dict[str, Any]:
    """Measure every case, and the growth of memory in the first.

    Args:
        soak: requests to the smallest catalogue.
        peers: interpreters of the environments of :data:`PEERS`; those that lack aren't measured.
    """
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            bundle = Path(folder) / f"{case.items}"
            if not bundle.exists():
                given: dict[str, Any] = {"out": str(bundle), "n_items": case.items}
                in_child("serving:write_bundle", threads=1, **given)
            results[case.name] = measure_case(case, bundle, soak if case is CASES[0] else 0)
            for peer, python in (peers or {}).items():
                asked = f"{case.items:,} items, {PEERS[peer]}"
                if asked not in results:
                    program = PROJECT / "scripts" / "peers" / f"ask_{peer}.py"
                    given = {**ASKED, "n_items": case.items}
                    results[asked] = run([python, program], given, threads=1)
    return results


def write_bundle(out: str, n_items: int) -> None:
    """Write a bundle of so many items."""
    from seqrec.export.synthetic import synthetic_bundle

    synthetic_bundle(Path(out), n_items=n_items)


def measure_case(case: Case, bundle: Path, soak: int) -> dict[str, Any]:
    """Start a server of a bundle, and measure it."""
    with started(bundle, case.index) as (port, pid, seconds):
        calm = _load(port, case, max(2.0, CALM * case.rate))
        result = {
            "start_s": seconds,
            "calm": calm,
            "own_mb": own_mb(pid),
            "recall": _asked(port, "GET", "/health/ready")["recall"],
            "steps": [],
        }
        for step in STEPS:
            loaded = _load(port, case, step * case.rate)
            result["steps"].append(loaded | {"asked": step * case.rate})
            if not _kept_up(case, loaded):
                break
        if soak:
            result["soak"] = _soaked(port, pid, case, soak)
    return result


@contextmanager
def started(bundle: Path, index: str) -> Iterator[tuple[int, int, float]]:
    """Start a server, and yield its port, its process and the seconds until its first answer.

    Raises:
        RunError: it doesn't start.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = [f"bundle={bundle}", f"folder={folder}", "port=0", f"index={index}"]
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "seqrec.commands.serve", *words],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"http://[\d.]+:(\d+)", said)
            if found is None:
                process.kill()
                raise RunError("the server doesn't start", where=said + process.stderr.read())
            port = int(found[1])
            _asked(port, "POST", "/v1/recommend", {"items": ["i1", "i2"]})
            yield port, process.pid, time.perf_counter() - begun
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_LIMIT_S)


def own_mb(pid: int) -> float:
    """Return the resident memory of a process beside the arrays that it maps, in MiB."""
    kb, mapped = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mapped = line.endswith(".npy")
        elif line.startswith("Rss:") and not mapped:
            kb += int(line.split()[1])
    return kb / 1024


def serving_lines(results: dict[str, Any]) -> list[Line]:
    """Report what was measured, with the bars."""
    lines = []
    for case in CASES:
        result = results[case.name]
        calm, name = result["calm"], f"serve: {case.name}"
        kept = [step["rate"] for step in result["steps"] if _kept_up(case, step)]
        lines += [
            Line(name, "p50 of a lone request, ms", calm["p50"], at_most=case.p50),
            Line(name, "p99 of a lone request, ms", calm["p99"], at_most=case.p99),
            Line(name, f"requests/s, p99 <= {case.within:g} ms", max(kept, default=0.0),
                 at_least=case.rate),
            Line(name, "recall@10", result["recall"], at_least=RECALL),
            Line(name, "s to the first answer", result["start_s"], at_most=START_S),
            Line(name, "MiB beside the table", result["own_mb"], at_most=MEMORY_MB),
        ]  # fmt: skip
        if "soak" in result:
            soak = result["soak"]
            what = f"growth of memory in {soak['sent']:,} requests"
            lines.append(Line(name, what, soak["growth"], at_most=GROWTH))
            lines.append(Line(name, "open files after them, more", soak["files"], at_most=0))
    for peer, asked in results.items():
        if peer not in (case.name for case in CASES):
            lines += [
                Line(f"serve: {peer}", f"{part} of a list, ms", asked[part])
                for part in ("p50", "p99")
            ]
    return lines


def _soaked(port: int, pid: int, case: Case, requests: int) -> dict[str, Any]:
    """Send many requests, and return how much memory and how many files they left."""
    files = Path(f"/proc/{pid}/fd")
    before, open_before = own_mb(pid), len(list(files.iterdir()))
    rate = case.rate / 2
    sent = _load(port, case, rate, requests / rate)
    return {
        **sent,
        "growth": own_mb(pid) / before - 1,
        "files": len(list(files.iterdir())) - open_before,
    }


def _load(port: int, case: Case, rate: float, seconds: float = SECONDS) -> dict[str, Any]:
    given = {"port": port, "n_items": case.items, "rate": rate, "seconds": seconds}
    return in_child("load:measure_load", threads=1, **given)


def _kept_up(case: Case, loaded: dict[str, Any]) -> bool:
    return loaded["answered"] >= KEPT_UP * loaded["sent"] and loaded["p99"] <= case.within


def _asked(port: int, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_LIMIT_S)
    headers = {"Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    return json.loads(connection.getresponse().read())
