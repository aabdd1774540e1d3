"""What README shows works as shown."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_head_passes_the_tests_that_find_it(tmp_path):
    """Copy the project, add the two files, and run the contract of heads on the new one."""
    for name in ("seqrec", "configs", "tests", "pyproject.toml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    [config] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "seqrec" / "head" / "recent.py").write_text(code)
    (tmp_path / "configs" / "head" / "recent.yaml").write_text(config)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_encoders_and_heads.py", "-k", "recent"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


KEYS = ("data", "prepare", "evaluation", "split", "embedding", "context")


def test_the_keys_and_options_that_it_names_exist():
    sys.path.insert(0, str(ROOT / "tests"))
    from experiments import root

    root("data=files", "data.path=x.csv", "data.rating=stars", "prepare.min_rating=4",
         "data.items_path=p.csv", "data.items_item=sku", "data.items_title=name",
         "prepare.repeats=consecutive", "prepare.k_core=5", "split=temporal",
         "evaluation.mask_seen=false", "data.timestamp=null")  # fmt: skip
    root("split=temporal", "split.targets=all", "split.new_items=rank", "prepare.session_gap=30",
         "embedding=features", "embedding.item_id=false", "embedding.join=gate")  # fmt: skip
    root("split=rolling", "split.fold=1")
    root("context=events", "context.columns=[rating,gap,hour]", "context.target_time=true")
    for name in re.findall(r"`(\w+\.\w+)=", README):
        assert name.split(".")[0] in KEYS, name
    for path in re.findall(r"`((?:scripts|seqrec|configs|tests)/[\w/.]+)`", README):
        assert (ROOT / path).exists() or "recent" in path, path
