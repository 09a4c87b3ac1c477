"""Why a request is not taken, as a value that becomes the answer's JSON body."""

import msgspec


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """`error_code` is the HTTP status and two digits more, as in the Kafka REST proxy; `record` is the position of the culprit."""

    error_code: int
    message: str
    hint: str
    record: int | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.error_code // 100
