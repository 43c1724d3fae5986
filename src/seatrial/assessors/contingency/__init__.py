"""Groups of rows, and rows counted by group, label and answer."""
