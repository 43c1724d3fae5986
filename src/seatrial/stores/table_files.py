"""pyiceberg's files in a store: Arrow's S3 client, told everything by the store's settings.

pyiceberg finds the class by its name, `FILE_IO`; this is the only module that imports Arrow's S3 client.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from pyarrow.fs import AwsStandardS3RetryStrategy, FileSystem, FileType, S3FileSystem
from pyiceberg.io import OutputFile
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from seatrial.stores.s3_connection import S3Connection

FILE_IO = "seatrial.stores.table_files.StoreFileIO"
CA_FILE = "seatrial.ca-file"  # pyiceberg has no property for it
ATTEMPTS = 8  # with the client's own pauses in between: a minute of a store that says SlowDown
CONNECT_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 120


def s3_properties(connection: S3Connection) -> dict[str, str]:
    """The connection as properties of a catalog."""
    properties = {
        "s3.endpoint": connection.endpoint,
        "s3.region": connection.region,
        "s3.anonymous": "true" if connection.anonymous else None,
        "s3.proxy-uri": connection.proxy,
        "s3.connect-timeout": str(CONNECT_TIMEOUT_S),
        "s3.request-timeout": str(REQUEST_TIMEOUT_S),
        CA_FILE: None if connection.ca is None else str(connection.ca),
    }
    if connection.credentials is not None:
        now = connection.credentials.renewed()
        properties |= {
            "s3.access-key-id": now.access_key,
            "s3.secret-access-key": now.secret_key,
            "s3.session-token": now.session_token,
        }
    return {name: value for name, value in properties.items() if value is not None}


class StoreFileIO(PyArrowFileIO):  # type: ignore[misc]  # pyiceberg is not typed
    """`PyArrowFileIO` with private certificates, more patience, and uploads that may be completed twice."""

    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:  # noqa: ARG002 every bucket is reached alike
        options: Mapping[str, str] = self.properties
        more: dict[str, Any] = {"tls_ca_file_path": options[CA_FILE]} if CA_FILE in options else {}
        return S3FileSystem(
            endpoint_override=options.get("s3.endpoint"),
            access_key=options.get("s3.access-key-id"),
            secret_key=options.get("s3.secret-access-key"),
            session_token=options.get("s3.session-token"),
            anonymous=options.get("s3.anonymous") == "true",
            region=options["s3.region"],
            proxy_options=options.get("s3.proxy-uri"),
            connect_timeout=float(options.get("s3.connect-timeout", CONNECT_TIMEOUT_S)),
            request_timeout=float(options.get("s3.request-timeout", REQUEST_TIMEOUT_S)),
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
            **more,
        )

    def new_output(self, location: str) -> OutputFile:
        """An output whose upload counts as completed when the whole object is there."""
        output = super().new_output(location)
        if not isinstance(output._filesystem, S3FileSystem):
            return output
        return _StoreOutput(location, output._path, output._filesystem, output._buffer_size)


class _StoreOutput(PyArrowFile):  # type: ignore[misc]
    def create(self, overwrite: bool = False) -> Any:  # noqa: FBT001, FBT002 pyiceberg's own signature
        return _Upload(super().create(overwrite), self._filesystem, self._path)


class _Upload:
    """A stream to an object.

    Arrow asks again to complete an upload after a 503, and once more when that was done; the store then knows no such
    upload. So where completing fails, the object itself is looked for: its name is new, so that nobody else wrote it.
    """

    def __init__(self, stream: Any, filesystem: FileSystem, path: str) -> None:
        self._stream, self._filesystem, self._path, self._size = stream, filesystem, path, 0

    def write(self, data: Any) -> int:
        self._stream.write(data)
        count = memoryview(data).nbytes
        self._size += count
        return count

    def flush(self) -> None:
        """Parts are sent as they fill, the rest at the end."""

    def tell(self) -> int:
        return self._size

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)

    def close(self) -> None:
        if self._stream.closed:
            return
        try:
            self._stream.close()
        except OSError:
            info = self._filesystem.get_file_info(self._path)
            if info.type != FileType.File or info.size != self._size:
                raise

    def __enter__(self) -> _Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
