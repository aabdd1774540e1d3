"""Tell whether a server's log still looks like what it was."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.drift import main

if __name__ == "__main__":
    main()
