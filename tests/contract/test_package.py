"""What says the version, and what the top of the project must hold."""

import re

import yaml
from helpers import ROOT

from seqrec import __version__


def test_every_file_that_names_the_version_names_the_same():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == __version__
    released = re.search(r"^## (\S+) \((\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released.groups() == (__version__, cited["date-released"])


def test_the_workflow_calls_what_contributors_call():
    workflow = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
    assert ".ci/run" in [step.get("run") for step in workflow["jobs"]["checks"]["steps"]]
    targets = re.findall(r"^make (\w+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert f"make {' '.join(targets)} " in (ROOT / "CONTRIBUTING.md").read_text()


def test_every_page_has_its_place_on_the_site():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*.ipynb")]
    names = {page.with_suffix(".md").name.replace("README", "index") for page in pages}
    assert names == set(re.findall(r": ([\w]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
