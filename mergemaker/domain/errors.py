"""Everything that can go wrong, as one tree.

    MergemakerError
    ├── UsageError         the caller can mend it: a setting, a name, a missing variable (exit code 2)
    ├── RefusedError       the request was understood and must not be done (exit code 1)
    └── ServiceError       AWS or GitLab did not do what it was asked (exit code 1)
        └── RetryableError     the same call may work later: throttled, timed out, busy

Adapters turn their libraries' exceptions into these; handlers and the command map them once.
A message says what to do next, in one line.
"""


class MergemakerError(Exception):
    """Base of all errors that Mergemaker raises on purpose."""

    retryable = False


class UsageError(MergemakerError):
    """The input is wrong; the message says which part, and what would be right."""


class RefusedError(MergemakerError):
    """The request is clear, but a rule forbids it."""


class ServiceError(MergemakerError):
    """A service refused or failed; trying again without a change will not help."""


class RetryableError(ServiceError):
    """A service failed in a way that passes."""

    retryable = True
