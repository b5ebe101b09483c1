"""The engine: one pass over a provider, and the views on what the passes recorded.

| module | its one concern |
|---|---|
| engine | the straight line; runs over several providers |
| fetching | ask a provider, check the answer, record it |
| supply | where a secret comes from when a place needs it |
| rounds | all sinks of a provider, side by side |
| delivery | one sink: read, plan, write, record |
| bookkeeping | what to record of one place (pure) |
| ledger | the records, with a memory that bridges an outage |
| report, announce | what came of a pass: as values, as events |
| oneshot | runs until done or out of time |
| standing, checkup, lookup | what is held, what won't work, what to hand out |
| workers, inputs | calls that may hang; the state of input files |
"""
