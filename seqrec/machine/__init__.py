"""The hardware, its memory, and the processes of a run."""
