"""Show odd lists of a log, or of a run's test, to a person, and keep the verdicts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.review import main

if __name__ == "__main__":
    main()
