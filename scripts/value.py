"""Tell what each training user's data is worth to the others (data Shapley)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.value import main

if __name__ == "__main__":
    main()
