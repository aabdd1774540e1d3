"""The contract of teachers, held to by every file in ``configs/teacher``."""

from dataclasses import replace

import pytest
import torch
from helpers.components import names, node
from helpers.experiments import root, store_of
from helpers.untrained import untrained_run
from torch import nn

from seqrec.config.make import make
from seqrec.errors import ConfigError, RunError
from seqrec.shapes import History, position_mask
from seqrec.teacher._answers import answers
from seqrec.teacher.run import Run

every = pytest.mark.parametrize("name", names("teacher"))
LENGTHS = [3, 12, 1, 7]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs of the small data, one with dropout, and a cache of the data."""
    folder = tmp_path_factory.mktemp("teachers")
    cache = folder / "cache"
    for seed, overrides in enumerate([("dropout=0.5",), ("encoder=gru", "head=last")]):
        untrained_run(folder / f"run{seed}", *overrides, cache=cache, seed=seed)
    return folder


def taught_by(name: str, runs) -> dict:
    """The values of a teacher's file that its user has to give."""
    given = {"run": str(runs / "run0"), "runs": [str(runs / "run0"), str(runs / "run1")]}
    values = node("teacher", name)
    return values | {key: given[key] for key, value in values.items() if value == "???"}


def begun(teacher, runs):
    """The teacher, ready to answer."""
    config = root()
    teacher.begin(config, store_of(config, runs / "cache"))
    return teacher


def histories(width: int = 12, seed: int = 1) -> History:
    generator = torch.Generator().manual_seed(seed)
    length_B = torch.tensor(LENGTHS)
    item_BL = torch.randint(1, 20, (len(LENGTHS), width), generator=generator)
    return History(item_BL * position_mask(length_B, width), length_B, torch.arange(len(LENGTHS)))


def places() -> tuple[torch.Tensor, torch.Tensor]:
    return position_mask(torch.tensor(LENGTHS), max(LENGTHS)).nonzero(as_tuple=True)


def scores(teacher, history) -> torch.Tensor:
    return teacher(history, *places()).scores(slice(None))


def check_frozen(teacher):
    """It says the same twice, with no dropout, and no gradient leads to it."""
    first = scores(teacher, histories())
    torch.manual_seed(3)
    assert torch.equal(scores(teacher, histories()), first)
    assert not first.requires_grad and first.dtype == torch.float32 and first.isfinite().all()


def check_parts(teacher):
    """Scores of a few positions at a time are those of all, for every item but the padding."""
    taught, whole = teacher(histories(), *places()), scores(teacher, histories())
    parts = [taught.scores(slice(at, at + 5)) for at in range(0, len(whole), 5)]
    assert len(whole) == sum(LENGTHS)
    torch.testing.assert_close(torch.cat(parts), whole)


def check_prefixes(teacher):
    """What it says at a position depends on what stands before alone, whatever is padded."""
    told, (_, column_N) = histories(), places()
    whole = scores(teacher, told)
    early = column_N < 3
    other_BL = histories(seed=2).item_BL
    other_BL[:, :3] = told.item_BL[:, :3]
    changed = scores(teacher, replace(told, item_BL=other_BL))
    torch.testing.assert_close(changed[early], whole[early])
    assert not torch.allclose(changed[~early], whole[~early])
    wider = replace(told, item_BL=nn.functional.pad(told.item_BL, (0, 4)))
    torch.testing.assert_close(scores(teacher, wider), whole)


CHECKS = [check_frozen, check_parts, check_prefixes]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_teacher_keeps_its_promise(check, name, runs):
    check(begun(make(taught_by(name, runs)), runs))


@every
def test_a_teacher_is_no_part_of_what_learns_from_it(name, runs):
    class Learner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.teacher = begun(make(taught_by(name, runs)), runs)

    assert not Learner().state_dict()


@every
def test_a_run_of_other_data_or_of_another_split_is_refused(name, runs, tmp_path):
    values = taught_by(name, runs)
    other = root("data.n_users=40")
    with pytest.raises(RunError, match=r"other data(.|\n)*teacher\.run"):
        make(values).begin(other, store_of(other, tmp_path))
    split = root("split=ratio")
    with pytest.raises(RunError, match="another split"):
        make(values).begin(split, store_of(split, runs / "cache"))


@every
def test_a_folder_that_is_no_finished_run_is_refused(name, runs, tmp_path):
    values = taught_by(name, runs)
    key = "run" if "run" in values else "runs"
    values[key] = str(tmp_path) if key == "run" else [str(runs / "run0"), str(tmp_path)]
    with pytest.raises(RunError, match="not the folder of a run"):
        begun(make(values), runs)


def test_a_counted_model_is_refused_as_it_answers_whole_histories(runs, tmp_path):
    untrained_run(tmp_path / "markov", "model=markov", cache=runs / "cache")
    with pytest.raises(ConfigError, match="Markov is a baseline, which answers whole histories"):
        begun(Run(run=str(tmp_path / "markov")), runs)


class Dropping(Run):
    """Its dropout is on."""

    def __call__(self, history, row_N, column_N):
        for voice in self.voices:
            voice.model.train()
        return super().__call__(history, row_N, column_N)


class OfTheBatch(Run):
    """It says at every position what it says at the last of the row."""

    def __call__(self, history, row_N, column_N):
        return super().__call__(history, row_N, (history.length_B - 1)[row_N])


class Shuffled(Run):
    """Its parts are in another order."""

    def __call__(self, history, row_N, column_N):
        taught = answers(self.voices, history, row_N, column_N)
        rolled = tuple((query.roll(1, 0), *rest) for query, *rest in taught.parts)

        class Wrong:
            def scores(self, part):
                whole = part == slice(None)
                return (taught if whole else replace(taught, parts=rolled)).scores(part)

        return Wrong()


@pytest.mark.parametrize(
    ("check", "kind"),
    [(check_frozen, Dropping), (check_prefixes, OfTheBatch), (check_parts, Shuffled)],
)
def test_a_broken_teacher_is_found_out(check, kind, runs):
    with pytest.raises(AssertionError):
        check(begun(kind(run=str(runs / "run0")), runs))
