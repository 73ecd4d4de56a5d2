"""The types that models, endpoint functions and clients share."""

from ._runtime.failure import Failure
from ._runtime.types import UNSET, AttemptDetails, Operation, Request, RequestModel, Response, ResponseModel, Unset

for _each in (AttemptDetails, Failure, Operation, Request, RequestModel, Response, ResponseModel, Unset):
    _each.__module__ = __name__

__all__ = [
    "UNSET",
    "AttemptDetails",
    "Failure",
    "Operation",
    "Request",
    "RequestModel",
    "Response",
    "ResponseModel",
    "Unset",
]
