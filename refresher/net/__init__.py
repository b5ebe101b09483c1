"""What every talk over HTTP here needs: whom to trust, when to give up, why nobody answered.

| module | its one concern |
|---|---|
| url | URLs that servers and people name |
| trust | the certificate authorities, and whether a file holds any |
| wire | connections that end when a time is over |
| direct | calls without an HTTP library, for the many and the hurried |
| pool | their connections, kept open |
| retryafter | the wait that a server asks for |
| transport | connections over a wire, and by what certificates are checked |
| session | requests without cookies, redirects and `~/.netrc` |
| silence | why there was no answer |
"""
