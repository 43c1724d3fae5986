"""A model that somebody brings, finished: from its file to a package and a predictor."""

from seatrial.models.finished.open import Finished, open_finished
from seatrial.models.finished.wanted import Wanted

__all__ = ["Finished", "Wanted", "open_finished"]
