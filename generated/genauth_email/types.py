"""The types that models, endpoint functions and clients share."""

from ._runtime.types import UNSET, Operation, Request, RequestModel, Response, ResponseModel, Unset

for _each in (Operation, Request, RequestModel, Response, ResponseModel, Unset):
    _each.__module__ = __name__

__all__ = ["UNSET", "Operation", "Request", "RequestModel", "Response", "ResponseModel", "Unset"]
