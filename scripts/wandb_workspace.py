"""Make a saved workspace view and a report in Weights & Biases for a group of runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.wandb_workspace import main

if __name__ == "__main__":
    main()
