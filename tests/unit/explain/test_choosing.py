"""Explainers by name, with options."""

import pytest

from seqrec.errors import ConfigError
from seqrec.explain.choose import EXPLAINERS


def test_an_option_reaches_the_methods_that_have_it():
    nodes = EXPLAINERS.settings_of(
        ["shapley", "random", "recency"], {"seed": "4", "shapley.permutations": "8"}
    )
    assert nodes["shapley"]["seed"] == nodes["random"]["seed"] == 4
    assert nodes["shapley"]["permutations"] == 8
    assert EXPLAINERS.build(nodes)["shapley"].permutations == 8


@pytest.mark.parametrize(
    ("wanted", "options", "said"),
    [
        (["shaply"], {}, "method=shaply: unknown, did you mean shapley?"),
        (["shapley"], {"permutation": "8"}, "permutation: unknown, did you mean permutations?"),
        (["shapley"], {"permutations": "many"}, "shapley.permutations: 'many' isn't"),
        (["shapley"], {"rollout.x": "1"}, "rollout.x: unknown"),
        (["shapley"], {"_target_": "os.system"}, "_target_: unknown"),
        (["recency"], {"seed": "1"}, "seed: unknown"),
    ],
)
def test_a_mistake_is_named(wanted, options, said):
    with pytest.raises(ConfigError) as caught:
        EXPLAINERS.settings_of(wanted, options)
    assert said in caught.value.what


def test_a_value_that_a_method_refuses_is_told_with_its_name():
    with pytest.raises(ConfigError, match="permutations=7"):
        EXPLAINERS.build(EXPLAINERS.settings_of(["shapley"], {"permutations": "7"}))


def test_a_folder_may_add_methods(tmp_path):
    (tmp_path / "explainer").mkdir()
    file = tmp_path / "explainer" / "mine.yaml"
    file.write_text("_target_: seqrec.explainer.random.Random\nseed: 3\n")
    assert "mine" in EXPLAINERS.names([tmp_path]) and "mine" not in EXPLAINERS.names()
    assert (
        EXPLAINERS.build(EXPLAINERS.settings_of(["mine"], {}, folders=[tmp_path]))["mine"].seed == 3
    )
    file.write_text("seed: 3\n")
    with pytest.raises(ConfigError, match="needs a _target_"):
        EXPLAINERS.settings_of(["mine"], {}, folders=[tmp_path])
