"""The suite that decides whether a change made the stack better."""
