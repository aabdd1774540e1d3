"""Prove that a refactoring changed no number: ``make same-loss BASE=<commit>``.

Train every model of ``configs/model`` for five steps, with the code of a commit and of the working
tree, from one seed and on generated data. Every loss and every metric must be equal to the last
bit. Only the command line and the files of a run are used, so that any two commits can be compared.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = 5  # epochs of one batch each, so that every step has a validation
SETTINGS = (
    *("data=synthetic", "data.n_users=120", "data.n_items=60", "data.length=16", "dim=16"),
    *("max_length=12", "batch.size=120", "seed=1", "logger=none", "evaluation.ks=[5,10]"),
    *("trainer=cpu", "trainer.precision=fp32", "trainer.patience=0", "trainer.progress=false"),
    *(f"trainer.max_epochs={STEPS}", "trainer.deterministic=true"),
)
MODELS = "every model"
VARIANTS = {  # besides the models: every option of the kinds that a model is made of
    "head": ("lstm_attn", ()),
    "encoder": ("transformer_attn", ()),
    "scorer": ("gru_attn", ()),
    "loss": ("sasrec", ("split=temporal",)),
    "negatives": ("gru_attn", ("loss=sampled_softmax",)),
    "optimizer": ("gru_attn", ()),
    "scheduler": ("gru_attn", ()),
    "window": ("gru_attn", ()),
}
REFUSED = {"negatives": {"none"}, "loss": {"mse"}, "scorer": {"ncf"}}  # need other choices
LEFT_OUT = ("seconds", "peak_memory_mb", "wall", "data_hash", "protocol")


def main() -> None:
    """Compare the working tree with a commit; exit with status 1 if a number differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="commit to compare with")
    parser.add_argument("--models-only", action="store_true", help="leave the variants out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        _git("worktree", "add", "--quiet", "--detach", str(base), arguments.base)
        try:
            sweeps = _sweeps(base, models_only=arguments.models_only)
            results = [
                _numbers(tree, sweeps, Path(folder) / name)
                for name, tree in (("then", base), ("now", ROOT))
            ]
        finally:
            _git("worktree", "remove", "--force", str(base))
    sys.exit(_compare(*results, base=arguments.base))


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(ROOT), *arguments], check=True)


def _sweeps(base: Path, *, models_only: bool) -> dict[str, list[str]]:
    """Return the arguments of each sweep, over the options that both trees have."""

    def options(kind: str) -> list[str]:
        folders = (tree / "configs" / kind for tree in (base, ROOT))
        names = [{path.stem for path in folder.glob("*.yaml")} for folder in folders]
        return sorted(set.intersection(*names) - REFUSED.get(kind, set()))

    sweeps = {MODELS: ["model=" + ",".join(options("model"))]}
    if not models_only:
        sweeps |= {
            kind: [f"model={model}", *more, f"{kind}={','.join(options(kind))}"]
            for kind, (model, more) in VARIANTS.items()
        }
    return sweeps


def _numbers(tree: Path, sweeps: dict[str, list[str]], place: Path) -> dict[str, dict[str, float]]:
    """Run the sweeps, and return every loss and metric of every job, by the job's overrides."""
    env = os.environ | {
        "PYTHONPATH": str(tree),
        "SEQREC_CACHE_DIR": str(place / "cache"),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    found: dict[str, dict[str, float]] = {}
    for name, arguments in sweeps.items():
        print(f"{place.name:>5}  {name}", flush=True)
        outputs = place / name.replace(" ", "_")
        done = subprocess.run(
            [sys.executable, "train.py", "-m", *SETTINGS, *arguments,
             f"paths.output_dir={outputs}"],
            cwd=tree, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        for path in sorted(outputs.glob("**/metrics.json")):
            record = json.loads((path.parent / "run.json").read_text())
            job = " ".join(
                o for o in record["overrides"] if o not in SETTINGS and "paths." not in o
            )
            found[job] = _of_run(path.parent)
        if done.returncode:
            print(done.stdout[-3000:])
    return found


def _of_run(run: Path) -> dict[str, float]:
    """Return the numbers of one run: those of each step, and the final ones."""
    numbers = json.loads((run / "metrics.json").read_text())
    curve = run / "history.jsonl"
    for row in map(json.loads, curve.read_text().splitlines() if curve.is_file() else []):
        numbers |= {f"step {row['epoch']} {key}": value for key, value in row.items()}
    return {k: v for k, v in numbers.items() if not any(left in k for left in LEFT_OUT)}


def _compare(then: dict[str, dict], now: dict[str, dict], *, base: str) -> int:
    """Print the differences; return 0 if there are none, else 1."""
    differ = []
    for job in sorted(then.keys() | now.keys()):
        a, b = then.get(job), now.get(job)
        if a is None or b is None:
            differ.append(f"{job}: trained only {'now' if a is None else 'then'}")
            continue
        differ += [f"{job}: {key} {a[key]!r} then, {b[key]!r} now"
                   for key in a if key in b and a[key] != b[key]]  # fmt: skip
    count = sum(len(a.keys() & now.get(job, {}).keys()) for job, a in then.items())
    for line in differ[:40]:
        print(line)
    if not then:
        print("nothing was trained")
        return 1
    print(
        f"{len(then)} runs, {count} numbers: "
        + (f"{len(differ)} differ from {base}" if differ else f"all equal to {base}")
    )
    return 1 if differ else 0


if __name__ == "__main__":
    main()
