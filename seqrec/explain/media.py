"""An audit in the run's logger: its table and a picture of it."""

from typing import Any

from seqrec.build import make
from seqrec.config.schema import Root
from seqrec.explain.estimates import CONTROLS
from seqrec.explain.fidelity import metric_names
from seqrec.explain.write import main_metric
from seqrec.run.folder import RunFolder
from seqrec.run.info import RunInfo
from seqrec.terminal.say import say


def log_audit(folder: RunFolder, config: Root, content: dict[str, Any]) -> list[str]:
    """Log an audit to where the run was logged, if its logger takes tables of a run that ended.

    Args:
        folder: the run.
        config: its configuration.
        content: of the audit.

    Returns:
        How to view it. What a logger can't do is said, and stops nothing: the files are there.
    """
    known = content["methods"][CONTROLS[0]]["metrics"]
    main = main_metric(content)
    shown = [main, *(name for name in metric_names() if name in known and name != main)]
    rows = [
        [method, *(found["metrics"][metric]["mean"] for metric in shown)]
        for method, found in content["methods"].items()
    ]
    about = folder.about()
    name, group = (str(about.get(key, "")) for key in ("name", "group"))
    try:
        logger = make(config.logger)
        if not hasattr(logger, "add"):
            return []
        run = RunInfo(folder.path, name, group, str(about.get("run_id", "")))
        return logger.add(run, "explanations", ["method", *shown], rows)
    except Exception as error:  # of a library that meets disks and networks
        words = " ".join(str(error).split()) or type(error).__name__
        say(f"the logger has no audit, the run's folder has everything: {words}")
        return []
