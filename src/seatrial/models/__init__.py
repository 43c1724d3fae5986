"""From a fitted model to a package that answers for raw named columns, and back to answers."""
