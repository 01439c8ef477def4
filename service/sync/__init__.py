"""Offline-first synchronisation: one core (what changed, what an edit becomes), and a thin adapter for each client.

The core knows no protocol; the adapters know no table.
"""
