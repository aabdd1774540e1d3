"""Loggers of curves: each is one file here and one YAML in ``configs/logger``."""
