"""The comparison as one HTML file: no network, no server, for any theme, screen and reader."""
