"""A table that somebody points at (a file, a folder, s3://, a frame), read as a stream of bounded Arrow tables."""

from seatrial.rows.address import open_rows
from seatrial.rows.frames import rows_of
from seatrial.rows.stream import TABLE_ROWS, Rows

__all__ = ["TABLE_ROWS", "Rows", "open_rows", "rows_of"]
