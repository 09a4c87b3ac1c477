"""Metric names that every process shares. Labels are bounded: never a vehicle id.

Each process exposes them at `http://127.0.0.1:<metrics port>/metrics` with a `process` constant in its own names:
`<process>_received_total`, `<process>_sent_total`, `<process>_rejected_total{reason}`, `<process>_errors_total{kind}`,
`<process>_queue_age_seconds`, `<process>_batch_seconds`.
"""

RECEIVED = "{process}_received_total"
SENT = "{process}_sent_total"
REJECTED = "{process}_rejected_total"
ERRORS = "{process}_errors_total"
QUEUE_AGE = "{process}_queue_age_seconds"
BATCH = "{process}_batch_seconds"
