"""The dashboard: its pages, its forms, and a real browser that uses it."""
