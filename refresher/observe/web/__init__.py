"""What `refresher run` serves over HTTP.

| module | its one concern |
|---|---|
| pages | what each path answers |
| site | from a WSGI request to an answer |
| server | waitress, kept from being held up by anybody |
| binding | from an address to sockets |
| listener | keeps serving, whatever happens |
"""
