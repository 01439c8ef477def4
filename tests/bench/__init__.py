"""Benchmarks: ratios in one run, never times that must hold."""
