"""The errors a person can cause; each text says what happened and the next step."""


class AppError(Exception):
    """A failure with a sentence for a person.

    `code` is stable for programs, `message` says what happened, `hint` says what to do next,
    `status` is the HTTP status the web layer answers with.
    """

    code = "error"
    status = 500

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(AppError):
    """What was asked for does not exist, or is not the caller's."""

    code = "not_found"
    status = 404


class Invalid(AppError):
    """The input cannot be used as it is."""

    code = "invalid"
    status = 400


class Refused(AppError):
    """The input is well-formed, but a rule forbids the action."""

    code = "refused"
    status = 403


class Conflict(AppError):
    """Somebody else changed the thing in the meantime, or it is busy."""

    code = "conflict"
    status = 409


class Unavailable(AppError):
    """A part that is needed is not there now; trying again later may help."""

    code = "unavailable"
    status = 503
