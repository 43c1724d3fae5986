"""The size of a shuffle window, where nobody asks for another."""

WINDOW_MIB = 64  # of row groups, all columns, before compression: what is mixed at once
