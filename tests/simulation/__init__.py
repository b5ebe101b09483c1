"""A credential never lapses, proved: the real engine in a world that is made up.

| module | its one concern |
|---|---|
| kernel | true time, events, strands in place of threads |
| machine | a host's clocks; workers and locks of a process |
| journal | what happened, for a person to read |
| promise, places, uptime | what is promised, of what, and when it can be kept |
| allowance | how often an issuer may be asked |
| issuers, telling, client, sites, archive | what stands around the engine |
| service, processes, surroundings | the daemon, and what happens to it |
| troubles, weather | what can go wrong, and when it does |
| plan, world, run | a world drawn from a seed |
| load, __main__ | many worlds at once, from the command line |
| mutations, breaks | deliberate breaks of the product, each of which must be caught |
"""
