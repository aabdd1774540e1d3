"""Serve an exported model over HTTP."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.serve import main

if __name__ == "__main__":
    main()
