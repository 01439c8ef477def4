"""Real mobile sync clients, run without a phone: each is a Node.js program that a test drives over a pipe."""
