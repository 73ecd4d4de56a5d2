"""The types that models, endpoint functions and clients share."""

from ._runtime.types import UNSET, AttemptDetails, Operation, Request, RequestModel, Response, ResponseModel, Unset

for _each in (AttemptDetails, Operation, Request, RequestModel, Response, ResponseModel, Unset):
    _each.__module__ = __name__

__all__ = ["UNSET", "AttemptDetails", "Operation", "Request", "RequestModel", "Response", "ResponseModel", "Unset"]
