"""What readers did, how fast, and what they waited for."""
