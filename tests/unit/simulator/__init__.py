"""What a plan would say on every day: the simulator, and why a message is due when it is."""
