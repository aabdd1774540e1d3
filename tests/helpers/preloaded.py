"""Imported once by the process that :mod:`helpers.apart` forks: every library, none of seqrec."""

import sys

import seqrec.experiment.run  # noqa: F401  for what it imports

for name in [name for name in sys.modules if name.partition(".")[0] == "seqrec"]:
    del sys.modules[name]  # a program imports that of its own folder
