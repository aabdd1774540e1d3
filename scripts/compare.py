"""Compare runs: which is better, by how much, and is it more than chance?"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.compare import main

if __name__ == "__main__":
    main()
