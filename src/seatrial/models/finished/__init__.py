"""A model that somebody brings, finished: from its file to a package and a predictor."""

from seatrial.models.finished.open_finished import FinishedModel, open_finished
from seatrial.models.finished.options import ModelOptions

__all__ = ["FinishedModel", "ModelOptions", "open_finished"]
