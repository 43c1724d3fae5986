"""What nothing in a store needs any more: found, and removed."""
