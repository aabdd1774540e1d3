"""Hooks of mkdocs: README, the other pages of the top and the notebook join those of docs/.

Links are written for a reader of the repository, ``docs/metrics.md`` in README and ``metrics.md``
in a page beside it. Here they become links between pages of the site. What they lead to beside
pages (a licence, a configuration) isn't on the site, so the words stay and the link goes.
"""

import json
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "quickstart.ipynb"
NAMES = {"README.md": "index.md", f"docs/{NOTEBOOK}": "quickstart.md"}
LINK = re.compile(
    r"(?P<image>!?)\[(?P<words>[^\]]*)\]\((?P<place>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)"
)
ROLE = re.compile(r":(?:class|func|meth|attr|data|mod):<code>~?(?:[\w.]+\.)?(\w+)</code>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that don't lie in docs/."""
    for page in sorted(ROOT.glob("*.md")):
        name = NAMES.get(page.name, page.name)
        files.append(File.generated(config, name, abs_src_path=str(page)))
    if notebook := files.get_file_from_path(NOTEBOOK):
        files.remove(notebook)
    files.append(File.generated(config, NAMES[f"docs/{NOTEBOOK}"], content=_notebook()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page to where the site has what they name."""
    source = page.file.abs_src_path or config.docs_dir  # the notebook's text is made here
    folder = Path(source).parent if source != config.docs_dir else Path(source)

    def lead(found: re.Match) -> str:
        target = (folder / found["place"]).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            return found[0]  # mkdocs refuses it
        path = target.relative_to(ROOT).as_posix()
        name = NAMES.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(name) is None:
            return found["words"]
        return f"{found['image']}[{found['words']}]({name}{found['anchor'] or ''})"

    return LINK.sub(lead, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Print names in docstrings as code alone, without the role that says what they are."""
    return ROLE.sub(r"<code>\1</code>", html)


def _notebook() -> str:
    """The notebook as a page; it is kept without outputs."""
    cells = json.loads((ROOT / "docs" / NOTEBOOK).read_text())["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join(parts)
