"""What is worth telling about the data beside a verdict."""
