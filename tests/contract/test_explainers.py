"""What every explainer promises, and that explainers which break a promise are found out."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from helpers.components import component, names
from helpers.questions import ROW, baseline, one_user, padded, question, trained

from seqrec.errors import ConfigError, RunError
from seqrec.explainer.leave_one_out import LeaveOneOut
from seqrec.explainer.random import Random
from seqrec.question import Explanation, Question, able

every = pytest.mark.parametrize("name", names("explainer"))
SCORERS = names("scorer")
MODELS = {
    f"{encoder}-{head}-{SCORERS[(i + j) % len(SCORERS)]}": (encoder, head, SCORERS[(i + j) % 4])
    for i, encoder in enumerate(names("encoder"))
    for j, head in enumerate(names("head"))
}


def usual():
    """A model that has what any explainer needs."""
    return trained("transformer", "inputs")


def check_weights(explainer):
    """One finite number for each event, of a pair of items as of one."""
    for asked in (question(usual()), question(usual(), instead=20)):
        weight_L = explainer(asked).weight_L
        assert weight_L.shape == (len(ROW),) and weight_L.dtype == torch.float64
        assert weight_L.isfinite().all()


def check_padding(explainer):
    """Padding changes nothing, and neither does how many histories are asked at once."""
    model = usual()
    expected = explainer(question(model)).weight_L
    for asked in (question(model, padded(one_user())), question(model, size=3)):
        torch.testing.assert_close(explainer(asked).weight_L, expected, rtol=1e-4, atol=1e-5)


def check_repeats(explainer):
    """Asked again, after another question, it says the same, and leaves no trace."""
    model = usual()
    state, first = torch.get_rng_state(), explainer(question(model))
    explainer(question(model, one_user([4, 5, 6])))
    again = explainer(question(model))
    assert torch.equal(first.weight_L, again.weight_L) and first.about == again.about
    assert torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())


def check_complete(explainer):
    """The weights of a complete method miss their sum by no more than it says."""
    asked = question(usual())
    said = explainer(asked)
    assert (said.error is not None) == explainer.complete
    if not explainer.complete:
        return
    ends = asked.played(explainer.game, torch.tensor([[False], [True]]).expand(2, len(asked)))
    whole = (ends[1] - ends[0]).item()
    missed = abs(said.weight_L.sum().item() - whole) / abs(whole)
    assert missed <= 0.01
    assert missed == pytest.approx(said.error, abs=1e-4)


def check_game(explainer):
    """It takes events away as it says, or not at all."""
    with forbidden("values" if explainer.game != "delete" else "score"):
        explainer(question(usual()))
    if explainer.game is None:
        with forbidden("masked_values"):
            explainer(question(usual()))


@contextmanager
def forbidden(way):
    """Fail where a question is asked in one way."""

    def fail(*_):
        raise AssertionError(f"it asks by {way}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Question, way, fail)
        yield


def check_needs(explainer):
    """It answers for models that have what it needs, and refuses the others before it asks them."""
    for model in (usual(), trained("gru"), baseline()):
        try:
            explainer(question(model))
            refused = False
        except ConfigError as error:
            refused = "fix:" in str(error)
        assert refused != able(model, explainer.needs)


def check_one_event(explainer):
    """A history of one event has one weight."""
    assert len(explainer(question(usual(), one_user([5]))).weight_L) == 1


CHECKS = [
    *(check_weights, check_padding, check_repeats, check_complete, check_game, check_needs),
    check_one_event,
]


@pytest.mark.slow
@every
@pytest.mark.parametrize("check", CHECKS)
def test_an_explainer_keeps_its_promise(check, name):
    check(component("explainer", name))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("attention", {"of": "encoder"}),
        ("leave_one_out", {"game": "mask"}),
        ("shapley", {"exact": 0}),
        ("shapley", {"game": "mask"}),
        ("counterfactual", {"edit": "replace"}),
        ("counterfactual", {"exhaustive": 1}),
    ],
)
@pytest.mark.parametrize("check", [check_weights, check_padding, check_repeats, check_complete])
def test_an_option_of_an_explainer_keeps_its_promise(check, name, changes):
    check(component("explainer", name, **changes))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_explained_or_refused(model):
    asked = question(trained(*MODELS[model]))
    for name in names("explainer"):
        explainer = component("explainer", name)
        if able(asked.model, explainer.needs):
            assert explainer(asked).weight_L.isfinite().all(), name
        else:
            with pytest.raises(ConfigError, match="of its own"):
                explainer(asked)


@pytest.mark.parametrize("counted", names("baseline"))
def test_every_baseline_is_explained_or_refused(counted):
    asked = question(baseline(counted))
    for name in names("explainer"):
        explainer = component("explainer", name)
        if explainer.needs == "anything":
            assert explainer(asked).weight_L.isfinite().all(), name
        else:
            with pytest.raises(ConfigError, match="has no vectors"):
                explainer(asked)


def with_a_question_mark(history):
    """The history with one more position behind it, as an objective may ask."""
    item_BL = torch.nn.functional.pad(history.item_BL, (0, 1))
    item_BL = item_BL.scatter(1, history.length_B[:, None], 1)
    return replace(history, item_BL=item_BL, length_B=history.length_B + 1)


def test_positions_that_an_objective_adds_have_no_weights():
    asked = question(trained("transformer", "inputs", ask=with_a_question_mark))
    assert asked.vectors().shape[1] == len(ROW) + 1
    for name in names("explainer"):
        said = component("explainer", name)(asked)
        assert said.weight_L.shape == (len(ROW),), name
        assert (said.error or 0) <= 0.01, name


class Broken(LeaveOneOut):
    """Leave one out, spoilt by `change` of its weights."""

    def __init__(self, change=lambda weight_L, asked: weight_L, **said):
        super().__init__()
        self.change = change
        for name, value in said.items():
            setattr(self, name, value)

    def __call__(self, question):
        said = super().__call__(question)
        error = 0.0 if self.complete else None
        return Explanation(self.change(said.weight_L, question), said.asked, error, said.about)


class Unseeded(Random):
    def __call__(self, question):
        return Explanation(torch.rand(len(question)).double(), asked=0)


class Choosy(Broken):
    def __call__(self, question):
        if len(question) < 2:
            return Explanation(torch.zeros(0), asked=0)
        return super().__call__(question)


class Masks(Broken):
    """Says that it deletes."""

    def __call__(self, question):
        question.masked_values(torch.ones(1, len(question)) > 0)
        return super().__call__(question)


class Deletes(Broken):
    """Says that it takes no event away."""

    game = property(lambda self: None, lambda self, value: None)

    def __call__(self, question):
        question.values(torch.ones(1, len(question)) > 0)
        return super().__call__(question)


class Hungry(Broken):
    def __call__(self, question):
        question.vectors()
        return super().__call__(question)


@pytest.mark.parametrize("check", CHECKS)
def test_the_explainer_that_the_broken_ones_are_made_of_keeps_them_all(check):
    check(Broken())


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_weights, Broken(lambda weight_L, asked: weight_L[1:])),
        (check_weights, Broken(lambda weight_L, asked: weight_L / 0)),
        (check_weights, Broken(lambda weight_L, asked: weight_L.float())),
        (check_padding, Broken(lambda weight_L, asked: weight_L / asked.size)),
        (check_repeats, Unseeded()),
        (check_complete, Broken(complete=True)),
        (check_game, Masks()),
        (check_game, Deletes()),
        (check_needs, Hungry()),
        (check_needs, Broken(needs="vectors")),
        (check_one_event, Choosy()),
    ],
)
def test_a_broken_explainer_is_found_out(check, broken):
    with pytest.raises((AssertionError, RunError)):
        check(broken)
