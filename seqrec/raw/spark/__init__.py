"""Spark: a session, tables that it shares with polars, and files that it reads by itself."""
