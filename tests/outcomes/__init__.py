"""Outcomes of groups: who is counted, what is told of them, and to whom."""
