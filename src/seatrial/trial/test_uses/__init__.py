"""Uses of test data: which rows they are, whatever their file, columns or spelling, and how often they were used."""
