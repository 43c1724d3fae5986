"""From the path of a data file to its bytes: one Protocol, and a wire for folders and one for HTTP."""
