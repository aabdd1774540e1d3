"""The comparison as one HTML file that needs no network or server, for all screens and readers."""
