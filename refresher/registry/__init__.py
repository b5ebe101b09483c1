"""Tries a credential at its registry, as the programs that pull do.

    GET /v2/ -> the challenge -> Basic, or a token from the realm -> GET /v2/ -> HEAD of an image

| module | its one concern |
|---|---|
| policy | what the settings ask for |
| challenge | what a registry asks for (`WWW-Authenticate`) |
| realm | which token servers may be sent a credential |
| token | what a token server answers |
| client | one request, bounded in time and size |
| presenting | the credential in the way that the registry asks for |
| checking | the whole line, and what it means |
| verifier | the port: never raises, never repeats a credential |
| engines | what docker and podman on this host need to pull |

Sources: https://distribution.github.io/distribution/spec/auth/token/ and
https://github.com/opencontainers/distribution-spec/blob/main/spec.md.
"""
