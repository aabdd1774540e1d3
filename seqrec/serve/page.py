"""The demo page: one file, which asks nothing of other hosts."""

from functools import cache
from importlib.resources import files

PARTS = {
    "STYLE": [("seqrec.pages", "style.css"), ("seqrec.serve", "demo.css")],
    "SCRIPT": [("seqrec.serve", "demo.js")],
}


@cache
def page() -> bytes:
    """Return the page, with the style of all pages of this project."""
    text = (files("seqrec.serve") / "demo.html").read_text(encoding="utf-8")
    for name, places in PARTS.items():
        inner = "".join((files(p) / file).read_text(encoding="utf-8") for p, file in places)
        text = text.replace(f"/* {name} */", inner)
    return text.encode()
