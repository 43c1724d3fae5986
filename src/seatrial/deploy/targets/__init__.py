"""The targets that ship with Seatrial, one file each."""
