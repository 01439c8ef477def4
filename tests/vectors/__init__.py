"""The samples in docs/vectors, by which any app shows the same states as the server.

Write them again with `.venv/bin/python -m tests.vectors`, and read the difference before keeping it.
"""
