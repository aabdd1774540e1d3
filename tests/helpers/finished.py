"""Finished runs that tests share: each is trained once, by whoever asks for it first.

Nobody may change them, and :meth:`Shared.check` tells. What writes beside a run or into it takes a
copy: ``Place(tmp_path).copy(finished("default").run)``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from filelock import FileLock

from helpers.place import QUICK, Place

SHOP = ("data=files", "data.path=shop/events.csv", "data.rating=stars", "prepare.k_core=0")
SHOP += ("data.context=[device,{dwell: number}]", "dim=8", "trainer=cpu", "trainer.max_epochs=2")
COMMANDS = {
    # logged to W&B without an API key
    "default": (*QUICK, "trainer.max_epochs=3", "dropout=0.3", "seed=5"),
    "popularity": (*QUICK, "logger=none", "model=popularity"),
    "markov": (*QUICK, "logger=none", "model=markov"),
    "context": (*SHOP, "logger=none", "context=events", "context.target_time=true", "max_length=8"),
    "features": (
        *(*SHOP, "logger=none", "data.items_path=shop/items.csv", "evaluation.monitor=ndcg@5"),
        *("embedding=features", "embedding.features=[{kind: category}]", "embedding.join=gate"),
    ),
    "codes": (
        *(*SHOP, "logger=none", "data.items_path=shop/items.csv", "evaluation.monitor=ndcg@5"),
        *("embedding=codes", "embedding.features=[{kind: category}]", "embedding.codes=2"),
        *("embedding.size=16", "objective=next_code"),
    ),
}


@dataclass(frozen=True)
class Shared:
    """A finished run.

    Args:
        place: where it was trained; its cache holds the data.
        run: its folder.
        said: what training it printed.
    """

    place: Place
    run: Path
    said: str

    def check(self) -> None:
        """Hold the folder to what it was when it was finished."""
        was = json.loads((self.place.folder / "files.json").read_text())
        assert files_of(self.run) == was, f"a test changed the shared run {self.run}"


def shared_run(name: str, folder: Path) -> Shared:
    """The finished run of ``COMMANDS[name]`` below `folder`, trained if it isn't there yet."""
    place = Place(folder / name)
    place.folder.mkdir(parents=True, exist_ok=True)
    said = place.folder / "said.txt"
    with FileLock(folder / f"{name}.lock"):
        if not said.exists():
            write_shop(place.folder / "shop")
            given = [word.replace("=shop/", f"={place.folder}/shop/") for word in COMMANDS[name]]
            # one in a process of its own, so that its warnings would be seen
            program = place.run_apart if name == "default" else place.run
            printed = program("train.py", *given)
            listed = json.dumps(files_of(place.runs()[0]))
            (place.folder / "files.json").write_text(listed)
            said.write_text(printed)
    [run] = place.runs()
    return Shared(place, run, said.read_text())


def files_of(run: Path) -> dict[str, list[int]]:
    """Size and time of each file but the logs that W&B's service writes on when it ends."""
    files = [path for path in run.rglob("*") if path.is_file() and path.parent.name != "logs"]
    stats = {str(path.relative_to(run)): path.stat() for path in files}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(stats.items())}


def write_shop(folder: Path) -> Path:
    """Write a shop's events and items; return the file of the events.

    40 users have 6 to 12 events with ratings, times, a device and a dwell time.
    """
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,timestamp,stars,device,dwell"]
    for user in range(40):
        for t in range(6 + user % 7):
            day = int(rng.integers(1, 28))
            device = ("phone", "tablet", "")[t % 3]
            dwell = "" if t % 4 == 3 else f"{rng.exponential(30):.1f}"
            lines.append(
                f"u{user},i{rng.integers(30)},2024-{t + 1:02}-{day:02}T{t:02}:00:00,{t % 5 + 1},"
                f"{device},{dwell}"
            )
    (folder / "events.csv").write_text("\n".join(lines))
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(30)]}).with_columns(
        title=pl.lit("a nice thing"), kind=pl.int_range(30) % 3
    )
    items.write_csv(folder / "items.csv")
    return folder / "events.csv"
