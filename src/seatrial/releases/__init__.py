"""What was judged, signed; and everything that has to hold before it is used."""
