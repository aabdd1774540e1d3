"""Where curves go. Each logger is one file here and one YAML in ``configs/logger``."""
