"""The one path from rows, a model and a question to a judged record."""
