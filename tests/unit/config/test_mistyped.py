"""A mistyped argument of a command that passes keys on is told before anything is missed."""

import pytest

from seqrec.commands import explain, offpolicy, recommend, tradeoffs
from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError

COMMANDS = {
    "explain": (explain.Arguments, explain.explain_run),
    "offpolicy": (offpolicy.Arguments, offpolicy.offpolicy),
    "recommend": (recommend.Arguments, recommend.recommend),
    "tradeoffs": (tradeoffs.Arguments, tradeoffs.show_tradeoffs),
}


@pytest.mark.parametrize(
    "typed, said",
    [
        ("recommend rn=x", "rn: unknown, did you mean run?"),
        ("recommend run=x usr=4", "usr: unknown, did you mean user?"),
        ("recommend run=x generator=sample usr=4", "usr: unknown, did you mean user?"),
        ("recommend run=x generator=sample temperaturr=4", "did you mean temperature?"),
        ("explain run=x usr=4", "usr: unknown, did you mean user?"),
        ("explain rnu=x user=4", "rnu: unknown, did you mean run?"),
        ("explain run=x", "give one of"),
        ("tradeoffs acceleratr=cpu", "acceleratr: unknown, did you mean accelerator?"),
        ("tradeoffs wieght=0.1", "wieght: unknown, did you mean weight?"),
        ("tradeoffs", "no run is named"),
        ("offpolicy lgo=x", "lgo: unknown, did you mean log?"),
        ("offpolicy log=x targett=y", "targett: unknown, did you mean target?"),
        ("offpolicy log=x", "nothing differs"),
    ],
)
def test_the_right_spelling_is_told_first(typed, said):
    name, *words = typed.split()
    declared, run = COMMANDS[name]
    with pytest.raises(ConfigError) as refused:
        run(parse(declared, words))
    assert said in str(refused.value)


def test_a_generator_is_only_spoken_of_where_a_key_may_be_one_of_its_keys():
    for key, may_be in (("itemss", False), ("temperature", True)):
        with pytest.raises(ConfigError) as refused:
            recommend.recommend(parse(recommend.Arguments, ["run=x", "user=1", f"{key}=1"]))
        assert ("generator=NAME" in str(refused.value)) == may_be


def test_a_key_that_is_like_no_missing_argument_isnt_called_one():
    with pytest.raises(ConfigError) as refused:
        parse(explain.Arguments, ["temperature=0.7"])
    assert "run: must be given" in str(refused.value) and "a mistake" in str(refused.value)
