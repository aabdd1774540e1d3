"""Search good settings of a model in many trials, judged on validation only."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.tune import main

if __name__ == "__main__":
    main()
