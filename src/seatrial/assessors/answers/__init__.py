"""What a model answered, beside what was true."""
