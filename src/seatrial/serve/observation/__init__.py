"""What the server counts of its own work, and shows as metrics."""
