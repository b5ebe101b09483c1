"""A session of requests without a will of its own. Importing this module loads requests."""

from http.cookiejar import DefaultCookiePolicy

import requests


class Session(requests.Session):
    """Sends what it is given: no cookies, nothing from `~/.netrc`, no redirects."""

    def __init__(self) -> None:
        """Start without a memory, and gain none."""
        super().__init__()
        # Else requests would put a password from ~/.netrc in the place of a bearer token.
        self.auth = _unchanged
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: to look ahead, requests would read the whole body, however large."""


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
