"""Estimate from a log what another policy, or another model, would have earned."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.offpolicy import main

if __name__ == "__main__":
    main()
