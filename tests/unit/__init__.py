"""Tests without a database, a network or a process."""
