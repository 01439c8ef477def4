"""The plan engine and the clinical content."""
