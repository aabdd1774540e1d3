"""How many devices a catalogue needs."""

import pytest
from helpers.experiments import root

from seqrec.commands.plan import Arguments, plan
from seqrec.errors import ConfigError
from seqrec.training.table_plan import measure_step, needs

GPU = ("trainer.accelerator=gpu", "dim=16", "max_length=20")


def test_what_the_number_of_items_decides_is_shared_by_the_processes():
    config = root("trainer=sharded_table", *GPU, "scorer.bias=true")
    step = measure_step(config)
    assert step.width == 17 and step.states == 2 and step.full and not step.sparse
    one, four = (needs(config, step, items=10**7, processes=n) for n in (1, 4))
    assert one.parts["table"] == 4 * 17 * (10**7 + 1) and one.sent == 0 < four.sent
    for part in ("table", "optimizer", "gradient", "scores"):
        assert one.parts[part] == pytest.approx(4 * four.parts[part], rel=1e-3)
    assert one.parts["others"] == four.parts["others"] and one.parts["libraries"] == 0


def test_a_sampled_loss_with_lazy_updates_needs_no_gradient_of_the_table():
    sampled = ("loss=sampled_softmax", "optimizer=lazy_adam", "negatives=uniform")
    config = root("trainer=sharded_table", *GPU, *sampled)
    found = needs(config, measure_step(config), items=10**7, processes=2)
    assert found.parts["gradient"] < found.parts["table"] / 10


def test_a_plan_names_the_least_number_of_devices(capsys):
    given = {"dim": "16", "max_length": "20", "trainer.accelerator": "gpu"}
    plan(Arguments(items=1e8, memory_gb=20, overrides=given))
    assert "needs    at least 4 devices of 20 GB" in capsys.readouterr().out
    plan(Arguments(items=1e8, memory_gb=0.01, overrides=given))
    assert "more than 4096 devices of 0.01 GB" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"items=0\.0: must be above 0"):
        plan(Arguments(items=0.0))
    with pytest.raises(ConfigError, match="can't be planned without its data"):
        plan(Arguments(items=10.0, overrides={"context": "events"}))
