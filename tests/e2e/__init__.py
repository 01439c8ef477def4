"""Tests with real processes, real servers and real clients."""
