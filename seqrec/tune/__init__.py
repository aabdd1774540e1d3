"""Hyper-parameter search: a study of many trials, judged on validation alone."""

import re

COSTS = ("parameters", "fit_seconds")  # options for a second objective; lower is better
POSTGRES, DRIVER = "postgres", "psycopg"  # the extra and the package that speaks to PostgreSQL
PRUNERS = ("median", "hyperband", "none")  # options for stopping trials early


def hide_password(text: str) -> str:
    """Return a text whose URLs have ``***`` in the place of passwords."""
    return re.sub(r"(\w+://[^/\s:@]*:)[^/\s]*@", r"\1***@", text)
