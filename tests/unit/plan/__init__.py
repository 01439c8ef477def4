"""The plan engine."""
