"""Who asks? HTTP API, identity, use cases and commands. Meets the worker in the database only."""
