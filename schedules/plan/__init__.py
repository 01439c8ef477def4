"""When should what happen? Pure clinical rules: no database, no clock, no environment, no network."""
