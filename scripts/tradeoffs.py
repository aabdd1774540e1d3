"""Show what rerankers give and take: accuracy beside calibration, diversity and exposure."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.tradeoffs import main

if __name__ == "__main__":
    main()
