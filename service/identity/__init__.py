"""Who calls, and what each may do. Secrets are opaque and random; the database holds their hashes only."""
