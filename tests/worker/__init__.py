"""Tests of the worker: claims, the gate, sending, results and what survives a kill."""
