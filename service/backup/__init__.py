"""Backups: one sealed file each, made under load, proved by restoring, and restored so that nothing is sent twice."""
