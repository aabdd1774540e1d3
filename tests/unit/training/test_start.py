"""Beginning with the weights of a finished run: rows go by original ids, tables by names."""

import shutil

import pytest
import torch
from helpers.experiments import root, store_of
from helpers.finished import write_shop
from helpers.untrained import untrained_run

from seqrec.errors import ConfigError, RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.run.fingerprint import fingerprint
from seqrec.training.start import begin_from

USERS = ("encoder=identity", "head=last", "embedding=user", "window=sliding")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("start")


@pytest.fixture(scope="module")
def earlier(place):
    """A run of the small data, with its weights."""
    folder, _, _ = untrained_run(place / "run", cache=place / "cache")
    return folder


def begun(folder, *overrides, cache):
    """A new experiment that begins with a run, what it began as, and what was taken over."""
    config = root(*overrides)
    store = store_of(config, cache)
    torch.manual_seed(9)
    module = build_experiment(config, store)
    first = {name: value.clone() for name, value in module.model.state_dict().items()}
    found = begin_from(str(folder.path), module.model, store, config, module.facts)
    return module, first, found


def weights_of(folder):
    return {name.removeprefix("model."): value for name, value in folder.weights().items()}


def test_on_the_same_data_it_is_the_same_model(earlier, place):
    module, first, found = begun(earlier, cache=place / "cache")
    own, then = module.model.state_dict(), weights_of(earlier)
    assert own.keys() == then.keys() and all(torch.equal(own[name], then[name]) for name in own)
    assert not torch.equal(first["embedding.weight_VD"], own["embedding.weight_VD"])
    assert found.items == found.of == module.store.n_items and not found.anew and not found.left
    assert found.text().startswith(f"with the weights of {earlier.path}: {found.of:,} of")


def test_rows_go_by_original_ids_and_new_ones_begin_anew(earlier, place):
    """Another seed of the generator gives other items the numbers 1, 2, ..."""
    other = ("data.seed=5", "data.n_items=130", "data.n_users=300")
    module, first, found = begun(earlier, *other, cache=place / "cache")
    then, now = weights_of(earlier), module.model.state_dict()
    before = dict(zip(untrained_items(earlier), range(1, 10**6), strict=False))
    known = 0
    for number, item in enumerate(module.store.items()["item"], 1):
        row = now["embedding.weight_VD"][number]
        if item in before:
            known += 1
            assert torch.equal(row, then["embedding.weight_VD"][before[item]])
        else:
            assert torch.equal(row, first["embedding.weight_VD"][number])
    assert 0 < known == found.items <= found.of == module.store.n_items


def untrained_items(folder):
    return folder.read_table("catalogue.parquet")["item"].to_list()


def test_tables_that_one_of_the_two_lacks_are_told(earlier, place):
    module, first, found = begun(earlier, "head=multihead", cache=place / "cache")
    assert found.anew and all(name.startswith("head.") for name in found.anew)
    assert found.left and all(name.startswith("head.") for name in found.left)
    now = module.model.state_dict()
    assert all(torch.equal(now[name], first[name]) for name in found.anew)
    assert "encoder.rnn.weight_hh_l0" in found.taken or any("encoder" in n for n in found.taken)
    assert "; anew: head." in found.text() and "; left: head." in found.text()


def test_positions_go_by_number_however_many_there_are(place):
    """A model of masked items has one position more than one of the next item."""
    folder, _, _ = untrained_run(place / "sasrec", "model=sasrec", cache=place / "cache")
    then = weights_of(folder)["encoder.position.weight"]
    for more in (15, 25):
        module, first, _ = begun(
            folder, "model=sasrec", f"max_length={more}", cache=place / "cache"
        )
        now, both = module.model.state_dict()["encoder.position.weight"], min(more, 20)
        assert torch.equal(now[:both], then[:both])
        assert torch.equal(now[both:], first["encoder.position.weight"][both:])


@pytest.mark.parametrize("overrides", [("dim=16",), ("encoder.layers=2", "dim=16")])
def test_a_table_of_another_shape_is_refused_by_name(overrides, earlier, place):
    with pytest.raises(RunError, match=r"embedding.weight_VD has another shape(.|\n)*checkpoint="):
        begun(earlier, *overrides, cache=place / "cache")


def test_a_counted_run_has_no_weights_to_begin_with(place):
    folder, _, _ = untrained_run(place / "markov", "model=markov", cache=place / "cache")
    with pytest.raises(ConfigError, match="Markov is a baseline: it has no weights"):
        begun(folder, cache=place / "cache")


def test_a_fingerprint_has_the_weights_and_not_the_folder(earlier, place):
    """A copy of a run is that run; one with other weights is another."""
    store = store_of(root(), place / "cache")
    plain = fingerprint(root(), store)
    own = fingerprint(root(f"checkpoint={earlier.path}"), store)
    shutil.copytree(earlier.path, place / "copy")
    assert fingerprint(root(f"checkpoint={place / 'copy'}"), store) == own != plain
    other, _, _ = untrained_run(place / "other", cache=place / "cache", seed=3)
    assert fingerprint(root(f"checkpoint={other.path}"), store) not in (own, plain)
    teacher = ("objective=distil", "teacher=run")
    taught = fingerprint(root(*teacher, f"teacher.run={earlier.path}"), store)
    assert taught != fingerprint(root(*teacher, f"teacher.run={other.path}"), store)
    with pytest.raises(RunError, match="not the folder of a run"):
        fingerprint(root(f"checkpoint={place / 'nowhere'}"), store)


def test_users_are_found_by_their_names(place):
    folder, _, before = untrained_run(place / "users", *USERS, cache=place / "cache")
    weights = folder.best
    state = torch.load(weights, weights_only=True)
    table = state["state_dict"]["model.embedding.user_UD"]
    table.copy_(torch.arange(len(table))[:, None].expand_as(table).float())
    torch.save(state, weights)
    smaller = ("data.n_users=300", "data.seed=5")
    module, _, _ = begun(folder, *USERS, *smaller, cache=place / "cache")
    names = before.users()["user"].to_list()
    for number, user in enumerate(module.store.users()["user"].to_list(), 1):
        row = module.model.embedding.user_UD[number]
        assert row[0] == (names.index(user) + 1 if user in names else 0)


def test_features_and_context_go_by_what_they_mean(place, tmp_path):
    shop = write_shop(place / "shop")
    given = (
        *("data=files", f"data.path={shop}", f"data.items_path={shop.parent}/items.csv"),
        *("data.rating=stars", "data.context=[device]", "prepare.k_core=0", "max_length=8"),
        *("embedding=features", "embedding.features=[{kind: category}]"),
    )
    both = ("context=events", "context.columns=[rating,device]")
    folder, _, _ = untrained_run(place / "rich", *given, *both, cache=place / "cache")
    state = torch.load(folder.best, weights_only=True)
    for name, value in state["state_dict"].items():
        if name.endswith(("weight_CD", "weight_2D")):
            value.normal_()
    torch.save(state, folder.best)
    fewer = ("context=events", "context.columns=[device]")  # it is another part's place now
    module, _, found = begun(folder, *given, *fewer, cache=place / "cache")
    then, now = weights_of(folder), module.model.state_dict()
    assert torch.equal(now["context.parts.0.weight_CD"], then["context.parts.1.weight_CD"])
    [feature] = [name for name in now if name.endswith("features.0_kind.weight_CD")]
    assert torch.equal(now[feature][1:], then[feature][1:])
    assert "rating.weight_2D" in found.left
