"""The typed root of the configuration.

An unknown or ill-typed key at any of these levels is an error when the configuration is composed.
Nodes annotated ``Component`` hold ``_target_`` and plain values; their keys are bound against the
signature of the target by :mod:`seqrec.config.check.components`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

import platformdirs
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

Component = dict[str, Any]


class Repeats(Enum):
    """How repeated events of a user with the same item are handled."""

    keep = "keep"
    first = "first"
    last = "last"
    consecutive = "consecutive"


class Strictness(Enum):
    """How a leak from the future is handled."""

    report = "report"
    strict = "strict"


class SampledBy(Enum):
    """How sampled negatives are drawn."""

    uniform = "uniform"
    popularity = "popularity"


class Combine(Enum):
    """What is added up of the runs of an ensemble."""

    log_probabilities = "log_probabilities"
    standardised = "standardised"


class Profile(Enum):
    """What each row of a profiler's table describes."""

    simple = "simple"
    functions = "functions"
    operations = "operations"


class Ties(Enum):
    """The order of a user's events of one time."""

    file = "file"
    shuffle = "shuffle"


class Shuffle(Enum):
    """Among which sequences the training batches of a process are shuffled."""

    all = "all"
    shards = "shards"


class Engine(Enum):
    """What prepares a dataset."""

    polars = "polars"
    spark = "spark"


@dataclass
class Spark:
    """Where Spark runs, for ``prepare.engine=spark``."""

    master: str = "local[*]"  # or spark://host:7077, yarn, k8s://...
    conf: list[str] = field(default_factory=list)  # Spark's own: [spark.driver.memory=8g]


@dataclass
class Prepare:
    """The steps from raw interactions to sequences, in the order in which they run."""

    min_rating: float | None = None  # drop events rated lower (needs a rating column)
    ties: Ties = Ties.file  # a user's events of one time: in file order | shuffle (same each time)
    repeats: Repeats = Repeats.keep  # keep all | first | last | collapse consecutive ones
    session_gap: float | None = None  # minutes: a longer pause begins a new sequence
    k_core: int = 0  # repeat until all users and items have at least this many; 0: off
    min_user_events: int | None = None  # instead of k_core, for users
    min_item_events: int | None = None  # instead of k_core, for items
    min_session_events: int | None = None  # instead of k_core, for sessions (session_gap)
    k_core_before: Any = None  # an ISO date or time: count only earlier events; null: all
    max_history: int | None = None  # keep only the latest events of a user; null: all
    shards: int | None = None  # write the sequences in so many shards; null: in one folder
    memory_gb: float | None = None  # beyond it, prepare in parts on disk; null: 3/4 of what is free
    engine: Engine = Engine.polars  # polars: on this machine | spark: on many; same data
    spark: Spark = field(default_factory=Spark)


@dataclass
class Expect:
    """Published counts of the raw data, before any step; null: not known."""

    users: int | None = None
    items: int | None = None
    interactions: int | None = None


@dataclass
class Batch:
    """How sequences become batches."""

    size: int = 128  # sequences in a training batch, on average: batches are equal in positions
    eval_size: int = 512  # sequences in an evaluation batch; changes no result
    shuffle: Shuffle = Shuffle.all  # all | shards: each process has the users of its own shards


@dataclass
class Evaluation:
    """The full-ranking protocol."""

    ks: list[int] = field(default_factory=lambda: [1, 5, 10, 20])
    monitor: str = "ndcg@10"  # the validation metric that picks the checkpoint
    mask_seen: bool = True  # items in the user's history can't be recommended again
    category: str | None = "auto"  # item column for metrics of lists; auto: the first that fits
    groups: Any = "auto"  # user columns to slice metrics by; auto: those of few values; null: none
    sampled: int = 0  # also rank test targets among this many negatives, as old papers did
    sampled_by: SampledBy = SampledBy.uniform  # uniform | popularity


@dataclass
class Trainer:
    """How long and on which devices to train."""

    accelerator: str = "auto"
    devices: Any = "auto"  # processes on each machine, one per device
    num_nodes: int = 1  # machines
    strategy: Any = "auto"  # a name from Lightning, or a component
    precision: str = "auto"  # auto: bf16 where the hardware has it, fp16 on older GPUs, else fp32
    max_epochs: int = 100
    patience: int = 10  # validations without improvement before stopping; 0: never stop early
    validate_every: int = 1  # epochs between validations
    gradient_clip: float | None = 5.0  # largest gradient norm
    ema: float = 0.0  # decay of a moving average of the weights, used as the model; 0: none
    compile: bool = False  # torch.compile the model: for GPUs; needs a C++ compiler or Triton
    deterministic: bool = False  # bit-equal repeats on one device, at some cost in speed
    checkpoint_minutes: float | None = None  # save within epochs, too; null: at their ends
    limit_batches: int | None = None  # train on this many batches of each epoch; null: all
    same_batches: bool = False  # repeat the first epoch's batches; with limit_batches, to overfit
    profiler: Profile | None = None  # simple | functions | operations: tables in the run's folder
    progress: bool = True  # a progress bar when the output is a terminal


@dataclass
class Ensemble:
    """Finished runs of the same data and split, combined into one model."""

    runs: list[str] = MISSING  # their folders, two or more
    combine: Combine = Combine.log_probabilities  # or standardised: any models, baselines too
    steps: int = 10  # of the search for weights on validation; 0: equal weights


@dataclass
class Paths:
    """Folders for data and runs."""

    cache_dir: str = MISSING  # prepared sequence stores, shared by all runs
    raw_dir: str = MISSING  # fetched raw files
    output_dir: str = MISSING  # runs


@dataclass
class Root:
    """The whole configuration of an experiment."""

    data: Component = MISSING
    expect: dict[str, Expect] | None = None  # published counts, by name of the dataset
    prepare: Prepare = field(default_factory=Prepare)
    split: Component = MISSING
    batch: Batch = field(default_factory=Batch)
    baseline: Component | None = None  # counted, not trained; null for a trained model
    ensemble: Ensemble | None = None  # combined, not trained; model=ensemble sets it
    window: Component | None = None
    augment: Component | None = None
    embedding: Component | None = None
    context: Component | None = None  # null: the model sees only the items of a history
    encoder: Component | None = None
    head: Component | None = None
    scorer: Component | None = None
    adapter: Component | None = None  # what of a finished run is trained; null: everything
    objective: Component | None = None
    loss: Component | None = None
    negatives: Component | None = None
    teacher: Component | None = None  # finished runs that the objective learns from
    optimizer: Component | None = None
    scheduler: Component | None = None
    metric: Component = MISSING  # metrics of ranks: name to component
    list_metric: Component | None = None  # metrics of lists, like `metric`; [] for none
    rerank: Component = field(default_factory=lambda: {"_target_": "seqrec.rerank.none.NoRerank"})
    protocol: Strictness = Strictness.report  # strict: a leak from the future is an error
    evaluation: Evaluation = field(default_factory=Evaluation)
    trainer: Trainer = field(default_factory=Trainer)
    logger: Component = MISSING
    paths: Paths = field(default_factory=Paths)
    update: Component | None = None  # the run that this one updates: scripts/update.py sets it
    compress: Component | None = None  # the run made smaller: scripts/compress.py sets it

    dim: int = 64  # D: width of item embeddings and hidden states
    max_length: int = 50  # L: how many of the latest events the model sees
    dropout: float = 0.2
    seed: int = 42
    group: str | None = None  # W&B group; null: <data>/<experiment>
    tags: list[str] = field(default_factory=list)
    checkpoint: str | None = None  # folder of a finished run: begin with its weights
    resume: str | None = None  # auto | folder of the run to continue
    rerun: bool = False  # in a sweep: train finished jobs again


def is_trained(root: "Root | dict[str, Any]") -> bool:
    """Return whether a run's model is trained: neither counted nor combined."""
    values = root if isinstance(root, dict) else vars(root)
    return values.get("baseline") is None and values.get("ensemble") is None


def cut_off(monitor: str, ks: Sequence[int]) -> int:
    """Return the list length at which a run is reported: the monitored one, else the longest.

    Args:
        monitor: ``evaluation.monitor``.
        ks: ``evaluation.ks``.
    """
    return int(monitor.partition("@")[2] or max(ks))


@cache
def register() -> None:
    """Make ``schema`` the typed root that ``configs/train.yaml`` starts from."""
    ConfigStore.instance().store(name="schema", node=Root)


def _cache_folder() -> str:
    """Return the folder of stores and raw files: ``SEQREC_CACHE_DIR``, or the system's default."""
    given = os.environ.get("SEQREC_CACHE_DIR")
    return given or platformdirs.user_cache_dir("seqrec", appauthor=False)


# at import: processes that a launcher starts have only what they unpickle
OmegaConf.register_new_resolver("cache_folder", _cache_folder, replace=True)
