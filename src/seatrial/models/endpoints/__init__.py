"""A running endpoint as a predictor: measured as a black box, politely. Evidence yes, release no."""

from seatrial.models.endpoints.request_limits import RequestLimits
from seatrial.models.endpoints.service import Endpoint, open_endpoint

__all__ = ["Endpoint", "RequestLimits", "open_endpoint"]
