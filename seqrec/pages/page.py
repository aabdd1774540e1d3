"""A page as one file, from shared templates and those of its own package."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.home import install

SHARED = "seqrec.pages"
JSON = {"separators": (",", ":"), "default": str, "allow_nan": False}


def check_packages(*, instead: str) -> None:
    """Check that a page can be written.

    Args:
        instead: what to type for a file that isn't a page.

    Raises:
        ConfigError: a package is missing.
    """
    for package in ("plotly", "jinja2"):
        if find_spec(package) is None:
            raise ConfigError(
                f"out= needs the package {package} for a page, which isn't installed",
                todo=f"{install('report')}, or write {instead}",
            )


def write_page(
    file: Path, package: str, *, title: str, kind: str, data: dict[str, Any], **content: Any
) -> None:
    """Write a page atomically.

    Args:
        file: the HTML file.
        package: has ``page.html``, which extends ``base.html``, and may have a ``style.css`` and a
            ``page.js``, which follow the shared ones.
        title: title of the page.
        kind: kind of page, shown next to the project's name.
        data: data for the scripts: ``figures`` by part, chart and variant, and the page's own.
            It is embedded as JSON, so texts can't become code.
        content: variables of the template.
    """
    from plotly.offline import get_plotlyjs

    page = (
        _environment(package)
        .get_template("page.html")
        .render(
            title=title,
            kind=kind,
            data=data,
            style="".join(_texts("style.css", package)),
            scripts=_texts("page.js", package),
            plotly=get_plotlyjs(),
            **content,
        )
    )
    write_file(file, page)


def _environment(package: str) -> Any:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader(SHARED, "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = JSON
    return made


def _texts(name: str, package: str) -> list[str]:
    """Return the shared file, and the package's own if it has one."""
    found = [files(place) / name for place in (SHARED, package)]
    return [each.read_text(encoding="utf-8") for each in found if each.is_file()]
