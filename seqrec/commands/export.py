"""Export a trained run as a bundle, which answers without torch."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from seqrec.config.cli.script import parse
from seqrec.terminal.errors import plain_errors


@dataclass
class Arguments:
    """Export a trained run as a bundle, which answers without torch.

    python scripts/export.py run=outputs/.../... out=bundle
    """

    run: str  # the folder of a run
    out: Path = Path("bundle")  # the folder to write
    format: str = "onnx"  # onnx
    searchpath: list[str] = field(default_factory=list)  # folders of your own modules
    trust: bool = False  # import and call whatever the run names; only for runs you know


def main() -> None:
    """Read the arguments and export."""
    with plain_errors():
        arguments = parse(Arguments, sys.argv[1:])
        from seqrec.export.export import export

        export(
            arguments.run,
            arguments.out,
            kind=arguments.format,
            trust=arguments.trust,
            searchpath=arguments.searchpath,
        )


if __name__ == "__main__":
    main()
