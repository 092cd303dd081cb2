"""The HTTP session of the SDK's exporters, which tells what came back and what was asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from genops.telemetry.otlp.verdicts import Answers, of_http

if TYPE_CHECKING:
    import requests

_OF_THE_PROTOCOL = {
    "accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host",
    "user-agent",
}  # fmt: skip


class Responses:
    """Reads the responses to one signal's requests.

    No redirection is followed: it could lead a key elsewhere, or to plain text. Some versions of the exporters would.

    Args:
        signal: `traces`, `logs` or `metrics`.
        answers: Takes what was answered.
        direct: Whether requests are sent past any proxy that the environment names.
        headers: The only headers that requests carry besides those of the protocol; `None` leaves them alone.
    """

    def __init__(
        self,
        signal: str,
        answers: Answers,
        *,
        direct: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._signal = signal
        self._answers = answers
        self._direct = direct
        self._headers = headers

    def session(self) -> requests.Session:
        """Return a session whose responses are read."""
        import requests

        session = requests.Session()
        session.hooks["response"].append(self._read)
        adapter = _adapter(self._answers, session)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        session.max_redirects = 0
        if self._direct:
            session.trust_env = False
        if self._headers is not None:
            # The exporter adds the headers of OTEL_EXPORTER_OTLP_HEADERS to any that it is given.
            session.auth = self._only_own
        return session

    def listen(self, exporter: Any) -> None:
        """Read the responses to an exporter that has a session of a credential provider.

        What the session adds to a request is left alone, proxies that it names itself included; what the exporter adds
        from the environment is taken out where headers are given. Another exporter may have the same session, so what
        is heard is the exporter's own calls.
        """
        transport = getattr(getattr(exporter, "_client", None), "_transport", None)
        for holder in filter(None, (exporter, transport)):
            session = getattr(holder, "_session", None)
            if session is not None:
                heard = _Heard(session, self._answers, self._read, self._options(), self._strange)
                holder._session = heard  # noqa: SLF001  (there is no public place between an exporter and its session)

    def _options(self) -> dict[str, Any]:
        stay = {"allow_redirects": False}
        return {**stay, "proxies": {"no_proxy": "*"}} if self._direct else stay

    def _only_own(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        for name in self._strange(request.headers):
            del request.headers[name]
        return request

    def _strange(self, names: Iterable[str]) -> set[str]:
        """Return which of these headers are neither given nor of the protocol; none where no headers are given."""
        if self._headers is None:
            return set()
        own = {name.lower() for name in self._headers} | _OF_THE_PROTOCOL
        return {name for name in names if name.lower() not in own}

    def _read(self, response: requests.Response, *_args: Any, **_options: Any) -> None:
        kind = response.headers.get("Content-Type", "")
        posted = response.request.method == "POST"
        self._answers.answered(of_http(self._signal, response.status_code, kind, response.content, posted=posted))


def _adapter(answers: Answers, session: requests.Session) -> Any:
    """Return a transport that notes each attempt, and whether it ended without an answer although it was sent.

    It also keeps to the certificate of the exporter (`OTEL_EXPORTER_OTLP_CERTIFICATE`), over which the session would
    take that of `REQUESTS_CA_BUNDLE`.
    """
    from requests.adapters import HTTPAdapter

    class Noting(HTTPAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            if isinstance(session.verify, str):
                options["verify"] = session.verify
            with _noted(answers):
                return super().send(request, *args, **options)

    return Noting()


class _Heard:
    """A session of somebody else's, as one exporter sees it: what it is asked and answers is noted.

    Args:
        session: The session.
        answers: Takes the attempts.
        read: Takes the responses.
        options: Further options of each request.
        strange: Returns which headers of a request are left out.
    """

    def __init__(
        self,
        session: Any,
        answers: Answers,
        read: Callable[[Any], object],
        options: Mapping[str, Any],
        strange: Callable[[Iterable[str]], set[str]],
    ) -> None:
        self._session = session
        self._answers = answers
        self._read = read
        self._options = options
        self._strange = strange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def request(self, *args: Any, **options: Any) -> Any:
        """Send a request, as some versions of the exporter do."""
        return self._heard(self._session.request, *args, **options)

    def post(self, *args: Any, **options: Any) -> Any:
        """Send a request, as the others do."""
        return self._heard(self._session.post, *args, **options)

    def _heard(self, send: Callable[..., Any], *args: Any, **options: Any) -> Any:
        headers: dict[str, str] = dict(options.get("headers") or {})
        for name in self._strange(headers):
            del headers[name]
        with _noted(self._answers):
            response = send(*args, **{**options, "headers": headers, **self._options})
        self._read(response)
        return response


@contextmanager
def _noted(answers: Answers) -> Generator[None, None, None]:
    from requests.exceptions import ConnectTimeout, RequestException, SSLError

    answers.attempt()
    try:
        yield
    except RequestException as fault:
        if not (isinstance(fault, (ConnectTimeout, SSLError)) or _refused(fault)):
            answers.unanswered()
        raise


def _refused(fault: Any) -> bool:
    """Return whether there was no connection to send anything over."""
    from urllib3.exceptions import NewConnectionError

    return bool(fault.args) and isinstance(getattr(fault.args[0], "reason", None), NewConnectionError)
