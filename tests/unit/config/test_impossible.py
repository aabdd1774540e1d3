"""Values that no run can have are refused before any work, all at once."""

import pytest
from helpers.commands import told

CASES = {
    "embedding.dim=32": "embedding.dim=32, encoder.dim=64, head.dim=64: these widths must be equal",
    "dim=999999999": "dim=999999999: must be at most 65536",
    "optimizer.lr=inf": "optimizer.lr=inf: must be a finite number",
    "dropout=nan": "dropout=nan: must be a finite number",
    "trainer.devices=two": "trainer.devices=two: must be auto, a number of at least 1, or [0,1]",
    "trainer.devices=0": "trainer.devices=0: must be auto",
    "paths.output_dir=": "paths.output_dir is empty",
    "dim=${nope}": "dim=${nope}: there is no key nope",
    "tags=['${a.b}']": "tags.0=${a.b}: there is no key a.b",
    "group=${oc.env:NO_SUCH_NAME}": "the environment variable NO_SUCH_NAME isn't set",
    "group=${nope:1}": "there is no resolver nope",
    "=": "=: can't be read; write key=value",
}


@pytest.mark.parametrize("given", CASES)
def test_an_impossible_value_is_told(given):
    assert CASES[given] in told(given)


def test_what_only_follows_a_mistake_is_not_repeated():
    text = told("dim=${nope}", "optimizer.lr=nan")
    assert text.count("nope") == 2 and "encoder.dim" not in text


@pytest.mark.parametrize("devices", ["auto", "2", "-1", "[0,1]", "'0,1'"])
def test_devices_that_lightning_takes_are_left_to_it(devices):
    from seqrec.config.check.impossible import impossible

    value = {"2": 2, "-1": -1, "[0,1]": [0, 1], "'0,1'": "0,1"}.get(devices, devices)
    assert not list(impossible({"trainer": {"devices": value}}))


SPLIT = {
    "scorer=ncf": "scorer=NCF doesn't work with the split item table of trainer=sharded_table",
    "embedding=features": "embedding=FeatureEmbedding doesn't work with the split item table",
    "objective=group": "objective=Group doesn't work with the split item table",
    "trainer.ema=0.9": "trainer.ema needs averaged weights",
    "trainer.compile=true": "trainer.compile: what processes send one another isn't compiled",
    "prepare.shards=4 batch.shuffle=shards": "batch.shuffle=shards: processes then differ",
    "checkpoint=outputs/a": "checkpoint: a run begins with the rows of another's items",
}


@pytest.mark.parametrize("given", SPLIT)
def test_what_needs_the_whole_item_table_is_refused_by_name(given):
    assert SPLIT[given] in told("trainer=sharded_table", *given.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("prepare.spark.master=yarn", "set prepare.engine=spark"),
        ("prepare.engine=spark prepare.memory_gb=4", "prepare.memory_gb is of polars"),
    ],
)
def test_keys_of_the_engine_that_is_not_chosen_are_refused(given, said):
    assert said in told(*given.split())
