"""A sample of rows and answers, kept for the day when their labels come."""
