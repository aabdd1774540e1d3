"""How many devices a catalogue needs."""

import pytest
import torch
from helpers.experiments import root

from seqrec.build import build_loss, build_model, build_negatives, build_objective
from seqrec.commands.plan import Arguments, plan
from seqrec.errors import ConfigError
from seqrec.facts import Facts
from seqrec.training import table_plan
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


@pytest.mark.parametrize("batch", [2, 16])  # scores are smaller than a gradient; larger
def test_a_step_holds_at_once_what_the_law_says(batch):
    sizes = ("dim=64", "max_length=16", f"batch.size={batch}")
    config, items = root("trainer=sharded_table", "trainer.accelerator=cpu", *sizes), 50_000
    parts = needs(config, measure_step(config), items=items, processes=1).parts
    facts = Facts(n_items=items, item_count_V=torch.ones(items + 1, dtype=torch.int64))
    model, loss = build_model(config, facts), build_loss(config, facts)
    negatives = build_negatives(config, facts)
    objective = build_objective(config, facts, loss=loss, negatives=negatives)
    given = table_plan._random_batch(batch, config.max_length)
    with torch.profiler.profile(profile_memory=True) as profile:
        objective(model, given)[0].backward()
    told = [each for each in profile.profiler.kineto_results.events() if each.name() == "[memory]"]
    live = torch.tensor([each.nbytes() for each in sorted(told, key=lambda each: each.start_ns())])
    passing = parts["gradient"] + parts["scores"] + parts["activations"]
    assert int(live.cumsum(0).amax()) == pytest.approx(passing, rel=0.1)


def test_the_first_process_of_several_collects_whole_tables_in_its_hosts_memory():
    gpu, cpu = (root("trainer=sharded_table", f"trainer.accelerator={a}") for a in ("gpu", "cpu"))
    step, items = measure_step(gpu), 10**7
    on_gpu, on_cpu = (needs(config, step, items=items, processes=8) for config in (gpu, cpu))
    assert on_gpu.collected == on_cpu.collected == 3 * 4 * step.width * (items + 1)
    assert on_gpu.parts["checkpoint"] == 0
    held = sum(on_cpu.parts[name] for name in ("gradient", "scores", "checkpoint"))
    assert held >= on_cpu.collected  # the step's gradient and scores are gone by then
    assert needs(cpu, step, items=items, processes=1).parts["checkpoint"] == 0


def test_a_plan_names_the_least_number_of_devices(capsys):
    given = {"dim": "16", "max_length": "20", "trainer.accelerator": "gpu"}
    plan(Arguments(items=1e8, memory_gb=20, overrides=given))
    assert "needs    at least 5 devices of 20 GB" in capsys.readouterr().out
    plan(Arguments(items=1e8, memory_gb=0.01, overrides=given))
    assert "more than 4096 devices of 0.01 GB" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"items=0\.0: must be above 0"):
        plan(Arguments(items=0.0))
    with pytest.raises(ConfigError, match="can't be planned without its data"):
        plan(Arguments(items=10.0, overrides={"context": "events"}))
