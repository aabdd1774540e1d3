"""Imported once by the process that :mod:`helpers.apart` forks: libraries, package, settings."""

import gc

import seqrec.experiment.run  # noqa: F401  for what it imports
from helpers import CONFIGS
from helpers.compositions import kept_compositions
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.schema import register

KEPT = kept_compositions()
KEPT.__enter__()
register()
check_command_line(["data=synthetic"], config_dir=CONFIGS)  # grammars, signatures, files
gc.collect()
gc.freeze()  # no fork looks through all of this again
