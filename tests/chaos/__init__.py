"""Breaks the delivery engine for as long as it takes, and checks what it did against what it promises: `make chaos`."""
