"""Let simulated users visit a server of recommendations and click, to try things out."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.simulate import main

if __name__ == "__main__":
    main()
