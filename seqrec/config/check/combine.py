"""Check for combinations that can't work, from what the components declare.

A component that needs something declares a class attribute, ``needs_ratings: ClassVar[bool] =
True``; one that can't provide it declares ``has_ratings: ClassVar[bool] = False``. A configuration
with both is refused. A new need takes no other change. A parameter of the attribute's name is a
switch: what it is set to counts (``encoder.causal=false``). A split that cuts in time declares
``cuts_time: ClassVar[bool] = True``.
"""

from collections.abc import Iterator
from typing import Any

from seqrec.config.check.components import components
from seqrec.config.check.shards import unsplit
from seqrec.config.check.signature import read_signature
from seqrec.config.check.source import TargetError
from seqrec.config.kinds import REQUIRED, TRAINED
from seqrec.config.schema import Spark, is_trained

MASTER = Spark().master  # where Spark runs unless something else is set
Attributes = dict[str, dict[str, Any]]  # path of a component -> its class attributes


def conflicts(config: dict[str, Any]) -> Iterator[str]:
    """Describe each pair of components that can't be combined, both by name."""
    yield from _whole(config)
    attributes = dict(_attributes(config))
    names = {path: node["_target_"].rpartition(".")[2] for path, node in components(config)}
    needs = [
        (f"{path}={names[path]}", name.removeprefix("needs_"))
        for path, declared in attributes.items()
        for name, value in declared.items()
        if name.startswith("needs_") and value is True and path in config
    ]
    if config.get("prepare", {}).get("min_rating") is not None:
        needs.append(("prepare.min_rating", "ratings"))
    if (config.get("trainer") or {}).get("ema"):
        needs.append(("trainer.ema", "averaged_weights"))
    for who, what in needs:
        for path, declared in attributes.items():
            if declared.get(f"has_{what}") is False:
                lacks, need = f"{path}={names[path]}", what.replace("_", " ")
                yield f"{who} needs {need}, and {lacks} has none; change one of the two"
    if attributes.get("objective", {}).get("trains") == "causal":
        for path, declared in attributes.items():
            if declared.get("causal") is False:
                yield (
                    f"{path}={names[path]} sees the future, and objective={names['objective']} "
                    "trains causal encoders only; change one of the two"
                )
    yield from unsplit(config, attributes)
    yield from _taught(config, attributes)
    yield from _minima(config.get("prepare") or {})
    yield from _engine(config.get("prepare") or {})
    evaluation = config.get("evaluation") or {}
    if evaluation.get("sampled_by") == "popularity" and not evaluation.get("sampled"):
        yield "evaluation.sampled_by needs evaluation.sampled; set that, or leave this out"
    yield from _parts(config, attributes)
    yield from _shards(config, attributes)
    yield from _future(config, attributes)
    yield from _monitor(config, attributes)


def _whole(config: dict[str, Any]) -> Iterator[str]:
    """Describe parts that a trained model lacks, and settings that a baseline can't have."""
    if is_trained(config):
        for group in REQUIRED:
            if group in config and config[group] is None:
                yield f"{group}=null: a trained model needs one; choose one, or another model=..."
        if config.get("adapter") and not (config.get("checkpoint") or config.get("update")):
            yield "adapter: it trains a part of a finished run; name that, checkpoint=FOLDER"
        return
    if config.get("ensemble") is not None:
        yield from _combined(config)
        return
    chosen = [group for group in TRAINED if config.get(group) is not None]
    if chosen:
        name = str(config["baseline"].get("_target_")).split(".")[-2]
        yield (
            f"{', '.join(chosen)}: a baseline is counted, not trained, and has none; "
            f"choose it with model={name} and leave these out"
        )
    trainer = config.get("trainer") or {}
    if trainer.get("strategy", "auto") != "auto" or trainer.get("num_nodes", 1) > 1:
        yield "trainer: a baseline is counted in one process; leave it out or use trainer=auto"
    if config.get("checkpoint") is not None:
        yield "checkpoint: a baseline is counted and begins with no weights; leave it out"
    if trainer.get("ema"):
        yield "trainer.ema: a baseline is counted and has no weights to average; leave it out"


def _combined(config: dict[str, Any]) -> Iterator[str]:
    """Describe what an ensemble can't have, and runs that aren't one."""
    others = [key for key in (*TRAINED, "baseline", "checkpoint") if config.get(key) is not None]
    if others:
        yield (
            f"{', '.join(others)}: an ensemble combines finished runs and trains nothing; "
            "leave these out"
        )
    runs = config["ensemble"].get("runs")
    if isinstance(runs, list) and len(set(runs)) < max(2, len(runs)):
        yield f"ensemble.runs={runs}: name two finished runs or more, each once"
    trainer = config.get("trainer") or {}
    if trainer.get("strategy", "auto") != "auto" or trainer.get("num_nodes", 1) > 1:
        yield "trainer: an ensemble is combined in one process; leave it out or use trainer=auto"


def _taught(config: dict[str, Any], attributes: Attributes) -> Iterator[str]:
    """Describe an objective without the teacher that it needs, or a teacher that nobody asks."""
    objective, teacher = config.get("objective"), config.get("teacher")
    if objective is None:
        return
    name = objective["_target_"].rpartition(".")[2]
    asks = attributes.get("objective", {}).get("asks_teacher") is True
    if asks and teacher is None:
        yield (
            f"objective={name} learns from a finished run; name it: teacher=run teacher.run=FOLDER"
        )
    if teacher is not None and not asks:
        yield f"teacher: objective={name} asks none; choose objective=distil, or leave it out"


def _attributes(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, node in components(config):
        try:
            attributes = read_signature(node["_target_"]).attributes
            yield path, {name: node.get(name, value) for name, value in attributes.items()}
        except TargetError:
            continue  # reported by the check of components


def _future(config: dict[str, Any], attributes: Attributes) -> Iterator[str]:
    """Describe steps of prepare that leak later events past the cut of a split by time."""
    if not attributes.get("split", {}).get("cuts_time"):
        return
    prepare, name = config.get("prepare", {}), config["split"]["_target_"].rpartition(".")[2]
    name = name.lower()
    if prepare.get("repeats") == "last":
        yield (
            "prepare.repeats=last removes earlier events because of later ones, which "
            f"split={name} must not see; use first, consecutive or keep"
        )
    if prepare.get("max_history") is not None:
        yield (
            "prepare.max_history counts back from each user's last event, beyond the cut of "
            f"split={name}; use max_length"
        )


def _parts(config: dict[str, Any], attributes: Attributes) -> Iterator[str]:
    """Describe parts that are given and not used, or used and not given."""
    if "split" not in config or "data" not in config:
        return
    used = attributes.get("split", {}).get("takes_parts") is True
    given = config["data"].get("test_path") is not None
    if used and not given and not _is_prepared(attributes):
        yield (
            "split=given needs the files of its parts: set data=files, data.path, data.valid_path "
            "and data.test_path, or choose another split"
        )
    if given and not used:
        yield "data.test_path is a part of a published split; set split=given, or leave it out"


def _shards(config: dict[str, Any], attributes: Attributes) -> Iterator[str]:
    """Describe shards that are asked for where there are none, or where they can't be chosen."""
    number = (config.get("prepare") or {}).get("shards")
    if _is_prepared(attributes):
        if number is not None:
            yield "prepare.shards: data=store has the shards it was written in; leave it out"
    elif number is None and (config.get("batch") or {}).get("shuffle") == "shards":
        yield "batch.shuffle=shards needs data in shards; set prepare.shards to their number"


def _is_prepared(attributes: Attributes) -> bool:
    return attributes.get("data", {}).get("is_prepared") is True


def _engine(prepare: dict[str, Any]) -> Iterator[str]:
    """Describe keys of the engine that isn't chosen."""
    spark, on_spark = prepare.get("spark") or {}, prepare.get("engine") == "spark"
    if not on_spark and (spark.get("conf") or spark.get("master", MASTER) != MASTER):
        yield "prepare.spark is of another engine; set prepare.engine=spark, or leave it out"
    if on_spark and prepare.get("memory_gb") is not None:
        yield "prepare.memory_gb is of polars; set Spark's own in prepare.spark.conf instead"


def _minima(prepare: dict[str, Any]) -> Iterator[str]:
    """Describe keys about smallest numbers of events that have nothing to be about."""
    least = ("k_core", "min_user_events", "min_item_events", "min_session_events")
    if prepare.get("k_core_before") and all((prepare.get(key) or 0) < 2 for key in least):
        yield "prepare.k_core_before needs prepare.k_core; set that, or leave this out"
    if prepare.get("min_session_events") is not None and prepare.get("session_gap") is None:
        yield (
            "prepare.min_session_events needs prepare.session_gap, which cuts sessions; if users "
            "are sessions already, use prepare.min_user_events"
        )


def _monitor(config: dict[str, Any], attributes: Attributes) -> Iterator[str]:
    """Describe a monitored metric that isn't computed."""
    metrics, evaluation = config.get("metric"), config.get("evaluation")
    if not isinstance(metrics, dict) or not evaluation:
        return
    at_k = {n for n in metrics if attributes.get(f"metric.{n}", {}).get("at_k", True)}
    names = [f"{n}@{k}" for n in [*sorted(at_k), "coverage", "novelty"] for k in evaluation["ks"]]
    names += sorted(set(metrics) - at_k)
    if attributes.get("loss", {}).get("needs_ratings"):
        names.append("rmse")
    if evaluation["monitor"] not in names:
        yield (
            f"evaluation.monitor={evaluation['monitor']} isn't computed; "
            f"choose one of {', '.join(names)}, or change metric or evaluation.ks"
        )
