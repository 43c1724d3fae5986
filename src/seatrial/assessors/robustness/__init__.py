"""Claims that need the model itself: answers under attack and with one input changed."""
