"""HTML pages that open from disk, offline, with a shared style, theme switch and charts."""
