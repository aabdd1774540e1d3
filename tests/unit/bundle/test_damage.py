"""Bundles that aren't what was exported are refused, and the file is named."""

import json

import numpy as np
import pytest
from helpers.bundles import opened, recommender, write

from seqrec.bundle import Bundle
from seqrec.bundle.manifest import Manifest
from seqrec.disk.manifest import entry_of
from seqrec.errors import ConfigError, RunError


@pytest.fixture(scope="module")
def asks():
    return recommender("context=events")


@pytest.fixture
def folder(asks, tmp_path):
    return write(asks, tmp_path / "bundle")


def rewrite(folder, **changes):
    """Change the manifest as somebody would who knows how."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] |= {n: entry_of(folder / n) for n in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def test_a_flipped_byte_in_any_file_is_found_and_the_file_named(folder):
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) > 12
    for name in names:
        file = folder / name
        before = file.read_bytes()
        file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        if name == "manifest.json":
            file.write_bytes(before.replace(b'"size"', b'"sizf"', 1))
        with pytest.raises(RunError, match=name):
            Bundle.open(folder)
        file.write_bytes(before)


def test_a_missing_file_is_named(folder):
    (folder / "titles.npy").unlink()
    with pytest.raises(RunError, match=r"titles\.npy"):
        Bundle.open(folder)


def test_another_schema_is_told(folder):
    rewrite(folder, schema=2)
    with pytest.raises(RunError, match="schema 2, and this version reads 1"):
        Bundle.open(folder)


@pytest.mark.parametrize("name", ["plugin.so", "model.py", "../other.npy", "hook.pkl"])
def test_a_manifest_that_names_what_no_bundle_has_is_refused(name, folder):
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite(folder, files=files | {name: {"size": 1, "sha256": "0"}})
    with pytest.raises(RunError, match="no bundle has"):
        Bundle.open(folder)


def test_a_link_to_another_place_is_refused(folder, tmp_path):
    file = folder / "items.npy"
    file.rename(tmp_path / "elsewhere.npy")
    file.symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(RunError, match=r"items\.npy.*link"):
        Bundle.open(folder)


WRONG = {
    "items.npy": np.zeros((3, 3), np.float32),
    "candidate.npy": np.zeros(31, np.int64),
    "ids.begin.npy": np.zeros(31, np.int64),
    "ids.slot.npy": np.zeros(64, np.int32),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_array_of_another_kind_is_refused_although_its_hash_is_right(name, folder):
    np.save(folder / name, WRONG[name])
    rewrite(folder)
    with pytest.raises(RunError, match="can't be used"):
        Bundle.open(folder)


def test_a_pickle_in_an_array_is_never_read(folder):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("it was unpickled",))

    np.save(folder / "items.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    rewrite(folder)
    with pytest.raises(RunError, match=r"items\.npy"):
        Bundle.open(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"wanted": [3]},
        {"wanted": ["nothing"]},
        {"n_items": 0},
        {"n_items": "30"},
        {"format": "python"},
        {"files": []},
        {"inputs": None},
    ],
)
def test_a_manifest_of_the_wrong_shape_is_refused(changes, folder):
    rewrite(folder, **changes)
    with pytest.raises(RunError):
        Bundle.open(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", "null", '{"schema": 1}', "[" * 99999])
def test_a_manifest_that_is_none_is_refused(text, folder):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(RunError, match=r"manifest\.json"):
        Bundle.open(folder)


def test_what_is_no_bundle_is_told_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match="not a bundle") as raised:
        Bundle.open(tmp_path / "nowhere")
    assert "export" in str(raised.value)


def test_weights_without_a_graph_are_not_run(folder):
    with pytest.raises(ConfigError, match=r"model.npz, which needs torch"):
        Bundle.open(folder).encode([["i1"]])


def test_the_name_of_a_bundle_changes_with_any_file(asks, folder):
    before = opened(asks, folder).sha
    assert opened(asks, folder).sha == before
    (folder / "context.json").write_text((folder / "context.json").read_text() + "\n")
    rewrite(folder)
    assert opened(asks, folder).sha != before


def test_a_run_in_a_bundles_place_is_to_be_exported(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match=f"folder of a run, not a bundle(.|\n)*run={tmp_path}"):
        Manifest.read(tmp_path)
