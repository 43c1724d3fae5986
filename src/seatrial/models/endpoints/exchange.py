"""One request and its answer over HTTP, sent again where that may help. The only module that knows httpx."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from seatrial.errors import InputError, SeatrialError, TargetError, field
from seatrial.models.endpoints.request_limits import Pace, RequestLimits
from seatrial.stores.s3_connection import trusting

ANSWER_BYTES = 64 * 2**20  # the answers for some hundred rows are a thousandth of it
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LONGEST_WISH_S = 300.0  # of a Retry-After: longer is as good as down
_AGAIN = (429, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_KEEPING = (307, 308)  # these repeat a POST as a POST
_FOLLOWED = 3
_SHOWN = 200  # characters of what a service says


class RequestRejected(Exception):
    """The service refused what was sent: another form of it may do. Whoever knows none raises the `error`."""

    def __init__(self, error: SeatrialError) -> None:
        super().__init__(str(error))
        self.error = error


class TooMuch(RequestRejected):
    """The body was too large: ask for fewer rows."""


class Exchange:
    """Asks one address. Threads may share it."""

    def __init__(
        self,
        address: str,
        limits: RequestLimits,
        *,
        token: str | None = None,
        ca: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._limits, self._token, self._ca = limits, token, ca
        self._clock, self._sleep = clock, sleep
        self._pace = Pace(limits.requests_per_s, clock=clock, sleep=sleep)
        self._begun = clock()
        self._reached = False
        self._lock = threading.Lock()

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Connections for the time of the block."""
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "seatrial"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        trusted = self._trusted()
        try:
            client = httpx.Client(
                verify=trusted,
                headers=headers,
                timeout=self._limits.timeout_s,
                limits=httpx.Limits(max_connections=self._limits.at_once),
                follow_redirects=False,
            )
        except (OSError, ValueError) as error:  # a certificate file or a proxy that the environment names
            raise InputError(
                f"the environment's settings for HTTP cannot be used: {type(error).__name__}.",
                path=self.address,
                hint="Look at SSL_CERT_FILE and HTTPS_PROXY.",
            ) from None
        with client:
            yield Connection(self, client)

    def _trusted(self) -> ssl.SSLContext | bool:
        """Whose certificates count: those that httpx takes, or the system's and the private ones that were named."""
        if not self.address.startswith("https:"):
            # Reading all authorities takes longer than a request. Over http nobody has to be trusted: nobody is read.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return True if self._ca is None else trusting(self._ca)

    def ask(self, client: httpx.Client, method: str, url: str, body: bytes | None) -> Any:
        """The JSON that is answered; `TargetError` says why there is none, `RequestRejected` that the body is."""
        attempt = 0
        while True:
            self._pace.wait()
            self._check_time()
            wish = None
            try:
                status, headers, answer = self._once(client, method, url, body)
                if status not in _AGAIN:
                    return self._judged(status, headers, answer)
                why = f"answers with status {status}"
                wish = _wished(headers)
            except httpx.TimeoutException:
                why = f"did not answer within {self._limits.timeout_s:g} s"
            except httpx.TransportError as error:
                why = self._broken(error)
            attempt += 1
            if attempt > (self._limits.retries if self._reached else 1):
                raise self._down(f"{why}, {attempt} times.")
            if wish is not None and wish > LONGEST_WISH_S:
                raise self._down(f"{why}, and asks to come back in {wish:.0f} s.")
            pause = min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S) if wish is None else wish
            self._pace.pause(pause)

    def _once(
        self, client: httpx.Client, method: str, url: str, body: bytes | None
    ) -> tuple[int, httpx.Headers, bytes]:
        for _ in range(_FOLLOWED):
            until = self._clock() + self._limits.timeout_s
            with client.stream(method, url, content=body) as response:
                self._reached = True
                status, headers = response.status_code, response.headers
                if status not in _MOVED:
                    return status, headers, self._read(response, until)
            url = self._moved(url, status, headers, method)
        raise self._down("redirects in a circle.")

    def _read(self, response: httpx.Response, until: float) -> bytes:
        answer = bytearray()
        for piece in response.iter_bytes():
            answer += piece
            if len(answer) > ANSWER_BYTES:
                raise self._down(f"answers with more than {ANSWER_BYTES // 2**20} MiB.")
            if self._clock() > until:
                raise httpx.ReadTimeout("the answer came too slowly")
        return bytes(answer)

    def _moved(self, url: str, status: int, headers: httpx.Headers, method: str) -> str:
        target = urljoin(url, str(headers.get("Location", "")))
        if _origin(target) != _origin(url):
            raise self._down(
                f"redirects to another place ({'://'.join(_origin(target)[:2])}), which nobody named.",
                hint="Give that address, if it is the one that is meant.",
            )
        if method != "GET" and status not in _KEEPING:
            raise self._down("redirects a request in a way that drops its rows.", hint="Give the address it names.")
        return target

    def _judged(self, status: int, headers: httpx.Headers, answer: bytes) -> Any:
        if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            raise TooMuch(self._down("takes no request so large (status 413).", hint="Allow fewer rows a request."))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            refusal = "wants a token" if self._token is None else "refuses the token"
            raise self._down(
                f"{refusal} (status {status}).", hint=f"Put it into a variable, and write {field('token', 'env:NAME')}."
            )
        if status == httpx.codes.NOT_FOUND:
            raise InputError(
                f"the endpoint does not know the model (status 404{self._says(answer)}).",
                path=self.address,
                hint="Check the address: http://HOST/v2/models/NAME, or …/versions/VERSION; Azure's ends with /score.",
            )
        if not httpx.codes.is_success(status):
            raise RequestRejected(self._down(f"answers with status {status}{self._says(answer)}."))
        if "text/html" in headers.get("Content-Type", "") or answer.lstrip()[:1] == b"<":
            raise self._down(
                "answers with a web page, not with JSON.", hint="Give the model's own address, not a page about it."
            )
        try:
            return json.loads(answer)
        except (ValueError, RecursionError):
            raise self._down("answers with something else than JSON.") from None

    def _says(self, answer: bytes) -> str:
        """What the service says of it, without what would confuse a terminal, and never the token."""
        try:
            document = json.loads(answer)
            text = document.get("error") or document.get("detail") or document.get("message")
        except (ValueError, RecursionError, AttributeError):
            return ""
        text = "".join(character if character.isprintable() else " " for character in str(text or ""))
        if self._token is not None:
            text = text.replace(self._token, "…")
        return f": {text[:_SHOWN]}" if text else ""

    def _broken(self, error: httpx.TransportError) -> str:
        if isinstance(_root(error), ssl.SSLError) or "SSL" in str(error):
            raise self._down(
                "cannot be asked over TLS: its certificate is not trusted, or it speaks no TLS.",
                hint=f"Name the file of its authority: {field('ca', 'file:ca.pem')}; or correct http:// and https://.",
            )
        if isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError):
            raise self._down("cannot be reached through the proxy that the environment names.", hint="Set NO_PROXY.")
        return "does not answer" if isinstance(error, httpx.ConnectError) else "breaks the connection off"

    def _check_time(self) -> None:
        if self._clock() - self._begun > self._limits.total_s:
            raise self._down(
                f"was asked for {self._limits.total_s:g} s, which is all that is allowed.",
                hint="Ask for fewer rows, or allow more requests at once.",
            )

    def _down(self, what: str, *, hint: str = "Look at the service and its log, then try again.") -> SeatrialError:
        return TargetError(f"the endpoint {what}", path=self.address, hint=hint)


class Connection:
    """An exchange with its connections open."""

    def __init__(self, exchange: Exchange, client: httpx.Client) -> None:
        self._exchange, self._client = exchange, client

    def get(self, url: str) -> Any:
        """The JSON under that URL."""
        return self._exchange.ask(self._client, "GET", url, None)

    def post(self, url: str, document: object) -> Any:
        """The JSON that is answered to this one."""
        body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        return self._exchange.ask(self._client, "POST", url, body)


def _wished(headers: httpx.Headers) -> float | None:
    """Seconds to wait, of a Retry-After in either of its forms (RFC 9110, section 10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((when - datetime.now(UTC)).total_seconds(), 0.0) if when.tzinfo else None


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme, parts.hostname or "", port or {"http": 80, "https": 443}.get(parts.scheme)


def _root(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
