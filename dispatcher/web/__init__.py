"""What the dispatcher answers over HTTP."""
