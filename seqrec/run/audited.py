"""What an audit of a run's explanations left in its folder: how far each method can be trusted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqrec.home import command
from seqrec.raw.get.fetch import sha256_of
from seqrec.run.folder import RunFolder

FILE = "explanations.json"
METRICS = tuple(f"POS@5,Ke{ke}" for ke in (3, 2, 1))  # the first that has users is shown
CONTROLS = ("random", "recency")


@dataclass(frozen=True)
class Audited:
    """The audit of a run.

    Args:
        content: of its file; None without one that holds for this run.
        why: why there is none.
    """

    content: dict[str, Any] | None
    why: str = ""

    def fidelity(self, method: str, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the main metric of a method, and that of the controls.

        Args:
            method: the name of the explainer.
            settings: those that the weights were made with; None: any.

        Returns:
            ``metric``, ``value``, ``users`` and a value by control; or ``why`` there is none.
        """
        if self.content is None:
            return {"why": self.why}
        methods = self.content["methods"]
        if method not in methods:
            return {"why": f"the audit has no {method}"}
        audited = methods[method].get("settings", {})
        if any(audited.get(key) != value for key, value in (settings or {}).items()):
            return {"why": "audited with other options"}
        found = methods[method]["metrics"]
        for metric in METRICS:
            if metric in found:
                others = {c: methods[c]["metrics"][metric]["mean"] for c in CONTROLS}
                value = {"value": found[metric]["mean"], "users": found[metric]["users"]}
                return {"metric": metric, **value, **others}
        return {"why": "no audited history is long enough"}

    def text(self, method: str, settings: Mapping[str, Any] | None = None) -> str:
        """Return :meth:`fidelity` in words."""
        found = self.fidelity(method, settings)
        if "why" in found:
            return found["why"]
        others = ", ".join(f"{c} {found[c]:.2f}" for c in CONTROLS if c != method)
        return f"{found['metric']} {found['value']:.2f} ({others}; {found['users']} users)"


def read_audit(folder: RunFolder) -> Audited:
    """Read the audit of a run; one of other weights than the run's doesn't hold."""
    file = folder.path / FILE
    todo = command("explain", f"run={folder.path}", "audit=true")
    if not file.is_file():
        return Audited(None, f"not audited; {todo} does it")
    try:
        content = json.loads(file.read_text())
        weights = content["weights"]
        for each in content["methods"].values():
            [found["mean"] + found["users"] for found in each["metrics"].values()]
        if not set(CONTROLS) <= set(content["methods"]):
            raise KeyError(CONTROLS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Audited(None, f"not audited: {file.name} is damaged; {todo} writes it again")
    if not folder.best.is_file():
        return Audited(None, "not audited: the run has no checkpoint any more")
    if weights != weights_hash(folder):
        return Audited(None, f"not audited: the weights have changed since; {todo} does it again")
    return Audited(content)


def weights_hash(folder: RunFolder) -> str:
    """Return the hash of the weights that recommendations come from."""
    return sha256_of(folder.best)
