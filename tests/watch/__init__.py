"""Tests of how the service watches itself."""
