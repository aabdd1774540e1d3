"""What the command that compares runs prints."""

from helpers.commands import load_script

SCRIPT = load_script("compare")


def said(capsys, *arguments: str) -> tuple[str, str]:
    """Standard output and standard error."""
    SCRIPT.compare_runs(SCRIPT.parse(SCRIPT.Arguments, list(arguments)))
    captured = capsys.readouterr()
    return captured.out, captured.err
