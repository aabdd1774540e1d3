"""HTML pages that open from disk and ask for nothing: one style, one theme switch, one chart."""
