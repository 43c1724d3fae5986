"""Models and data that are known to be bad, each with the claim that has to catch it: the trial on trial."""
