"""A client of the dashboard without a browser."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from typing import Any, NamedTuple

from tests.dashboards.made import PASSWORD


class Answer(NamedTuple):
    """Status, headers and the body's text."""

    status: int
    headers: Any
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """Keeps its cookies."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token, self.csrf = url, token, ""
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({}), _Stay())

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, data=body, headers=sent)
        try:
            with self._opener.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        form = urllib.parse.urlencode({"name": name, "password": password, "next": "/alerts"}).encode()
        answer = self.ask("/signin", form, **headers)
        page = self.ask("/", Accept="text/html")
        found = re.search(r'data-csrf="([^"]+)"', page.text)
        self.csrf = found[1] if found else ""
        return answer

    def act(self, path: str, value: Any, **headers: str) -> Answer:
        return self.ask(path, json.dumps(value).encode(), **{"X_CSRF_Token": self.csrf, **headers})
