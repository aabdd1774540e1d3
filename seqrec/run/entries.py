"""What the files of a run have to hold, and which of them its manifest covers."""

from typing import Any

RESULTS: dict[str, Any] = {"data_hash": str, "protocol": str}  # entries of metrics.json
# entries of run.json
ABOUT: dict[str, Any] = {"facts": dict, "data_hash": str, "precision": str, "run_id": str}
ALSO: dict[str, Any] = {  # entries that older versions didn't write
    **dict.fromkeys(("name", "command", "device", "store", "started"), str),
    **{
        "overrides": list,
        "before": list,
        "choices": dict,
        "environment": dict,
        "lineage": dict,
        "begun": dict,
    },
}
LOCK = ".lock"  # held while a run is trained; afterwards it is there only if the run was killed
BEGUN = ("config.yaml", "protocol.json", "catalogue.parquet", "run.json")  # before the first step
SEALED = (
    *(*BEGUN, "metrics.json", "history.jsonl", "ranks.parquet", "lists.parquet"),
    "checkpoints/best.ckpt",
)
IMPLIED = {  # components of runs from before configurations named them
    "augment": {"_target_": "seqrec.augment.none.Unchanged"},
    "objective": {"_target_": "seqrec.objective.next_item.NextItem"},
}
