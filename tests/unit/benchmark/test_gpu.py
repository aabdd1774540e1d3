"""What is measured of a GPU's card, as far as a machine without one can tell."""

import pytest
import torch

from seqrec.benchmark import gpu
from seqrec.errors import ConfigError

TINY = ["model=sasrec", "data=synthetic", "data.n_users=60", "dim=8", "trainer=cpu"]
MEASURED = {"epoch_s": 2.0, "targets_per_s": 500.0, "gpu_peak_mb": 100.0}
RESULT = {
    "card": "Card",
    "data": {"name": "d", "data_hash": "h"},
    "peak": {"bf16": 1e12, "fp32": 1e11},
    "flops": 2e11,
    "variants": {"bf16": MEASURED, "fp32": MEASURED | {"epoch_s": 4.0}},
    "failed": {"bf16, compiled": "no compiler"},
    "recipe": {"fit_seconds": 9.0, "ndcg@10": 0.1},
}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQREC_CACHE_DIR", str(tmp_path))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_measured():
    with pytest.raises(ConfigError, match="needs a CUDA GPU"):
        gpu.measure_gpu(TINY, epochs=1, threads=1)


def test_the_peak_is_that_of_a_product():
    assert set(gpu.measure_peak("cpu", width=64)) == {"bf16", "fp16", "fp32"}


def test_operations_grow_with_the_catalogue():
    few, many = (gpu.count_flops([*TINY, f"data.n_items={n}"]) for n in (50, 500))
    assert 0 < few < many


def test_the_share_of_the_peak_is_of_its_precision():
    lines = {line.what: line.value for line in gpu.gpu_lines(RESULT)}
    assert lines["bf16: share of the card's peak"] == pytest.approx(0.1)
    assert lines["fp32: share of the card's peak"] == pytest.approx(0.5)


def test_the_paragraph_says_what_was_not_measured():
    text = gpu.paragraph(RESULT, "sasrec")
    assert "`sasrec` on d (`h`) on one Card" in text
    assert "fp32: 500 target positions/s, 0.50 times bf16" in text
    assert "bf16, compiled: not measured (no compiler)" in text and "NDCG@10 0.1000" in text
