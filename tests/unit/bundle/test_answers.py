"""What a bundle answers is what its run answers: lists, weights, and errors."""

import subprocess
import sys

import numpy as np
import pytest
from helpers.bundles import opened, recommender, write
from polars.testing import assert_frame_equal

from seqrec.errors import DataError, SeqrecError
from seqrec.recommend import Session

MODELS = {
    "lstm_attn": (),
    "a classifier of its own": ("scorer=mlp", "encoder=gru", "head=multihead"),
    "cosine": ("scorer=cosine", "encoder=transformer", "head=last"),
    "a bias": ("scorer.bias=true", "evaluation.mask_seen=true"),
    "events": ("context=events", "context.target_time=true"),
    "users": ("embedding=user", "encoder=identity", "head=last"),
}
SESSIONS = [
    ["i1"],
    [3, "i3 ", "i4", "nothing", "i4"],
    [f"i{n}" for n in range(25)],
    ["i29", "i2", "i29"],
]
NEAR = {"rel_tol": 1e-5, "abs_tol": 1e-6}
NARROWED = (
    {},
    {"k": 100, "mask_seen": True},
    {"k": 5, "mask_seen": False, "deny": ["i2", "i5"]},
    {"allow": ["i1", "i2", "i3", "i29"], "deny": ["i2"], "k": 3},
    {"allow": []},
)


@pytest.mark.parametrize("name", MODELS)
def test_a_bundle_gives_the_lists_of_its_run(name, tmp_path):
    asks = recommender(*MODELS[name])
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    for chosen in NARROWED:
        answers = zip(
            bundle.recommend_all(SESSIONS, **chosen),
            asks.recommend_all(SESSIONS, **chosen),
            strict=True,
        )
        for own, run in answers:
            assert_frame_equal(own.items, run.items, check_dtypes=False, **NEAR)
            assert_frame_equal(own.history, run.history, **NEAR)
            assert own.unknown == run.unknown


def test_events_of_a_session_are_read_as_by_the_run(tmp_path):
    asks = recommender(*MODELS["events"])
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    context = {
        "timestamp": ["2024-05-01T10:00", None, 1_700_000_000_000],
        "dwell": [2.5, None, "7"],
        "device": ["tablet", "unheard of", None],
    }
    session = Session(["i3", "what", "i4"], context=context, asked=1_714_600_000_000)
    own, run = bundle.recommend(session), asks.recommend(session)
    assert_frame_equal(own.items, run.items, rel_tol=1e-5)
    assert own.items["item"].to_list() != bundle.recommend(["i3", "i4"]).items["item"].to_list()


@pytest.mark.parametrize(
    "given",
    [
        {"session": []},
        {"session": ["nothing"]},
        {"session": "i1"},
        {"session": [1.5]},
        {"session": {"i1"}},
        {"session": ["i1"], "k": 0},
        {"session": ["i1"], "mask_seen": "yes"},
        {"session": ["i1"], "allow": ["nothing"]},
        {"session": ["i1"], "deny": "i1"},
        {"session": Session(["i1"], context={"dwell": [1.0]})},
        {"session": Session(["i1"], context=["dwell"])},
    ],
)
def test_a_bundle_refuses_what_its_run_refuses(given, tmp_path):
    asks = recommender()
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    session, chosen = given["session"], {k: v for k, v in given.items() if k != "session"}
    with pytest.raises(SeqrecError) as own:
        bundle.recommend(session, **chosen)
    with pytest.raises(SeqrecError) as run:
        asks.recommend(session, **chosen)
    assert type(own.value) is type(run.value)


@pytest.mark.parametrize("user", [-2, 5])
def test_a_user_that_the_model_does_not_know_is_refused(user, tmp_path):
    asks = recommender(*MODELS["users"])
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    with pytest.raises(DataError, match="users 0 to 4"):
        bundle.recommend(Session(["i1"], user=user))


def test_scores_are_products_of_what_encode_returns_and_the_tables(tmp_path):
    asks = recommender(*MODELS["a bias"])
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    query_BD, alpha_BL = bundle.encode([["i1", "i2"], ["i3"]])
    score_V = bundle.vectors @ query_BD[0] + bundle.bias
    top = bundle.recommend(["i1", "i2"]).items
    index = bundle.items.indices(top["item"], where="test")
    np.testing.assert_allclose(score_V[index], top["score"], rtol=1e-5)
    assert alpha_BL.shape == (2, 2)


def test_reading_a_bundle_needs_no_torch():
    words = "import sys, seqrec.bundle, seqrec.bundle.requests; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words]).returncode == 0
