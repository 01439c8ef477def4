"""Bytes against what takes bytes from outside: synchronisation, import, protocols, whole requests (`make fuzz`)."""
