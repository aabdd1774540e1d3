"""Measure speed, memory and growth of the engine, also against other libraries."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.benchmark import main

if __name__ == "__main__":
    main()
