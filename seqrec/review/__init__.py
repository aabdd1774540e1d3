"""Odd lists for a person; verdicts that bind the server and the next update."""
