"""Make the weights of a trained run smaller, and keep them if they lose little."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.compress import main

if __name__ == "__main__":
    main()
