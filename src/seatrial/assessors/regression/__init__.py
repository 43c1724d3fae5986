"""Claims about a regression's errors."""
