"""Use cases of care: they take a session and the instant, load, decide and store, and neither flush nor commit."""
