"""Evaluate a trained run again, and say whether the numbers are those it wrote."""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.config.script import parse
from seqrec.config.terminal import plain_errors
from seqrec.errors import ConfigError
from seqrec.experiment.console import console, fact, result_table


@dataclass
class Arguments:
    """Evaluate a trained run again.

    python scripts/evaluate.py run=outputs/.../...
    python scripts/evaluate.py run=outputs/.../... split=valid ks='[10, 50]' mask_seen=false
    """

    run: str  # the folder of a run
    split: str = "test"  # test | valid
    ks: list[int] | None = None  # list lengths; default: the run's
    mask_seen: bool | None = None  # default: the run's
    accelerator: str = "auto"  # auto | cpu | gpu
    save: str | None = None  # write the metrics to this JSON file


def evaluate_run(arguments: Arguments) -> None:
    """Load, evaluate, compare, print."""
    if arguments.split not in ("test", "valid"):
        raise ConfigError(f"split={arguments.split} is unknown", todo="choose test or valid")
    from seqrec.experiment.evaluate import evaluate, rebuild
    from seqrec.experiment.folder import RunFolder
    from seqrec.experiment.run import protocol, silence

    silence()
    folder = RunFolder.open(arguments.run)
    config = folder.config()
    protocol_then = config.evaluation
    config.evaluation = dataclasses.replace(
        protocol_then,
        ks=arguments.ks or protocol_then.ks,
        mask_seen=protocol_then.mask_seen if arguments.mask_seen is None else arguments.mask_seen,
    )
    if arguments.ks:
        config.evaluation.monitor = f"ndcg@{arguments.ks[0]}"
    module = rebuild(folder, config)
    results = evaluate(module, split=arguments.split, accelerator=arguments.accelerator)
    out = console()
    shown = {key.split("/")[1]: value for key, value in results.items()}
    columns = [
        "rmse",
        *(f"{m}@{k}" for k in config.evaluation.ks for m in ("hit_rate", "ndcg", "mrr")),
    ]
    title = f"{arguments.split}  {protocol(config, module.splits)}"
    out.print(result_table(title, {folder.path.name: shown}, columns))
    fact(out, "data", f"{module.store.name}  hash {module.store.data_hash[:12]}")
    if config.evaluation.mask_seen == protocol_then.mask_seen and (
        (folder.path / "metrics.json").is_file()
    ):
        written = folder.read_json("metrics.json")
        moved = [k for k, v in results.items() if k in written and abs(v - written[k]) > 1e-12]
        fact(
            out,
            "check",
            f"differs from metrics.json in {', '.join(moved)}"
            if moved
            else "equal to metrics.json",
        )
    if arguments.save:
        Path(arguments.save).write_text(json.dumps(results, indent=2) + "\n")
        fact(out, "saved", arguments.save)


if __name__ == "__main__":
    with plain_errors():
        evaluate_run(parse(Arguments, sys.argv[1:]))
