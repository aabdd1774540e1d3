"""Kill runs at random moments, and hold what they resume to against an undisturbed run.

    python tests/helpers/killing.py 100 /tmp/killing /dev/shm

Each run is killed (SIGKILL) one to three times: at a random time, or at a random step of writing a
checkpoint or another file (before, within or after its bytes, before and after each rename). Then
the same command with ``resume=auto`` has to end with the same metrics and the same learning curve.
Every other run writes a checkpoint after each step, the others after each epoch. Runs alternate
between the folders, which may lie on several file systems; temporary files are in the first one.
"""

import os
import random
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402

import seqrec.experiment.run  # noqa: E402, F401  (imported once, for all processes)
import seqrec.run.checkpoints as checkpoints  # noqa: E402
from helpers.place import Place, curve, metrics, ranked  # noqa: E402
from seqrec.disk import write  # noqa: E402

SIZE = ("data=synthetic", "data.n_users=80", "data.n_items=40", "data.length=12", "dim=8")
KINDS = (
    ("model=gru_attn", "dropout=0.3", "scheduler=plateau", "scheduler.patience=0"),
    ("model=sasrec", "trainer.ema=0.9", "trainer.patience=2", "optimizer.lr=0.03"),
    ("model=lstm_attn", "loss=sampled_softmax", "negatives.num=8", "trainer.validate_every=2"),
)
COMMON = ("trainer=cpu", "logger=none", "trainer.max_epochs=6", "batch.size=16", "seed=3")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def armed(steps: int) -> None:
    """Let this process die at the given step of its writing."""
    left = [steps]

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            die()

    replace, to_disk, save = Path.replace, write._to_disk, torch.save

    def replaced(self: Path, target: Path) -> Path:
        step()
        done = replace(self, target)
        step()
        return done

    def synced(path: Path) -> None:
        step()
        to_disk(path)

    def saved(content: object, stream: object) -> None:
        class Half:
            written = 0

            def write(self, part: bytes) -> int:
                if left[0] == 0:
                    stream.write(part[: len(part) // 2])
                    stream.flush()
                    if random.random() < 0.2:
                        die()
                return stream.write(part)

            def __getattr__(self, name: str) -> object:
                return getattr(stream, name)

        save(content, Half())
        step()

    Path.replace, write._to_disk, checkpoints.torch.save = replaced, synced, saved


def trained(place: Place, kind: tuple[str, ...], *more: str, steps: int | None = None) -> int:
    """Start a run in a process of its own; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        if steps is not None:
            armed(steps)
        said = place.run("train.py", *SIZE, *kind, *COMMON, *more)
        (place.folder / "said.txt").write_text(said)
        os._exit(0)
    except BaseException:
        (place.folder / "failed.txt").write_text(traceback.format_exc())
        os._exit(1)


def main(count: int, folders: list[Path]) -> None:
    """Kill `count` runs and report."""
    rng = random.Random(0)
    os.environ.update(SEQREC_LOCAL="none", TMPDIR=str(folders[0]))
    expected, took = {}, {}
    for kind in KINDS:
        place = fresh(folders[0] / "whole")
        began = time.monotonic()
        os.waitpid(trained(place, kind), 0)
        took[kind] = time.monotonic() - began
        [run] = place.runs()
        expected[kind] = (ranked(run), curve(run))
    equal = kills = 0
    where = {"at a time": 0, "while writing": 0}
    for number in range(count):
        kind, folder = KINDS[number % len(KINDS)], folders[number // 2 % len(folders)]
        place, killed = fresh(folder / f"killed-{number}"), 0
        for _ in range(rng.choice((1, 1, 2, 3))):
            writing = rng.random() < 0.5
            more = [f"trainer.checkpoint_minutes={'0' if number % 2 else 'null'}"]
            more += ["resume=auto"] * bool(killed)
            steps = rng.randrange(1, 90) if writing else None
            child = trained(place, kind, *more, steps=steps)
            if not writing:
                time.sleep(rng.uniform(0.3, 1) * took[kind])
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            died = os.WIFSIGNALED(status)
            killed += died
            where["while writing" if writing else "at a time"] += died
            if not died:
                break
        kills += killed
        if not place.runs():
            os.waitpid(trained(place, kind, "resume=auto"), 0)
        runs = [run for run in place.runs() if metrics(run)]
        same = bool(runs) and (ranked(runs[-1]), curve(runs[-1])) == expected[kind]
        equal += same
        print(
            f"{number:4} {kind[0]:16} {folder} killed {killed}x {'equal' if same else 'NOT EQUAL'}"
        )
        if same:
            shutil.rmtree(place.folder)
    print(f"{equal} of {count} equal, after {kills} kills: {where}")


def fresh(folder: Path) -> Place:
    """Return a new place."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Place(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(each) for each in sys.argv[2:]] or [Path("/tmp/killing")])
